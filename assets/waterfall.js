// The sound itself: loudness of each band of pitches over the last minute.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const MARKS_HZ = [50, 100, 200, 500, 1000, 2000, 5000, 10000];
  // Even steps of lightness (Oklab) from night over magenta and orange to cream: equal steps in dB look equal.
  const COLOURS = [
    "#050613", "#140e36", "#2d1257", "#4a1971", "#761779", "#a3146f", "#c52e58",
    "#e04c45", "#ef7237", "#f6973e", "#f9ba63", "#f9db96", "#fef7c9",
  ].map((colour, step, all) => [step / (all.length - 1), colour]);
  const TICK_PIXELS = 20;
  let rows = null; // one array per band, used again and again: nothing to collect
  let pitches = null;

  g.drawWaterfall = function () {
    const h = g.heard;
    if (!h.bundle) return;
    const bands = h.bundle.bands_hz.length;
    const seconds = h.bundle.column_seconds;
    const width = Math.ceil(g.WINDOW_SECONDS / seconds) + 1;
    if (!rows || rows.length !== bands || rows[0].length !== width) {
      rows = Array.from({ length: bands }, () => new Uint8Array(width));
      pitches = null;
    }
    if (!pitches || pitches.of !== h.bundle) pitches = pitchTexts(h.bundle, width);
    const last = Math.round(g.range()[1] / seconds);
    for (let at = 0; at < width; at += 1) {
      const column = g.columnAt(last - width + 1 + at);
      for (let band = 0; band < bands; band += 1) rows[band][at] = column ? column[band] : 0;
    }
    g.plot("waterfall", [{
      type: "heatmap", z: rows, x0: (last - width + 0.5) * seconds, dx: seconds, y0: 0, dy: 1, zmin: 0, zmax: 255,
      zsmooth: "fast", colorscale: COLOURS, showscale: false, customdata: pitches.rows,
      hovertemplate: "%{customdata}<extra></extra>",
    }], g.chartLayout(g.theme(), "closest", axis(h.bundle.bands_hz)));
  };

  function pitchTexts(bundle, width) {
    return { of: bundle, rows: bundle.bands_hz.map((hz) => new Array(width).fill(hertz(hz))) };
  }

  const hertz = (hz) => (hz >= 1000 ? (hz / 1000).toFixed(1) + " kHz" : Math.round(hz) + " Hz");

  // Bands stand at equal distances; the marks stand where their frequency falls between two bands.
  function axis(bandsHz) {
    const marks = MARKS_HZ.filter((hz) => hz >= bandsHz[0] && hz <= bandsHz[bandsHz.length - 1]);
    const place = (hz) => {
      const above = bandsHz.findIndex((b) => b >= hz);
      if (above <= 0) return 0;
      return above - 1 + (hz - bandsHz[above - 1]) / (bandsHz[above] - bandsHz[above - 1]);
    };
    const height = document.getElementById("waterfall").clientHeight || 150;
    const apart = TICK_PIXELS * bandsHz.length / height; // in bands
    const chosen = [];
    marks.forEach((hz) => {
      if (!chosen.length || place(hz) - place(chosen[chosen.length - 1]) > apart) chosen.push(hz);
    });
    return {
      range: [-0.5, bandsHz.length - 0.5], tickvals: chosen.map(place), showgrid: false,
      ticktext: chosen.map((hz) => (hz >= 1000 ? hz / 1000 + "\u202fkHz" : hz + "\u202fHz")),
    };
  }
})(window.genrescope);
