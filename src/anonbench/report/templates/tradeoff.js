"use strict";
// Privacy against utility: every pair of axes, and the pictures behind the chosen point.
(function () {
  const { P, INK, SOFT, LINE, CONFIG, byId, controls, element, faded, layout, metric, percent, real, same, style, title } = window.anonbench;
  const T = P.tradeoff, C = P.cutouts, chart = byId("tradeoff-chart"), panel = byId("tradeoff-sheet");
  const MORE = [
    ...P.detectors.map((d) => ["detected|" + d, "Faces still found by " + d]),
    ["ssim_inside|", "SSIM inside the face"], ["ssim_outside|", "SSIM outside the face"],
  ];
  const UTILITIES = [...T.utilities, ...MORE];
  const nameOf = (list, key) => list.find(([k]) => k === key)[1];
  const order = [...real, ...P.methods.filter((m) => m.control)];  // controls on top
  const rough = (v) => (v === null ? "n/a" : Number(v.toPrecision(3)));
  const bounds = (r, write) => (r[1] === null || r[2] === null ? "no interval" : write(r[1]) + " to " + write(r[2]));

  // One condition on the chosen axes; `chance` is null where nobody computed it.
  function read(c, method, strength) {
    const key = (axis) => [c.dataset, axis, method, strength].join("|");
    const [name, system] = c.utility.split("|");
    const front = T.front[[c.dataset, c.privacy, c.utility, method, strength].join("|")] || [null, null, null, ""];
    const x = T.privacy[key(c.privacy)] || [null, null, null, null, ""];
    let y = T.utility[key(c.utility)] || [null, null, null, null, ""];
    if (system !== undefined) {
      const own = metric(name, c.dataset, method, strength, "", system, "");
      y = own ? [own[0], own[1], own[2], null, system] : [null, null, null, null, ""];
    }
    return { key: method + "|" + strength, method, strength, x, y, on: front[0], chance: front[1], correlation: front[2], note: front[3] };
  }

  // Where no front was computed, it is that of the values, without a probability.
  function markFront(points, control) {
    if (points.some((p) => p.on !== null)) return;
    const rivals = points.filter((p) => !control.has(p.method));
    rivals.forEach((p) => {
      p.on = rivals.some((q) => q.x[0] >= p.x[0] && q.y[0] >= p.y[0] && (q.x[0] > p.x[0] || q.y[0] > p.y[0])) ? 0 : 1;
    });
  }

  function fill(hex, chance) {
    if (chance === null) return hex;
    return "rgb(" + [1, 3, 5].map((k) => Math.round(255 + (parseInt(hex.slice(k, k + 2), 16) - 255) * chance)).join(",") + ")";
  }

  function frontTrace(points, left) {
    const corners = points.filter((p) => p.on === 1).sort((a, b) => a.x[0] - b.x[0] || b.y[0] - a.y[0]);
    if (!corners.length) return [];
    const x = [left], y = [corners[0].y[0]];
    corners.forEach((p, k) => {
      x.push(p.x[0], p.x[0]);
      y.push(p.y[0], k + 1 < corners.length ? corners[k + 1].y[0] : 0);
    });
    return [{
      x, y, mode: "lines", fill: "tozeroy", fillcolor: "rgba(120,120,110,0.09)", line: { color: "#3d3d3d", width: 1.25, dash: "dash" },
      name: "Pareto front", hoverinfo: "skip",
    }];
  }

  // Ellipses that hold 95 % of the resamples, from both standard deviations and the correlation.
  function ellipses(points, color, end) {
    const x = [], y = [], radius = Math.sqrt(5.991464547);
    points.forEach((p) => {
      if (p.x[3] === null || p.y[3] === null || p.correlation === null || p.x[3] * p.y[3] === 0) return;
      for (let k = 0; k <= 48; k += 1) {
        const a = (k / 24) * Math.PI, r = p.correlation;
        x.push(Math.min(end, Math.max(0, p.x[0] + radius * p.x[3] * Math.cos(a))));
        y.push(Math.max(0, p.y[0] + radius * p.y[3] * (r * Math.cos(a) + Math.sqrt(1 - r * r) * Math.sin(a))));
      }
      x.push(null); y.push(null);
    });
    return { x, y, mode: "lines", fill: "toself", fillcolor: faded(color).replace("0.38", "0.13"), line: { color: faded(color), width: 0.75 }, hoverinfo: "skip", showlegend: false };
  }

  const share = (c) => !c.utility.startsWith("ssim");
  const write = (c, axis) => (axis === "x" || share(c) ? (v) => percent(v) : rough);
  const chanceText = (p) => (p.chance === null ? (p.on === null ? "a control, on no front" : "probability not computed on these axes") : percent(p.chance));

  function trace(c, m, points) {
    const look = style.get(m.name) || { color: m.name === "original" ? "#8a8a8a" : "#111111", symbol: m.name === "original" ? "star" : "x" };
    const arm = (r, k) => (r[k] === null ? 0 : Math.abs(r[k] - r[0]));
    const bars = (axis) => ({ type: "data", symmetric: false, array: points.map((p) => arm(p[axis], 2)), arrayminus: points.map((p) => arm(p[axis], 1)), thickness: 1.1, width: 0, color: faded(look.color), visible: !c.ellipses || m.control });
    return {
      x: points.map((p) => p.x[0]), y: points.map((p) => p.y[0]), name: m.name, mode: m.control ? "markers+text" : "lines+markers",
      text: m.control ? [m.name] : undefined, textposition: m.name === "original" ? "top right" : "top left", textfont: { size: 13, color: INK },
      line: { color: look.color, width: 1.75 }, error_x: bars("x"), error_y: bars("y"),
      marker: { symbol: look.symbol, size: m.control ? 13 : 11, color: points.map((p) => fill(look.color, p.chance)), line: { color: look.color, width: 1.75 } },
      customdata: points.map((p) => [p.key, title(m.name, p.strength), percent(p.x[0]), bounds(p.x, write(c, "x")), p.x[4], write(c, "y")(p.y[0]), bounds(p.y, write(c, "y")), chanceText(p)]),
      hovertemplate: "<b>%{customdata[1]}</b><br>privacy %{customdata[2]} (%{customdata[3]})<br>worst attack: %{customdata[4]}<br>utility %{customdata[5]} (%{customdata[6]})<br>on the front: %{customdata[7]}<extra></extra>",
    };
  }

  let points = [];  // what can be drawn on the chosen axes, by privacy
  function draw(c) {
    const control = new Set(P.methods.filter((m) => m.control).map((m) => m.name));
    const all = order.flatMap((m) => m.strengths.map((s) => read(c, m.name, s)));
    points = all.filter((p) => p.x[0] !== null && p.y[0] !== null);
    markFront(points, control);
    const eer = c.privacy === "geer";
    const most = (axis, least) => Math.max(least, ...points.map((p) => p[axis][0]));
    const right = most("x", eer ? 0.5 : 1), top = most("y", 1);
    const own = (m) => points.filter((p) => p.method === m.name);
    const traces = frontTrace(points, -0.03 * right);
    const looks = (m) => style.get(m.name).color;
    if (c.ellipses) real.forEach((m) => { if (own(m).length) traces.push(ellipses(own(m), looks(m), right)); });
    order.forEach((m) => { if (own(m).length) traces.push(trace(c, m, own(m))); });
    points.sort((a, b) => a.x[0] - b.x[0] || b.y[0] - a.y[0]);
    const chosen = all.find((p) => p.key === c.condition);
    if (chosen && points.includes(chosen)) {
      traces.push({ x: [chosen.x[0]], y: [chosen.y[0]], mode: "markers", hoverinfo: "skip", showlegend: false, marker: { symbol: "circle-open", size: 24, color: INK, line: { width: 2 } } });
    }
    Plotly.react(chart, traces, layout({
      height: 620, margin: { l: 72, r: 16, t: 12, b: 96 }, legend: { orientation: "h", x: 0, y: -0.13, yanchor: "top", font: { size: 12 } },
      xaxis: { title: { text: "Privacy: " + nameOf(T.privacies, c.privacy) + " →", standoff: 10 }, range: [-0.03 * right, 1.045 * right], tickformat: ".0%", gridcolor: LINE, zeroline: false },
      yaxis: { title: { text: nameOf(UTILITIES, c.utility) + " →" }, range: [-0.04 * top, 1.06 * top], tickformat: share(c) ? ".0%" : ".1f", gridcolor: LINE, zeroline: false },
      annotations: points.length ? [] : [{ text: "Nothing to draw on these axes", xref: "paper", yref: "paper", x: 0.5, y: 0.5, showarrow: false, font: { size: 15, color: SOFT } }],
    }), CONFIG);
    const gaps = all.filter((p) => !points.includes(p)), reasons = [...new Set(gaps.map((p) => p.note).filter(Boolean))];
    byId("tradeoff-note").textContent = gaps.length
      ? "Not drawn, as a number is missing: " + (gaps.length === all.length ? "every condition" : gaps.map((p) => title(p.method, p.strength)).join(", ")) + (reasons.length ? ". Why: " + reasons.slice(0, 3).join("; ") : "") + "."
      : "";
    if (chosen) show(c, chosen);
  }

  function picture(c, key, caption) {
    const figure = element("figure"), source = C.pictures[c.dataset + "|" + key];
    if (source) {
      const image = element("img");
      image.src = source;
      image.alt = caption + ": " + (C.people[c.dataset] || []).join(", ");
      figure.append(image);
    } else {
      figure.append(element("p", C.why || "no pictures of this condition", "note"));
    }
    figure.append(element("figcaption", caption));
    return figure;
  }

  function show(c, p) {
    const name = title(p.method, p.strength), list = element("dl"), pair = element("div", undefined, "pair");
    const add = (term, value, more) => {
      const what = element("dd", value);
      if (more) what.append(element("span", more, "quiet"));
      list.append(element("dt", term), what);
    };
    const value = (r, how) => (r[0] === null ? "n/a" : how(r[0]));
    add("Privacy", value(p.x, write(c, "x")), " (" + bounds(p.x, write(c, "x")) + ")");
    if (p.x[4]) add("Worst attack", p.x[4]);
    add("Utility", value(p.y, write(c, "y")), " (" + bounds(p.y, write(c, "y")) + ")");
    add("On the front", chanceText(p), p.on === 1 ? " · on it in this run" : "");
    if (p.note) add("Note", p.note);
    pair.append(picture(c, "original|none", "original"));
    if (p.method !== "original") pair.append(picture(c, p.key, name));
    const failed = C.failed[c.dataset + "|" + p.key] || [];
    const lost = failed.length ? [element("p", "Blacked out, as the method failed: " + failed.join("; ") + ".", "note")] : [];
    panel.replaceChildren(element("h3", name), pair, ...lost, list);
  }

  const conditions = order.flatMap((m) => m.strengths.map((s) => [m.name + "|" + s, title(m.name, s)]));
  // First shown: the point that is most surely on the front, at the first axes that have any.
  const dataset = P.datasets[0], keys = Object.keys(T.front).filter((k) => k.startsWith(dataset + "|") && T.front[k][0] === 1);
  const axes = T.utilities.map(([u]) => u).flatMap((u) => T.privacies.map(([p]) => [p, u])).find(([p, u]) => keys.some((k) => k.startsWith([dataset, p, u, ""].join("|")))) || [T.privacies[0][0], T.utilities[0][0]];
  const first = keys.filter((k) => k.startsWith([dataset, ...axes, ""].join("|"))).sort((a, b) => (T.front[b][1] || 0) - (T.front[a][1] || 0))[0];
  const inputs = controls("tradeoff-controls", [
    { name: "dataset", label: "Data set", options: same(P.datasets) },
    { name: "privacy", label: "Privacy (right is better)", options: T.privacies, value: axes[0] },
    { name: "utility", label: "Utility (up is better)", options: UTILITIES, value: axes[1] },
    { name: "condition", label: "Pictures of", options: conditions, value: first ? first.split("|").slice(3).join("|") : conditions[0][0] },
    { name: "ellipses", label: "ellipses instead of error bars", tick: true },
  ], draw);
  function choose(key) {
    inputs.condition.value = key;
    inputs.condition.dispatchEvent(new Event("change"));
  }
  chart.on("plotly_click", (event) => {
    const data = event.points[0] && event.points[0].customdata;
    if (data) choose(data[0]);
  });
  // With the keyboard: from point to point, by privacy.
  chart.addEventListener("keydown", (event) => {
    const last = points.length - 1, at = points.findIndex((p) => p.key === inputs.condition.value);
    const to = { ArrowRight: Math.min(last, at + 1), ArrowLeft: Math.max(0, at < 0 ? 0 : at - 1), Home: 0, End: last }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    choose(points[to].key);
  });
})();
