// The flowing probabilities: a stack where one label excludes the others, lines where several can be true at once.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const LINES = 8; // of a bundle with many labels only the strongest are drawn
  const LETTER = 0.65; // width of a letter, in type sizes: a stretch with no room for its name goes without

  g.drawArea = function () {
    const h = g.heard;
    const theme = g.theme();
    const points = spread(h.predictions, h.bundle);
    const traces = h.bundle.exclusive ? stack(points, h.bundle, theme) : lines(points, h.bundle);
    const texts = h.bundle.exclusive ? namesInStack(h) : [];
    const top = h.bundle.exclusive ? 1 : Math.max(0.2, Math.min(1, 1.15 * highest(points)));
    traces.push(veil(stretches(h, "not sure"), top, theme.veil, theme.hatch), veil(stretches(h, "silence"), top, theme.plot, null));
    stretches(h, "silence").forEach((s) => texts.push([s, top / 2, "silence", theme.quiet]));
    stretches(h, "not sure").forEach((s) => texts.push([s, 0.92 * top, "not sure", theme.ink]));
    const size = g.typeSize(15, 70, 26);
    const fitting = texts.filter((t) => (t[2].length + 1) * LETTER * size < (t[0][1] - t[0][0]) * pixelsPerSecond());
    traces.push({
      x: fitting.map((t) => middle(t[0])), y: fitting.map((t) => t[1]), text: fitting.map((t) => t[2]), mode: "text",
      textfont: { size, color: fitting.map((t) => t[3]) }, hoverinfo: "skip", cliponaxis: true,
    });
    traces.push(readout(h, top));
    return g.plot("area", traces, g.chartLayout(theme, "x", {
      range: [0, top], tickvals: [0, 0.25, 0.5, 0.75, 1], ticktext: ["0", "25\u202f%", "50\u202f%", "75\u202f%", "100\u202f%"],
    }));
  };

  // One point per prediction, and a fall to zero wherever nothing connects two of them.
  function spread(predictions, bundle) {
    const nothing = bundle.labels.map(() => (bundle.exclusive ? 0 : null)); // a stack falls to zero, a line breaks off
    const points = [];
    predictions.forEach((p, index) => {
      const before = predictions[index - 1];
      if (!before || p.restart) {
        if (before) points.push({ time: before.time + 0.001, values: nothing });
        points.push({ time: Math.max(p.time - 0.001, before ? before.time + 0.002 : 0), values: nothing });
      }
      points.push({ time: p.time, values: p.probabilities });
    });
    return points;
  }

  function stack(points, bundle, theme) {
    const x = points.map((p) => p.time);
    return bundle.labels.map((label, index) => ({
      x, y: points.map((p) => p.values[index]), stackgroup: "all", mode: "lines", hoverinfo: "skip",
      line: { width: 1, color: theme.plot }, fillcolor: bundle.colours[index],
    }));
  }

  // The labels that were strongest over the minute; in the bundle's order, so that lines do not change places.
  g.strongest = function () {
    const h = g.heard;
    const sums = h.bundle.labels.map((_, index) => h.predictions.reduce((sum, p) => sum + p.probabilities[index], 0));
    return sums.map((sum, index) => [sum, index]).sort((a, b) => b[0] - a[0]).slice(0, LINES)
      .map((pair) => pair[1]).sort((a, b) => a - b);
  };

  function lines(points, bundle) {
    const x = points.map((p) => p.time);
    return g.strongest().map((index) => ({
      x, y: points.map((p) => p.values[index]), mode: "lines", hoverinfo: "skip",
      line: { width: 3, color: bundle.colours[index], dash: bundle.dashes[index] },
    }));
  }

  // One unseen line carries what the mouse reads out: the time and the likeliest labels at it.
  function readout(h, top) {
    const said = (p) => p.probabilities.map((share, index) => [share, index]).sort((a, b) => b[0] - a[0]).slice(0, 3)
      .map((pair) => h.bundle.names[pair[1]] + " " + g.percent(pair[0])).join("<br>");
    return {
      x: h.predictions.map((p) => p.time), y: h.predictions.map(() => 0.7 * top), mode: "lines", line: { width: 0 },
      customdata: h.predictions.map((p) => "<b>" + g.clock(p.time) + "</b>"
        + (p.verdict === "sure" ? "<br>" : "  " + p.verdict + "<br>") + (p.verdict === "silence" ? "" : said(p))),
      hovertemplate: "%{customdata}<extra></extra>",
    };
  }

  const highest = (points) => points.reduce((top, p) => Math.max(top, ...p.values), 0);
  const pixelsPerSecond = () => g.plotWidth("area") / g.WINDOW_SECONDS;
  const middle = (stretch) => (stretch[0] + stretch[1]) / 2;

  // Runs of predictions with the same verdict, as [start, end], clipped to what is seen.
  function stretches(h, verdict) {
    return runs(h, (p) => (p.verdict === verdict ? 1 : 0));
  }

  function runs(h, keyOf) {
    const [left, right] = g.range();
    const found = [];
    let run = null;
    h.predictions.forEach((p) => {
      const key = keyOf(p);
      if (run && (key !== run.key || p.restart)) { found.push(run); run = null; }
      if (key && !run) run = { key, from: p.time - h.bundle.hop_seconds, to: p.time };
      if (run) run.to = p.time;
    });
    if (run) found.push(run);
    return found.map((r) => Object.assign([Math.max(left, r.from), Math.min(right, r.to)], { key: r.key }))
      .filter((r) => r[1] > r[0]);
  }

  // The name of a label inside its colour, wherever it is on top long enough.
  function namesInStack(h) {
    const top = (p) => {
      if (p.verdict !== "sure") return 0;
      return 1 + p.probabilities.indexOf(Math.max(...p.probabilities)); // 0 means none
    };
    return runs(h, top).map((run) => {
      const label = run.key - 1;
      const at = middle(run);
      const p = h.predictions.reduce((a, b) => (Math.abs(b.time - at) < Math.abs(a.time - at) ? b : a));
      const below = p.probabilities.slice(0, label).reduce((a, b) => a + b, 0);
      return [run, below + p.probabilities[label] / 2, h.bundle.names[label], g.inkOn(h.bundle.colours[label])];
    });
  }

  // Black or white, whichever is easier to read on this colour (relative luminance, as in WCAG).
  g.inkOn = function (colour) {
    const [r, gr, b] = [1, 3, 5].map((at) => {
      const c = parseInt(colour.slice(at, at + 2), 16) / 255;
      return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * gr + 0.0722 * b > 0.18 ? "#0b0d13" : "#ffffff";
  };

  // A cover over stretches of time: hatched for "not sure", blank for silence.
  function veil(list, top, colour, hatch) {
    const x = [];
    const y = [];
    list.forEach((s) => {
      x.push(s[0], s[0], s[1], s[1], s[0], null);
      y.push(0, top, top, 0, 0, null);
    });
    return {
      x, y, fill: "toself", mode: "none", hoverinfo: "skip", fillcolor: colour,
      fillpattern: hatch ? { shape: "/", fgcolor: hatch, bgcolor: colour, size: 9, solidity: 0.18 } : { shape: "" },
    };
  }
})(window.genrescope);
