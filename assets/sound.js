// The sound of a file in this browser, kept in step with what is classified. Off where the server plays it itself.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const OFF_BY_SECONDS = 0.1; // more than this is heard as out of step with the plot
  const SETTLE_MS = 1000; // a browser needs a while to get to another place; no second correction before
  const STORED = "genrescope-volume";

  let wanted = null; // true or false once a person has said so; null: on where the server has no speaker
  let speaker;
  let refused = false; // the browser wants a click before it plays anything
  let unplayable = "";
  let address = "";
  let correctedAt = -Infinity;
  let correcting = false;
  let lead = 0.05; // how long the last jumps took; the next one aims so far ahead
  let slider = null;
  let latest = null; // {source, arrived, session}

  const player = () => document.getElementById("player");
  const isOn = () => (wanted === null ? Boolean(latest) && latest.source.speaker === null : wanted);
  g.soundOffset = null; // seconds the browser is ahead of the plot, for those who measure

  function volume() {
    if (slider) return slider;
    slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: 0, max: 1, step: 0.05, value: storedVolume() });
    slider.setAttribute("aria-label", "Volume in this browser");
    slider.addEventListener("input", () => {
      player().volume = Number(slider.value);
      slider.style.setProperty("--done", 100 * slider.value + "%");
      try { localStorage.setItem(STORED, slider.value); } catch (_) { /* private window: it is not kept */ }
    });
    document.getElementById("volume").append(slider);
    document.getElementById("sound").addEventListener("click", () => {
      wanted = refused ? true : !isOn();
      refused = false;
      unplayable = "";
      step();
    });
    player().volume = Number(slider.value);
    slider.style.setProperty("--done", 100 * slider.value + "%");
    player().addEventListener("error", () => {
      if (address) unplayable = "This browser cannot play this kind of file";
    });
    player().addEventListener("seeked", () => { correcting = true; });
    return slider;
  }

  function storedVolume() {
    try {
      const kept = parseFloat(localStorage.getItem(STORED));
      return kept >= 0 && kept <= 1 ? kept : 0.8;
    } catch (_) {
      return 0.8;
    }
  }

  // Where the server's playback is at this very moment.
  const place = () => latest.source.position
    + (latest.source.state === "running" ? (performance.now() - latest.arrived) / 1000 : 0);

  g.showSound = function (answer) {
    volume();
    const source = answer.source;
    const possible = Boolean(source) && source.kind === "file";
    document.getElementById("sound-box").hidden = !possible;
    latest = possible ? { source, arrived: answer.arrived, session: answer.session } : null;
    if (!possible) { g.soundPause(); return; }
    if (source.speaker !== speaker) {
      speaker = source.speaker; // another loudspeaker, another choice: never both by accident
      wanted = null;
    }
    step();
    showButton();
  };

  g.soundPause = function () {
    const audio = player();
    if (audio && !audio.paused) audio.pause();
    g.soundOffset = null;
  };

  function step() {
    if (!latest) return;
    const audio = player();
    if (!isOn() || refused || unplayable && audio.error) { g.soundPause(); return; }
    const wantedAddress = "audio/" + latest.source.track + "?session=" + g.heard.instance + "-" + latest.session;
    if (wantedAddress !== address) {
      address = wantedAddress;
      unplayable = "";
      audio.src = address;
      correctedAt = -Infinity;
    }
    if (latest.source.state !== "running") { g.soundPause(); return; }
    keepInStep(audio);
    if (audio.paused) {
      audio.play().catch((problem) => { if (problem.name === "NotAllowedError") { refused = true; showButton(); } });
    }
  }

  function keepInStep(audio) {
    if (audio.readyState < 1 || audio.seeking) return;
    const now = performance.now();
    const off = audio.currentTime - place();
    g.soundOffset = off;
    if (correcting && !audio.paused && now - correctedAt > SETTLE_MS / 2) {
      // What was still missing after the last jump is how much further the next one has to aim.
      if (Math.abs(off) < 0.5) lead = Math.min(0.5, Math.max(0, lead - off / 2));
      correcting = false;
    }
    if (Math.abs(off) > OFF_BY_SECONDS && now - correctedAt > SETTLE_MS) {
      audio.currentTime = Math.max(0, place() + (audio.paused ? 0 : lead));
      correctedAt = now;
      correcting = false;
    }
  }

  function showButton() {
    const button = document.getElementById("sound");
    const box = document.getElementById("sound-box");
    const face = refused ? "refused" : isOn() ? "on" : "off";
    box.classList.toggle("refused", refused);
    const words = unplayable || (refused ? "Click for sound"
      : isOn() ? "Mute this browser"
      : latest && latest.source.speaker !== null ? "Also play in this browser (the sound already comes from " + latest.source.speaker + ")"
      : "Sound in this browser");
    if (button.dataset.face === face && button.title === words) return;
    button.dataset.face = face;
    button.title = words;
    button.setAttribute("aria-label", words);
    button.setAttribute("aria-pressed", String(isOn() && !refused));
    button.firstChild.textContent = refused ? "Click for sound" : "";
  }
})(window.genrescope);
