// The charts as a whole: the stretch of time they show, the frame they share, and when they are drawn.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const WINDOWS = [["30", "30\u202fs", "the last 30 seconds"], ["60", "1\u202fmin", "the last minute"],
    ["300", "5\u202fmin", "the last five minutes"], ["whole", "Whole", "everything since the start"]];
  const PAUSE_MS = { 30: 450, 60: 450, 300: 950, whole: 450 }; // the longer the window, the less a second moves
  const STEPS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600];
  const LEFT = 4.3; // margin for the marks of the axes, in type sizes
  const RIGHT_PIXELS = 8;
  const LEAST_SECONDS = 30; // of the whole, at the beginning
  const PLOT = { staticPlot: true, displayModeBar: false, responsive: false };

  // Colours come from the style sheet, so that light and dark are decided in one place.
  g.theme = function () {
    const style = getComputedStyle(document.getElementById("page"));
    const colour = (name) => style.getPropertyValue("--" + name).trim();
    return { muted: colour("muted"), grid: colour("plot-grid"), plot: colour("plot"), ink: colour("plot-ink"),
      quiet: colour("plot-muted"), veil: colour("veil"), hatch: colour("hatch"), font: style.fontFamily };
  };

  // Type grows with the page, so that a projector's picture can be read from afar: width / share, within limits.
  g.typeSize = (least, share, most) => Math.round(Math.min(most, Math.max(least, window.innerWidth / share)));
  g.onStage = () => document.getElementById("page").dataset.face === "stage";
  g.axisSize = () => (g.onStage() ? g.typeSize(13, 80, 24) : g.typeSize(12, 110, 16));

  // ---- the stretch of time --------------------------------------------------------------------------------------

  g.windowChoice = function () {
    const wanted = String(g.prefs.get("window", "60"));
    return WINDOWS.some((each) => each[0] === wanted) ? wanted : "60";
  };

  let span = [0, 60];
  let now = 0; // where the music had got to when `span` was decided
  g.range = () => span;
  g.now = () => now;

  function spanNow() {
    const choice = g.windowChoice();
    const h = g.hearings[0];
    if (choice === "whole") return [0, Math.max(g.overviewEnd(), g.trackAhead() || 0, LEAST_SECONDS)];
    const end = Math.max(h.end, Number(choice));
    return [end - Number(choice), end];
  }

  // Duration of the file, where time and place in it are the same: one track, played from its start without a seek.
  g.trackAhead = function () {
    const { source, status } = g.answer || {};
    const h = g.hearings[0];
    if (!source || !status || source.tracks !== 1 || !source.duration) return null;
    const straight = (time, place) => Math.abs(time - place) < 2;
    const segments = h.segments || [];
    return straight(status.stream_time, source.position) && segments.every((s) => straight(s.start, s.position))
      ? source.duration : null;
  };

  function chooser() {
    const place = document.getElementById("window-choice");
    if (place.firstChild) return;
    const set = document.createElement("fieldset");
    set.innerHTML = '<legend class="unseen">Stretch of time shown</legend>';
    WINDOWS.forEach(([value, text, words]) => {
      const label = document.createElement("label");
      const radio = Object.assign(document.createElement("input"), { type: "radio", name: "window", value });
      radio.checked = value === g.windowChoice();
      radio.addEventListener("change", () => { g.prefs.set("window", value); g.drawCharts(true); });
      label.title = "Show " + words;
      label.append(radio, text);
      set.append(label);
    });
    place.append(set);
  }

  // ---- the frame ------------------------------------------------------------------------------------------------

  // Where the plots lie inside their boxes, in pixels: the same for stack, strip and waterfall, so that times align.
  g.frame = function () {
    const left = Math.round(LEFT * g.axisSize() + 4);
    return { left, right: RIGHT_PIXELS, width: document.getElementById("plots").clientWidth - left - RIGHT_PIXELS };
  };

  // Times worth a mark: round ones, as many as there is room for.
  g.ticks = function () {
    const apart = 7 * g.axisSize() * (span[1] - span[0]) / Math.max(1, g.frame().width); // in seconds
    const step = STEPS.find((each) => each >= apart) || STEPS[STEPS.length - 1];
    const values = [];
    for (let t = Math.ceil(span[0] / step) * step; t <= span[1]; t += step) values.push(t);
    return values;
  };

  g.plot = function (name, traces, shapes, yaxis) {
    // dcc.Graph keeps the plot in an element of its own inside the one that has the id.
    const place = document.querySelector("#" + name + " .js-plotly-plot");
    if (!place || !window.Plotly) return false;
    const theme = g.theme();
    const frame = g.frame();
    const size = g.axisSize();
    const axis = { fixedrange: true, zeroline: false, gridcolor: theme.grid, tickcolor: theme.grid };
    window.Plotly.react(place, traces, {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: theme.plot, showlegend: false, autosize: true, shapes,
      margin: { l: frame.left, r: frame.right, t: Math.round(0.6 * size), b: Math.round(0.6 * size) },
      font: { family: theme.font, size, color: theme.muted }, hovermode: false, dragmode: false, datarevision: revision,
      xaxis: { ...axis, range: span.slice(), tickvals: g.ticks(), showticklabels: false, ticks: "" },
      yaxis: { ...axis, ticks: "outside", ticklen: 4, ticklabeloverflow: "allow", ...yaxis },
    }, PLOT);
    return true;
  };

  // Black or white, whichever is easier to read on this colour (relative luminance, as in WCAG).
  g.inkOn = function (colour) {
    const [r, gr, b] = [1, 3, 5].map((at) => {
      const c = parseInt(colour.slice(at, at + 2), 16) / 255;
      return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * gr + 0.0722 * b > 0.18 ? "#0b0d13" : "#ffffff";
  };

  // ---- drawing --------------------------------------------------------------------------------------------------

  let revision = 0;
  let drawn = "";
  let drawnAt = -Infinity;
  let timer = 0;
  let prepared = false;

  // Draw when there is something new, about twice a second at most.
  g.drawCharts = function (force) {
    if (!document.getElementById("plots")) return;
    prepare();
    const h = g.hearings[0];
    document.getElementById("charts").classList.toggle("empty", !h || !h.bundle);
    if (!h || !h.bundle || document.hidden) return;
    g.askOverview();
    g.askWhy();
    if (force) { drawn = ""; drawnAt = -Infinity; }
    if (timer || news() === drawn) return;
    const wait = drawnAt + PAUSE_MS[g.windowChoice()] - performance.now();
    if (wait > 0) timer = setTimeout(() => { timer = 0; draw(); }, wait);
    else draw();
  };

  // Changes whenever there is something new to see. Columns come ten times a second and wait for half a second of them,
  // but for the last ones before a pause.
  function news() {
    const live = g.answer && g.answer.status && g.answer.status.state === "live";
    const { end } = g.hearings[0];
    const of = g.hearings.filter(Boolean).map((h) => [h.instance, h.session, h.generation, lastNumber(h)].join("/"));
    const moved = g.windowChoice() === "whole" ? g.overviewNumber() + "/" + Math.floor(end) : live ? Math.floor(2 * end + 1e-6) : end;
    const more = g.answer && g.answer.more ? g.answer.column : ""; // the past of a page that was just opened
    return of.join() + "|" + moved + "|" + more;
  }

  const lastNumber = (h) => (h.predictions.length ? h.predictions[h.predictions.length - 1].number : -1);

  // In three tasks, so that none of them holds up a key or a click for long.
  function draw() {
    const begun = performance.now();
    const seen = news();
    revision += 1;
    now = g.hearings[0].end;
    span = spanNow();
    const frame = g.frame();
    const plots = document.getElementById("plots");
    plots.style.setProperty("--left", frame.left + "px");
    plots.style.setProperty("--right", frame.right + "px");
    const cost = { area: 0, waterfall: 0, map: 0 };
    if (!g.drawViews()) return;
    drawn = seen;
    drawnAt = begun;
    cost.area = performance.now() - begun;
    setTimeout(() => {
      const again = performance.now();
      g.drawStrips();
      g.drawWaterfall();
      g.showPointer();
      cost.waterfall = performance.now() - again;
      setTimeout(() => {
        const last = performance.now();
        g.drawMap();
        cost.map = performance.now() - last;
        g.drawing = cost;
      }, 0);
    }, 0);
  }

  // The stack or the bars of each model that listens.
  g.drawViews = function () {
    const two = Boolean(g.hearings[1] && g.hearings[1].bundle);
    document.getElementById("view-second").hidden = !two;
    document.getElementById("charts").classList.toggle("two", two);
    showLegend(two);
    return [0, 1].every((slot) => {
      const h = g.hearings[slot];
      if (!h || !h.bundle) return true;
      const suffix = slot ? "-second" : "";
      const name = document.getElementById("view-title" + suffix);
      name.hidden = !slot || !two; // the first one's stands in the head
      g.setText(name.id, h.bundle.title + ": " + (h.bundle.exclusive ? "how likely" : marks(h.bundle)));
      document.getElementById("area-box" + suffix).hidden = !h.bundle.exclusive;
      document.getElementById("bars" + suffix).hidden = h.bundle.exclusive;
      document.getElementById("view" + suffix).dataset.kind = h.bundle.exclusive ? "stack" : "bars";
      return h.bundle.exclusive ? g.drawArea(slot) : g.drawBars(slot);
    });
  };

  // The colours of stacks; bars carry their names. Two models that share labels share the legend.
  let legendOf = "";
  function showLegend(two) {
    const shown = new Map();
    g.hearings.forEach((h) => {
      if (h && h.bundle && h.bundle.exclusive) h.bundle.names.forEach((name, i) => shown.set(name, h.bundle.colours[i]));
    });
    const first = g.hearings[0].bundle;
    g.setText("area-title", (two ? first.title + ": " : "") + (first.exclusive ? "how likely" : marks(first)));
    const key = [...shown.keys()].join();
    if (key === legendOf) return;
    legendOf = key;
    document.getElementById("legend").replaceChildren(...[...shown].map(([name, colour]) => {
      const item = document.createElement("li");
      const swatch = Object.assign(document.createElement("span"), { className: "swatch" });
      swatch.style.setProperty("--colour", colour);
      item.append(swatch, name);
      return item;
    }));
  }

  function marks(bundle) {
    const from = bundle.thresholds && bundle.thresholds.shown_from;
    return "how strong" + (from ? "; named from " + g.percent(from) + " on" : "");
  }

  function prepare() {
    if (prepared) return;
    prepared = true;
    chooser();
    g.watchPointer();
    g.prepareWhy();
    const again = () => g.drawCharts(true);
    document.addEventListener("visibilitychange", again);
    new ResizeObserver(again).observe(document.getElementById("plots"));
    const watch = new MutationObserver(again);
    watch.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    watch.observe(document.getElementById("page"), { attributeFilter: ["data-face"] });
  }
})(window.genrescope);
