// Playback: the buttons' faces, the place in the track, and the seek bar.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const STEP_SECONDS = 5;
  let bar = null;
  let dragging = false;
  let asked = null; // the place a person has chosen, shown until the server has got there

  function seekBar() {
    if (bar) return bar;
    bar = document.createElement("input");
    Object.assign(bar, { type: "range", min: 0, max: 1, step: 0.1, value: 0, id: "seek-range" });
    bar.setAttribute("aria-label", "Place in the track");
    bar.addEventListener("input", () => { dragging = true; showPlace(Number(bar.value), Number(bar.max)); });
    bar.addEventListener("change", () => { dragging = false; g.seek(Number(bar.value)); });
    document.getElementById("seek-bar").append(bar);
    return bar;
  }

  // Go to a place of a track; without `track` of the one that plays.
  g.seek = function (seconds, track) {
    const place = Math.max(0, seconds);
    asked = { place, until: performance.now() + 1000 };
    return g.command("seek", track === undefined ? { seconds: place } : { seconds: place, track });
  };

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
    const linked = Boolean(source) && source.kind === "link";
    document.getElementById("transport").classList.toggle("linked", linked);
    g.setText("track-title", !source ? "" : linked ? g.sourceTitle(source)
      : (source.tracks > 1 ? source.track + 1 + "/" + source.tracks + "  " : "") + source.title);
    showOnAir(linked ? answer : null);
    if (!source) { g.setText("place-text", ""); bar.disabled = true; return; }
    bar.disabled = !source.can_seek || !source.duration;
    if (asked && (performance.now() > asked.until || Math.abs(source.position - asked.place) < 1)) asked = null;
    if (dragging) return;
    const position = asked ? asked.place : source.position;
    bar.max = source.duration || 1;
    bar.value = position;
    if (source.can_seek || linked && source.duration) showPlace(position, source.duration);
    else g.setText("place-text", g.clock(answer.status.stream_time));
  };

  // Beside a link's title: that it is sent live, or why nothing new comes.
  function showOnAir(answer) {
    const mark = document.getElementById("on-air");
    const state = !answer ? "" : answer.source.state === "running" ? (answer.source.live ? "live" : "")
      : answer.source.state === "starting" ? "connecting" : answer.status.state;
    if (mark.dataset.state === state) return;
    mark.dataset.state = state;
    mark.textContent = g.capital(state);
    mark.hidden = !state;
  }

  function play() {
    // The list of sources shows a choice that is not playing, after "stop".
    const running = g.answer && g.answer.source_key;
    if (!running && g.lastSource) return g.command("play", { key: g.lastSource });
    if (running === "microphone") { g.microphone.stop(); return g.command("source", { key: "" }); }
    if (running) g.lastSource = running;
    return g.command("play");
  }

  function step(seconds) {
    const source = g.answer && g.answer.source;
    if (!source || !source.can_seek) return false;
    const to = (asked ? asked.place : source.position) + seconds;
    g.seek(source.duration ? Math.min(to, source.duration - 0.1) : to);
    return true;
  }

  g.onClick("play", play);
  g.onClick("previous", () => g.command("previous"));
  g.onClick("next", () => g.command("next"));
  g.keys[" "] = { name: "space", words: "play and pause", action: play };
  g.keys.ArrowLeft = { name: "\u2190", words: "five seconds back", action: () => step(-STEP_SECONDS) };
  g.keys.ArrowRight = { name: "\u2192", words: "five seconds on", action: () => step(STEP_SECONDS) };
  g.keys.n = { words: "next track", action: () => g.command("next") };
  g.keys.p = { words: "previous track", action: () => g.command("previous") };
})(window.genrescope);
