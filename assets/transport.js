// Playback: the buttons' faces, the place in the track, the seek bar, and the keys.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const STEP_SECONDS = 5;
  let bar = null;
  let dragging = false;
  let asked = null; // the place a person has chosen, shown until the server has got there
  let stamp = 0;

  function seekBar() {
    if (bar) return bar;
    bar = document.createElement("input");
    Object.assign(bar, { type: "range", min: 0, max: 1, step: 0.1, value: 0, id: "seek-range" });
    bar.setAttribute("aria-label", "Place in the track");
    bar.addEventListener("input", () => { dragging = true; showPlace(Number(bar.value), Number(bar.max)); });
    bar.addEventListener("change", () => { dragging = false; seek(Number(bar.value)); });
    document.getElementById("seek-bar").append(bar);
    return bar;
  }

  function seek(seconds) {
    const place = Math.max(0, seconds);
    asked = { place, until: performance.now() + 1000 };
    stamp += 1;
    window.dash_clientside.set_props("seek", { data: { seconds: place, stamp } });
  }

  function showPlace(position, duration) {
    const text = g.clock(position) + (duration ? " / " + g.clock(duration) : "");
    g.setText("place-text", text);
    bar.style.setProperty("--done", duration ? (100 * Math.min(1, position / duration)).toFixed(2) + "%" : "0%");
    bar.setAttribute("aria-valuetext", text);
  }

  g.showTransport = function (answer) {
    const source = answer.source;
    seekBar();
    const running = Boolean(source) && answer.status.state !== "failed" && !["paused", "ended"].includes(source.state);
    const play = document.getElementById("play");
    const face = !running ? "play" : source.can_pause ? "pause" : "stop";
    if (play.dataset.face !== face) {
      play.dataset.face = face;
      play.title = { play: "Start (space)", pause: "Pause (space)", stop: "Stop listening (space)" }[face];
      play.setAttribute("aria-label", play.title.replace(" (space)", ""));
    }
    const many = Boolean(source) && source.can_seek && source.tracks > 0;
    document.getElementById("previous").disabled = !many;
    document.getElementById("next").disabled = !many || source.tracks < 2;
    document.getElementById("transport").classList.toggle("seekless", !(source && source.can_seek));
    g.setText("track-title", !source ? "" : (source.tracks > 1 ? source.track + 1 + "/" + source.tracks + "  " : "") + source.title);
    if (!source) { g.setText("place-text", ""); bar.disabled = true; return; }
    bar.disabled = !source.can_seek || !source.duration;
    if (asked && (performance.now() > asked.until || Math.abs(source.position - asked.place) < 1)) asked = null;
    if (dragging) return;
    const position = asked ? asked.place : source.position;
    bar.max = source.duration || 1;
    bar.value = position;
    if (source.can_seek) showPlace(position, source.duration);
    else g.setText("place-text", g.clock(answer.status.stream_time));
  };

  const press = (id) => {
    const button = document.getElementById(id);
    if (button && !button.disabled) button.click();
  };

  // Keys work wherever they mean nothing else: not while typing, not on a control that uses the same key itself.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const at = event.target instanceof Element ? event.target : document.body;
    if (at.closest("input:not([type=range]), textarea, .dash-dropdown-content, [role=listbox]")) return;
    const source = g.answer && g.answer.source;
    if (event.key === " " && !at.closest("button, .dash-dropdown")) press("play");
    else if (event.key === "n") press("next");
    else if ((event.key === "ArrowLeft" || event.key === "ArrowRight") && !at.closest("input:not(#seek-range), .dash-dropdown") && source && source.can_seek) {
      const from = asked ? asked.place : source.position;
      const to = from + (event.key === "ArrowLeft" ? -STEP_SECONDS : STEP_SECONDS);
      seek(source.duration ? Math.min(to, source.duration - 0.1) : to);
    } else return;
    event.preventDefault();
  });
})(window.genrescope);
