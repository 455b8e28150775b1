// The flowing probabilities of labels that exclude one another: a stack, with its names, and veils over doubt and where there is no music.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const POINTS = 2048; // at most two more than moments at every beginning
  const LETTER = 0.65; // width of a letter, in type sizes: a stretch with no room for its name goes without
  const WITHOUT_MUSIC = ["silence", "no music"];
  const stacks = [{ x: new Float64Array(POINTS), y: [] }, { x: new Float64Array(POINTS), y: [] }];

  g.drawArea = function (slot) {
    const bundle = g.hearings[slot].bundle;
    const theme = g.theme();
    const book = g.moments(slot);
    const traces = stack(stacks[slot], book, bundle, theme);
    const doubts = stretches(book, bundle, "not sure");
    const blanks = WITHOUT_MUSIC.map((verdict) => [verdict, stretches(book, bundle, verdict)]);
    traces.push(veil(doubts, theme.veil, theme.hatch), veil(blanks.flatMap(([, found]) => found), theme.plot, null));
    const size = g.onStage() ? g.typeSize(18, 50, 40) : g.typeSize(15, 75, 26);
    const texts = names(book, bundle);
    blanks.forEach(([text, found]) => found.forEach((run) => texts.push({ run, y: 0.5, text, colour: theme.quiet })));
    doubts.forEach((run) => texts.push({ run, y: 0.88, text: "not sure", colour: theme.ink }));
    const pixels = g.frame().width / (g.range()[1] - g.range()[0]);
    const fitting = texts.filter((t) => (t.text.length + 1) * LETTER * size < (t.run.to - t.run.from) * pixels);
    traces.push({
      x: fitting.map((t) => middle(t.run)), y: fitting.map((t) => t.y), text: fitting.map((t) => t.text), mode: "text",
      textfont: { size, color: fitting.map((t) => t.colour) }, cliponaxis: true,
    });
    const tall = document.getElementById("area-box" + (slot ? "-second" : "")).clientHeight > 11 * g.axisSize();
    const marks = tall ? [0, 0.25, 0.5, 0.75, 1] : [0, 0.5, 1];
    return g.plot("area" + (slot ? "-second" : ""), traces, now(), {
      range: [0, 1], tickvals: marks, ticktext: marks.map((share) => (share ? g.percent(share) : "0")),
    });
  };

  // Where the music has got to, when the axis reaches on: light on dark, to be seen on every colour.
  function now() {
    const time = g.now();
    if (g.range()[1] - time < 2) return [];
    return [[4, "#000000"], [2, "#ffffff"]].map(([width, color]) => (
      { type: "line", x0: time, x1: time, y0: 0, y1: 1, line: { color, width } }));
  }

  // One point per moment, and a fall to zero wherever nothing connects two of them.
  function stack(own, book, bundle, theme) {
    const count = bundle.labels.length;
    while (own.y.length < count) own.y.push(new Float32Array(POINTS));
    let n = 0;
    const put = (time, shares) => {
      own.x[n] = time;
      for (let label = 0; label < count; label += 1) own.y[label][n] = shares ? shares[label] : 0;
      n += 1;
    };
    for (let i = 0; i < book.n && n < POINTS - 3; i += 1) {
      const time = book.times[i];
      if (i === 0 || book.restarts[i]) {
        if (i) put(book.times[i - 1] + 0.001, null);
        put(Math.max(time - 0.001, i ? book.times[i - 1] + 0.002 : 0), null);
      }
      put(time, book.shares[i]);
    }
    const x = own.x.subarray(0, n);
    return bundle.labels.map((label, index) => ({
      x, y: own.y[index].subarray(0, n), stackgroup: "all", mode: "lines",
      line: { width: 1, color: theme.plot }, fillcolor: bundle.colours[index],
    }));
  }

  const middle = (run) => (run.from + run.to) / 2;
  const stretches = (book, bundle, verdict) => runs(book, bundle, (i) => (book.verdicts[i] === verdict ? 1 : 0));

  // Runs of moments with the same key (0 for none), clipped to what is seen.
  function runs(book, bundle, keyOf) {
    const [left, right] = g.range();
    const found = [];
    let run = null;
    for (let i = 0; i < book.n; i += 1) {
      const key = keyOf(i);
      if (run && (key !== run.key || book.restarts[i])) { found.push(run); run = null; }
      const apart = i === 0 || book.restarts[i];
      if (key && !run) run = { key, from: apart ? book.times[i] - bundle.hop_seconds : book.times[i - 1], to: 0 };
      if (run) run.to = book.times[i];
    }
    if (run) found.push(run);
    found.forEach((r) => { r.from = Math.max(left, r.from); r.to = Math.min(right, r.to); });
    return found.filter((r) => r.to > r.from);
  }

  // The name of a label inside its colour, wherever it is on top long enough.
  function names(book, bundle) {
    const top = (i) => {
      if (book.verdicts[i] !== "sure") return 0;
      const shares = book.shares[i];
      return 1 + shares.indexOf(Math.max(...shares)); // 0 means none
    };
    return runs(book, bundle, top).map((run) => {
      const label = run.key - 1;
      const shares = book.shares[g.nearest(book, middle(run))];
      const below = shares.slice(0, label).reduce((a, b) => a + b, 0);
      return { run, y: below + shares[label] / 2, text: bundle.names[label], colour: g.inkOn(bundle.colours[label]) };
    });
  }

  // A cover over stretches of time: hatched for "not sure", blank where there is no music.
  function veil(list, colour, hatch) {
    const x = [];
    const y = [];
    list.forEach((run) => {
      x.push(run.from, run.from, run.to, run.to, run.from, null);
      y.push(0, 1, 1, 0, 0, null);
    });
    return {
      x, y, fill: "toself", mode: "none", fillcolor: colour,
      fillpattern: hatch ? { shape: "/", fgcolor: hatch, bgcolor: colour, size: 9, solidity: 0.18 } : { shape: "" },
    };
  }
})(window.genrescope);
