"use strict";
// Tables: sorting, filtering, choosing columns; and which section is being read.
(function () {
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const byId = (id) => document.getElementById(id);

  function sortBy(table, column, header) {
    const down = header.getAttribute("aria-sort") === "ascending";
    all("th", table.tHead).forEach((th) => th.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    const numeric = header.classList.contains("num");
    const key = (row) => {
      const cell = row.cells[column];
      if (!numeric) return cell.textContent.trim();
      const text = cell.dataset.v;
      return text === undefined || text === "" ? NaN : Number(text);
    };
    const rows = Array.from(table.tBodies[0].rows).map((row) => [key(row), row]);
    rows.sort(([a], [b]) => {
      if (!numeric) return (down ? -1 : 1) * a.localeCompare(b, "en", { numeric: true });
      if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b);  // what is missing comes last
      return down ? b - a : a - b;
    });
    rows.forEach(([, row]) => table.tBodies[0].append(row));
  }

  all("table.sortable").forEach((table) => {
    const headers = Array.from(table.tHead.rows[table.tHead.rows.length - 1].cells);
    headers.forEach((header, column) => {
      header.querySelector("button").addEventListener("click", () => sortBy(table, column, header));
    });
  });

  const verdicts = all("table.filtered");
  function filterVerdicts() {
    const words = byId("v-filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    const system = byId("v-system") ? byId("v-system").value : "";
    verdicts.forEach((table) => all("tbody tr", table).forEach((row) => {
      const name = row.dataset.name.toLowerCase();
      const fits = words.every((word) => name.includes(word));
      row.hidden = !fits || (system !== "" && row.dataset.system !== system);
    }));
  }
  byId("verdict-controls").hidden = false;
  byId("v-filter").addEventListener("input", filterVerdicts);
  if (byId("v-system")) byId("v-system").addEventListener("change", filterVerdicts);
  [["v-fmr", "fmr"], ["v-eer", "eer"]].forEach(([id, name]) => {
    const choose = () => verdicts.forEach((table) => { table.dataset[name] = byId(id).value; });
    byId(id).addEventListener("change", choose);
    choose();  // a browser may have kept an earlier choice over a reload
  });

  if (byId("l-filter")) {
    byId("ledger-controls").hidden = false;
    byId("l-filter").addEventListener("input", () => {
      const wanted = byId("l-filter").value.toLowerCase();
      all("#ledger-table tbody tr").forEach((row) => {
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
      });
    });
  }

  const links = new Map(all("nav.toc a").map((a) => [a.getAttribute("href").slice(1), a]));
  const watcher = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (!entry.isIntersecting) return;
    links.forEach((a) => a.classList.remove("here"));
    links.get(entry.target.id).classList.add("here");
  }), { rootMargin: "-10% 0px -80% 0px" });
  links.forEach((_, id) => watcher.observe(byId(id)));
})();
