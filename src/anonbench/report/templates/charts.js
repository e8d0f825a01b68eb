"use strict";
(function () {
  const P = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const INK = "#1c2530", SOFT = "#566372", LINE = "#e3e8ed";
  // Okabe and Ito: told apart with every kind of colour vision; symbols tell the rest.
  const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A4FA3"];
  const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "x", "star"];
  const SCALE = [[236, 150, 40], [213, 94, 0], [136, 34, 85], [51, 34, 136]];
  const FONT = { family: "system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif", size: 13, color: INK };
  const CONFIG = {
    displaylogo: false, responsive: true,
    // Only these buttons: the library's own set has one that sends the chart to a server.
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
    plotlyServerURL: "", topojsonURL: "",
    toImageButtonOptions: { format: "svg" },
  };
  const POLICIES = { detected: "finds the face (detected)", aligned: "is told the face (aligned)" };
  const KINDS = { completed: "completed comparisons", generalised: "generalised (failures included)" };
  const real = P.methods.filter((m) => !m.control);
  const style = new Map(real.map((m, k) => [m.name, {
    color: COLOURS[k % COLOURS.length],
    symbol: SYMBOLS[(k + Math.floor(k / COLOURS.length)) % SYMBOLS.length],
  }]));
  const title = (method, strength) => (strength === "none" ? method : method + " " + strength);
  const percent = (v, digits) => (v === null ? "n/a" : Number((100 * v).toPrecision(digits || 3)) + "\u00a0%");
  const span = (r) => (r[1] === null || r[2] === null ? "no interval" : percent(r[1]).replace("\u00a0%", "") + " to " + percent(r[2]));
  const metric = (...key) => P.metrics[key.join("|")];
  const layout = (more) => Object.assign({
    font: FONT, paper_bgcolor: "#fff", plot_bgcolor: "#fff", hovermode: "closest",
    margin: { l: 64, r: 20, t: 20, b: 56 }, hoverlabel: { bgcolor: "#fff", bordercolor: "#b9c2cc", font: FONT },
    legend: { font: { size: 12 }, itemsizing: "constant" },
  }, more);

  // A row of labelled choices; `draw` gets what is chosen.
  function controls(id, fields, draw) {
    const root = byId(id), inputs = {};
    const chosen = () => Object.fromEntries(Object.entries(inputs).map(
      ([name, input]) => [name, input.type === "checkbox" ? input.checked : input.value]));
    fields.forEach(({ name, label, options, value, tick }) => {
      const wrap = document.createElement("label");
      const input = document.createElement(tick ? "input" : "select");
      if (tick) {
        input.type = "checkbox";
        wrap.className = "tick";
        wrap.append(input, label);
      } else {
        options.forEach(([key, text]) => input.append(new Option(text, key, key === value, key === value)));
        wrap.append(label, input);
        wrap.hidden = options.length < 2;
        if (wrap.hidden) wrap.style.display = "none";
      }
      input.addEventListener("change", () => draw(chosen()));
      inputs[name] = input;
      root.append(wrap);
    });
    draw(chosen());
    return inputs;
  }
  const same = (list) => list.map((v) => [v, v]);
  const last = (list) => list[list.length - 1];
  const conditionFields = (attacks) => [
    { name: "dataset", label: "Data set", options: same(P.datasets) },
    { name: "system", label: "Recogniser", options: same(P.recognisers) },
    { name: "attack", label: "Attack", options: same(attacks) },
    { name: "policy", label: "Attacker", options: P.policies.map((p) => [p, POLICIES[p] || p]), value: last(P.policies) },
  ];

  // Inverse of the normal distribution function: Acklam's rational approximation, error < 1.2e-9.
  function probit(p) {
    const a = [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239];
    const b = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572];
    const c = [-0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783];
    const d = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416];
    const poly = (k, x) => k.reduce((sum, v) => sum * x + v, 0);
    if (p > 0.5) return -probit(1 - p);
    if (p < 0.02425) {
      const q = Math.sqrt(-2 * Math.log(p));
      return poly(c, q) / (poly(d, q) * q + 1);
    }
    const q = p - 0.5, r = q * q;
    return (poly(a, r) * q) / (poly(b, r) * r + 1);
  }
  // A rate of 0 or 1 has no normal deviate: half a comparison is as far as n comparisons can tell.
  const deviate = (rate, n) => probit(Math.min(Math.max(rate, 0.5 / Math.max(n, 1)), 1 - 0.5 / Math.max(n, 1)));

  const TICKS = [1e-6, 1e-5, 1e-4, 0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999];
  const deviateAxis = (text, range) => ({
    title: { text, standoff: 12 }, range, tickvals: TICKS.map(probit),
    ticktext: TICKS.map((t) => percent(t, 6)), gridcolor: LINE, zeroline: false, linecolor: "#9aa5b1", ticks: "outside", tickcolor: "#9aa5b1",
  });

  function ramp(k, n) {
    const at = n < 2 ? SCALE.length - 1 : (k / (n - 1)) * (SCALE.length - 1);
    const low = Math.min(Math.floor(at), SCALE.length - 2), part = at - low;
    return "rgb(" + SCALE[low].map((v, i) => Math.round(v + (SCALE[low + 1][i] - v) * part)).join(",") + ")";
  }

  function detChoice(show) {
    const [how, name] = show.split(":");
    if (how === "method") {
      const m = P.methods.find((one) => one.name === name);
      return m.strengths.map((s, k) => ({ method: m.name, strength: s, color: ramp(k, m.strengths.length) }));
    }
    const place = (n) => ({ weakest: 0, middle: Math.floor((n - 1) / 2), strongest: n - 1 })[name];
    return real.map((m) => ({ method: m.name, strength: m.strengths[place(m.strengths.length)], ...style.get(m.name) }));
  }

  const faded = (hex) => "rgba(" + [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16)).join(",") + ",0.38)";
  function wrapped(text, width) {
    const cut = text.length > width ? text.lastIndexOf(" ", width) : -1;
    return cut < 0 ? text : text.slice(0, cut) + "<br>" + text.slice(cut + 1);
  }
  const level = (a, b) => (Math.min(a, b) >= 30 ? 2 : Math.min(a, b) >= 3 ? 1 : 0);

  // Traces of one curve: what has 30 errors, what has 3, and (on demand) what has fewer.
  function detTraces(curve, look, name, weak) {
    const n = curve.x.length, levels = curve.a.map((a, k) => level(a, curve.b[k]));
    const u = curve.x.map((x) => deviate(x, curve.na)), v = curve.y.map((y) => deviate(y, curve.nb));
    const shown = { count: 0, u: [], v: [] }, traces = [];
    [["solid", 2], ["dash", 1], ["dot", 0]].forEach(([dash, wanted]) => {
      if (wanted === 0 && !weak) return;
      const x = [], y = [], data = [];
      const put = (k) => {
        x.push(u[k]); y.push(v[k]); shown.u.push(u[k]); shown.v.push(v[k]);
        data.push([percent(curve.x[k]), percent(curve.y[k]), curve.d[k] === null ? "n/a" : curve.d[k], curve.a[k], curve.b[k]]);
      };
      for (let k = 0; k + 1 < n; k += 1) {
        if (Math.min(levels[k], levels[k + 1]) !== wanted) continue;
        put(k); put(k + 1);
        x.push(null); y.push(null); data.push([]);
      }
      shown.count += x.length;
      traces.push({
        x, y, customdata: data, mode: "lines", name, legendgroup: name, showlegend: false,
        line: { color: look.color, width: look.width || 2, dash },
        hovertemplate: "<b>" + name + "</b><br>FMR %{customdata[0]} (%{customdata[3]} false matches)<br>FNMR %{customdata[1]} (%{customdata[4]} false non-matches)<br>accepted up to distance %{customdata[2]}<extra></extra>",
      });
    });
    const marked = Boolean(look.symbol), marker = { symbol: look.symbol, color: look.color, size: 8 };
    if (marked && shown.u.length) {  // a few symbols tell lines of the same colour apart
      const some = [0.1, 0.3, 0.5, 0.7, 0.9].map((f) => Math.floor(f * shown.u.length));
      traces.push({
        x: some.map((k) => shown.u[k]), y: some.map((k) => shown.v[k]), mode: "markers", marker, hoverinfo: "skip", legendgroup: name, showlegend: false,
      });
    }
    traces.push({
      x: [null], y: [null], mode: marked ? "lines+markers" : "lines", marker, name, legendgroup: name, line: { color: look.color, width: look.width || 2 },
    });
    return [traces, shown];
  }

  function drawDet(c) {
    const traces = [], none = [], thin = [], us = [], vs = [];
    const add = (method, strength, attack, look, name) => {
      const key = [c.dataset, c.system, attack, c.policy, method, strength, c.kind].join("|");
      const place = P.curves.index[key];
      if (place === undefined) { none.push(name); return; }
      const [own, shown] = detTraces(P.curves.curves[place], look, name, c.weak);
      if (!shown.count) { thin.push(name); return; }
      traces.push(...own); us.push(...shown.u); vs.push(...shown.v);
    };
    add("original", "none", "baseline", { color: INK, width: 2.5 }, "original (baseline)");
    detChoice(c.show).forEach((one) => add(one.method, one.strength, c.attack, one, title(one.method, one.strength)));
    const least = (list) => Math.max(-4.6, Math.min(-1.8, ...list) - 0.12);
    const most = (list) => Math.min(4, Math.max(1.3, ...list) + 0.12);
    const xr = [least(us), most(us)], yr = [least(vs), most(vs)];
    traces.unshift({
      x: [-5, 5], y: [5, -5], mode: "lines", line: { color: "#b4bcc5", width: 1.5 }, name: "guessing", hoverinfo: "skip",
    });
    Plotly.react("det-chart", traces, layout({
      height: 620, xaxis: deviateAxis("False match rate" + (c.kind === "generalised" ? ", generalised (GFAR)" : " (FMR)"), xr),
      yaxis: deviateAxis("False non-match rate" + (c.kind === "generalised" ? ", generalised (GFRR)" : " (FNMR)"), yr),
    }), CONFIG);
    const notes = [];
    if (none.length) notes.push("No curve (too few completed comparisons): " + none.join(", ") + ".");
    if (thin.length) notes.push("Fewer than 3 errors of one kind at every threshold, so nothing to draw: " + thin.join(", ") + ".");
    if (P.curves.limit) notes.push("Curves are thinned to at most " + P.curves.limit + " points; results/curves/curves.parquet has more.");
    byId("det-note").textContent = notes.join(" ");
  }
  controls("det-controls", [
    ...conditionFields(P.attacks),
    { name: "kind", label: "Curve", options: Object.entries(KINDS) },
    { name: "show", label: "Show", options: [
      ...real.map((m) => ["method:" + m.name, m.name + ", all strengths"]),
      ...["weakest", "middle", "strongest"].map((w) => ["compare:" + w, "all methods, " + w + " strength"]),
      ["method:blank", "blank (control)"],
    ] },
    { name: "weak", label: "also below 3 errors (dotted, not to be cited)", tick: true },
  ], drawDet);

  function drawStrengths(c) {
    const box = byId("strengths-chart").clientWidth || 1000;
    const columns = Math.max(1, Math.min(6, Math.floor(box / 235))), rows = Math.ceil(real.length / columns);
    const fta = c.attack === "reverse" ? "fte" : "fta", base = metric("eer", c.dataset, "original", "none", "baseline", c.system, c.policy);
    const traces = [], more = { annotations: [], shapes: [] };
    const looks = [[c.rate, c.rate === "eer" ? "EER" : "generalised EER", "#0072B2", "circle"], [fta, fta.toUpperCase(), "#D55E00", "square"]];
    real.forEach((m, k) => {
      const col = k % columns, row = Math.floor(k / columns), id = k ? String(k + 1) : "";
      const w = 1 / columns, h = 1 / rows, gap = rows > 1 ? 0.34 * h : 0.1;
      const x0 = col * w + 0.012, top = 1 - row * h;
      const shift = 0.013 * (m.strengths.length + 0.2);  // the same in every panel
      const places = m.strengths.map((_, i) => i), words = m.strengths.map((s) => title(m.name, s));
      more["xaxis" + id] = {
        domain: [x0, (col + 1) * w - 0.012], anchor: "y" + id, tickvals: places, ticktext: m.strengths.map((s) => (s === "none" ? "no strengths" : s)),
        tickfont: { size: 11 }, title: { text: wrapped(m.unit, 34), font: { size: 11, color: SOFT }, standoff: 4 }, range: [-0.6, places.length - 0.4],
        linecolor: "#c5ccd3", fixedrange: true, tickangle: 0, showgrid: false, zeroline: false,
      };
      more["yaxis" + id] = {
        domain: [top - h + gap, top - 0.05 * h - 14 / (rows * 225)], anchor: "x" + id, range: [-0.16, 1.06], tickvals: [0, 0.25, 0.5, 0.75, 1], tickformat: ".0%",
        showticklabels: col === 0, gridcolor: LINE, zeroline: true, zerolinecolor: "#c5ccd3", tickfont: { size: 11 }, fixedrange: true,
      };
      more.annotations.push({
        text: "<b>" + m.name + "</b>", xref: "paper", yref: "paper", x: x0, y: top - 0.02 * h, xanchor: "left", yanchor: "bottom", showarrow: false, font: { size: 12.5 }, yshift: -18,
      });
      if (base && base[0] !== null) {
        traces.push({ x: [-0.6, places.length - 0.4], y: [base[0], base[0]], xaxis: "x" + id, yaxis: "y" + id, mode: "lines", hoverinfo: "skip", line: { color: INK, width: 1, dash: "dot" }, name: "EER, nothing anonymised", legendgroup: "base", showlegend: k === 0 });
      }
      looks.forEach(([name, text, color, symbol], which) => {
        const own = m.strengths.map((s) => metric(name, c.dataset, m.name, s, c.attack, c.system, c.policy) || [null, null, null, null, "not among the run's results"]);
        const bar = (k2) => own.map((r) => (r[0] === null || r[k2] === null ? 0 : Math.abs(r[k2] - r[0])));
        const axes = { xaxis: "x" + id, yaxis: "y" + id, legendgroup: text };
        traces.push({
          ...axes, x: places.map((i) => i + (which ? shift : -shift)), y: own.map((r) => r[0]), mode: "lines+markers", name: text, showlegend: k === 0,
          line: { color, width: 1.75 }, marker: { color, symbol, size: 6.5 },
          error_y: { type: "data", symmetric: false, array: bar(2), arrayminus: bar(1), color: faded(color), thickness: 1.25, width: 0 },
          customdata: own.map((r) => [percent(r[0]), span(r), r[3], r[4] ? "<br>" + r[4] : ""]), text: words,
          hovertemplate: "<b>%{text}</b><br>" + text + " %{customdata[0]} (%{customdata[1]})<br>n = %{customdata[2]}%{customdata[3]}<extra></extra>",
        });
        const gaps = own.map((r, i) => [r, i]).filter(([r]) => r[0] === null);
        traces.push({
          ...axes, x: gaps.map(([, i]) => i), y: gaps.map(() => (which ? -0.13 : -0.08)), mode: "text", text: gaps.map(() => "n/a"),
          textfont: { size: 9.5, color: which ? color : SOFT }, showlegend: false, customdata: gaps.map(([r, i]) => [words[i], r[4]]),
          hovertemplate: "<b>%{customdata[0]}</b><br>" + text + " n/a: %{customdata[1]}<extra></extra>",
        });
      });
    });
    Plotly.react("strengths-chart", traces, layout({
      height: rows * 225 + 60, margin: { l: 48, r: 8, t: 44, b: 16 }, legend: { orientation: "h", x: 0, y: 1, yref: "paper", yanchor: "bottom", yshift: 10 }, ...more,
    }), CONFIG);
  }
  controls("strengths-controls", [
    ...conditionFields(P.attacks),
    { name: "rate", label: "Error rate", options: [["eer", "EER, completed comparisons"], ["geer", "generalised EER (failures included)"]] },
  ], drawStrengths);

  function element(tag, text, cls) {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (cls) node.className = cls;
    return node;
  }

  function drawConfusion(c, method, strength) {
    const table = element("table", undefined, "confusion"), head = table.createTHead().insertRow(), notes = new Set();
    ["", "accepted", "rejected"].forEach((t) => { const th = element("th", t); th.scope = "col"; head.append(th); });
    const body = table.createTBody();
    [["mated", "same person"], ["nonmated", "different people"]].forEach(([kind, text]) => {
      const row = body.insertRow(), r = metric(kind + "_accepted_at_" + P.threshold, c.dataset, method, strength, c.attack, c.system, c.policy);
      const th = element("th", text); th.scope = "row"; row.append(th);
      [0, 1].forEach((k) => {
        const cell = row.insertCell();
        cell.className = (kind === "mated") === (k === 0) ? "right" : "wrong";
        if (!r || r[0] === null) {
          const gap = element("abbr", "n/a"); gap.title = (r && r[4]) || "not among the run's results";
          cell.append(gap); notes.add(gap.title);
          return;
        }
        const accepted = Math.round(r[0] * r[3]), range = k ? [1 - r[0], r[2] === null ? null : 1 - r[2], r[1] === null ? null : 1 - r[1]] : r;
        cell.append(element("span", percent(range[0]), "big"), element("span", (k ? r[3] - accepted : accepted) + " of " + r[3], "quiet"), element("br"), element("span", span(range), "quiet"));
        if (r[4]) notes.add(text + ": " + r[4]);
      });
    });
    const itself = metric("accepted_at_" + P.threshold, c.dataset, method, strength, "same_image", c.system, c.policy);
    notes.add("Apart from the attacks: an original against its own anonymised version is accepted in " + (itself && itself[0] !== null
      ? percent(itself[0]) + " of " + itself[3] + " images (" + span(itself) + ")." : "n/a (" + ((itself && itself[4]) || "not among the run's results") + ")."));
    byId("confusion-table").replaceChildren(table, ...[...notes].map((n) => element("p", n, "note")));
  }

  const conditions = P.methods.flatMap((m) => m.strengths.map((s) => [m.name + "|" + s, title(m.name, s)]));
  function drawDistances(c) {
    const [method, strength] = c.condition.split("|"), traces = [], notes = [];
    [["1", "mated (same person)", "#0072B2"], ["0", "non-mated (different people)", "#D55E00"]].forEach(([flag, name, color]) => {
      const own = P.histograms[[c.dataset, c.system, c.attack, c.policy, method, strength, flag].join("|")];
      if (!own) { notes.push("No completed " + name + " comparison."); return; }
      const [start, width, counts] = own, total = counts.reduce((a, b) => a + b, 0);
      traces.push({
        type: "bar", x: counts.map((_, k) => start + (k + 0.5) * width), width, y: counts.map((n) => n / total), name: name + ", n = " + total,
        marker: { color, opacity: 0.55, line: { width: 0 } }, customdata: counts.map((n, k) => [(start + k * width).toFixed(3), (start + (k + 1) * width).toFixed(3), n]),
        hovertemplate: "<b>" + name + "</b><br>distance %{customdata[0]} to %{customdata[1]}<br>%{customdata[2]} comparisons (%{y:.1%})<extra></extra>",
      });
    });
    const at = Number(P.threshold);
    Plotly.react("distances-chart", traces, layout({
      height: 400, barmode: "overlay", bargap: 0, showlegend: true, legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" }, margin: { l: 64, r: 16, t: 76, b: 52 },
      xaxis: { title: { text: "Euclidean distance" }, gridcolor: LINE, zeroline: false, rangemode: "tozero", ...(traces.length ? {} : { range: [0, 1.2] }) },
      yaxis: { title: { text: "Share of comparisons" }, tickformat: ".0%", gridcolor: LINE, rangemode: "tozero", ...(traces.length ? {} : { range: [0, 0.1] }) },
      shapes: [{ type: "line", x0: at, x1: at, y0: 0, y1: 1, yref: "paper", line: { color: INK, width: 1.5, dash: "dash" } }],
      annotations: [{ x: at, y: 1, yref: "paper", text: "threshold " + P.threshold, showarrow: false, xanchor: "left", yanchor: "top", xshift: 5, font: { size: 12, color: SOFT } }],
    }), CONFIG);
    byId("distances-note").textContent = notes.join(" ");
    drawConfusion(c, method, strength);
  }
  const firstReal = real.length ? real[0] : P.methods[0];
  controls("distances-controls", [
    ...conditionFields(P.attacks),
    { name: "condition", label: "Method and strength", options: conditions, value: firstReal.name + "|" + firstReal.strengths[0] },
  ], drawDistances);

  // Charts have the width of the window; paper is narrower.
  const charts = ["det", "strengths", "distances", "tradeoff"].map((name) => byId(name + "-chart"));
  window.addEventListener("beforeprint", () => charts.forEach((chart) => Plotly.relayout(chart, { width: 980 })));
  window.addEventListener("afterprint", () => charts.forEach((chart) => Plotly.relayout(chart, { width: null, autosize: true })));

  // For the chart of the trade-off, a file of its own.
  window.anonbench = { P, INK, SOFT, LINE, CONFIG, byId, controls, element, faded, layout, metric, percent, real, same, style, title };
})();
