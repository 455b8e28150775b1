// What both charts share: colours of the theme, the time axis, and one drawing per stretch of news.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const TICK_SECONDS = 10;
  g.LEFT = 4.6; // margins, in type sizes
  const RIGHT_PIXELS = 8;
  const PLOT = { displayModeBar: false, scrollZoom: false, doubleClick: false, responsive: true };

  // Colours come from the style sheet, so that light and dark are decided in one place.
  g.theme = function () {
    const style = getComputedStyle(document.getElementById("page"));
    const colour = (name) => style.getPropertyValue("--" + name).trim();
    return { muted: colour("muted"), grid: colour("plot-grid"), plot: colour("plot"), ink: colour("plot-ink"),
      quiet: colour("plot-muted"), veil: colour("veil"), hatch: colour("hatch"), font: style.fontFamily };
  };

  function ticks(range) {
    const values = [];
    for (let t = Math.ceil(range[0] / TICK_SECONDS) * TICK_SECONDS; t <= range[1]; t += TICK_SECONDS) values.push(t);
    return values;
  }

  // Type grows with the page, so that a projector's picture can be read from afar: width / share, within limits.
  g.typeSize = (least, share, most) => Math.round(Math.min(most, Math.max(least, window.innerWidth / share)));

  g.chartLayout = function (theme, hovermode, yaxis) {
    const range = g.range();
    const values = ticks(range);
    const size = g.typeSize(12, 105, 17);
    const axis = { fixedrange: true, zeroline: false, gridcolor: theme.grid, tickcolor: theme.grid, showspikes: false };
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: theme.plot, showlegend: false,
      margin: { l: g.LEFT * size + 6, r: RIGHT_PIXELS, t: 0.75 * size, b: size + 13 },
      font: { family: theme.font, size, color: theme.muted }, hovermode, dragmode: false,
      datarevision: revision,
      xaxis: { ...axis, range, tickvals: values, ticktext: values.map(g.clock), ticks: "outside", ticklen: 4 },
      yaxis: { ...axis, ...yaxis },
      hoverlabel: { bgcolor: theme.plot, bordercolor: theme.quiet, font: { family: theme.font, size: 15, color: theme.ink } },
    };
  };

  g.plotWidth = (name) => document.getElementById(name).clientWidth - g.LEFT * g.typeSize(12, 105, 17) - 6 - RIGHT_PIXELS;

  g.plot = function (name, traces, layout) {
    // dcc.Graph keeps the plot in an element of its own inside the one that has the id.
    const place = document.querySelector("#" + name + " .js-plotly-plot");
    if (place && window.Plotly) window.Plotly.react(place, traces, layout, PLOT);
    return Boolean(place);
  };

  let revision = 0;
  let drawn = "";
  let drawnEnd = -1;

  // Draw when there is something new, twice a second at most; the two charts in two tasks, so that neither holds up
  // a key or a click for long.
  g.drawCharts = function (force) {
    const h = g.heard;
    if (!h.bundle) return;
    const which = h.instance + "/" + h.session + "/" + h.generation;
    const news = which !== drawn || (g.answer && g.answer.fresh > 0) || h.end - drawnEnd > 0.45;
    if (!news && !force) return;
    revision += 1;
    const begun = performance.now();
    if (!g.drawArea()) return;
    drawn = which;
    drawnEnd = h.end;
    const areaWork = performance.now() - begun;
    setTimeout(() => {
      const again = performance.now();
      g.drawWaterfall();
      g.drawing = { area: areaWork, waterfall: performance.now() - again };
    }, 0);
  };

  window.matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => g.drawCharts(true));
})(window.genrescope);
