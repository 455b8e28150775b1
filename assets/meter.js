// The level: average and peak in dBFS, the highest peak held for a while, and a light for clipping.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const FLOOR_DBFS = -60;
  const HOLD_MS = 1500;
  const CLIP_MS = 1200;
  const FALL_DB_PER_SECOND = 20;
  let held = FLOOR_DBFS;
  let heldAt = 0;
  let clippedAt = -Infinity;
  let shownAt = 0;

  const share = (dbfs) => Math.min(1, Math.max(0, 1 - dbfs / FLOOR_DBFS));

  g.showMeter = function (level) {
    const now = performance.now();
    const peak = level ? level.peak : -120;
    if (peak >= held) {
      held = peak;
      heldAt = now;
    } else if (now - heldAt > HOLD_MS) {
      held = Math.max(peak, held - FALL_DB_PER_SECOND * (now - shownAt) / 1000);
    }
    shownAt = now;
    if (level && level.clipped) clippedAt = now;
    document.getElementById("meter-rms").style.transform = "scaleY(" + share(level ? level.rms : -120).toFixed(3) + ")";
    document.getElementById("meter-peak").style.transform = "scaleY(" + share(peak).toFixed(3) + ")";
    const hold = document.getElementById("meter-hold");
    hold.style.bottom = (100 * share(held)).toFixed(1) + "%";
    hold.hidden = held <= FLOOR_DBFS;
    document.getElementById("clip").classList.toggle("lit", now - clippedAt < CLIP_MS);
    const text = !level || level.rms <= -119.5 ? "\u2212\u221e" : String(Math.round(level.rms)).replace("-", "\u2212");
    g.setText("meter-text", text + " dB");
    document.getElementById("meter").setAttribute(
      "aria-label", level && level.rms > -119.5 ? "Level " + Math.round(level.rms) + " dBFS" : "Level: no sound");
  };

  g.clipping = () => performance.now() - clippedAt < CLIP_MS;
})(window.genrescope);
