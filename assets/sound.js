// The sound of a file in this browser, kept in step with what is classified. Off where the server plays it itself.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const JUMP_SECONDS = 0.3; // further off than this it jumps; nearer, it plays a little faster or slower, unheard
  const STILL_SECONDS = 0.015; // nearer than this is in step
  const FASTEST = 0.1; // share by which the speed may change
  const SETTLE_MS = 900; // a browser needs a while to get to another place; no second jump before
  const LOOKS = 8; // polls of which the quickest tells where the server is, as in the network time protocol
  const EVERY_MS = 120;

  let wanted = null; // true or false once a person has said so; null: on where the server has no speaker
  let speaker;
  let refused = false; // the browser wants a click before it plays anything
  let unplayable = "";
  let address = "";
  let jumpedAt = -Infinity;
  let lead = 0.06; // how long the last jumps took; the next one aims so far ahead
  let measureLead = false;
  let slider = null;
  let latest = null; // {source, address}
  let starts = []; // when, by this browser's clock, the track began, and how long the poll took; one estimate a poll
  let ready = false; // the browser stands where the server is, and may begin

  const player = () => document.getElementById("player");
  const isOn = () => (wanted === null ? Boolean(latest) && latest.source.speaker === null : wanted);
  g.soundOffset = null; // seconds the browser is ahead of the plot, for those who measure

  function volume() {
    if (slider) return;
    slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: 0, max: 1, step: 0.05, value: g.prefs.get("volume", 0.8) });
    slider.setAttribute("aria-label", "Volume in this browser");
    const audio = player();
    const turn = () => {
      audio.volume = Number(slider.value);
      slider.style.setProperty("--done", 100 * slider.value + "%");
    };
    slider.addEventListener("input", () => { turn(); g.prefs.set("volume", Number(slider.value)); });
    document.getElementById("volume").append(slider);
    turn();
    audio.preservesPitch = true;
    audio.addEventListener("error", () => { if (address) unplayable = "This browser cannot play this kind of file"; });
    audio.addEventListener("loadedmetadata", jump);
    audio.addEventListener("seeked", () => { ready = true; step(); });
    setInterval(() => { if (latest && !audio.paused) step(); }, EVERY_MS);
  }

  g.onClick("sound", () => {
    wanted = refused ? true : !isOn();
    refused = false;
    unplayable = "";
    step();
    showButton();
  });

  // The sound of a replay may begin later than the session did.
  const startsAt = (source) => source.sound_starts_at || 0;

  // Where in the sound the server's playback is at this very moment.
  function place() {
    if (latest.source.state !== "running" || !starts.length) return latest.source.position - startsAt(latest.source);
    const quickest = starts.reduce((best, other) => (other.delay < best.delay ? other : best));
    return (performance.now() - quickest.began) / 1000;
  }

  g.showSound = function (answer) {
    volume();
    const source = answer.source;
    const possible = Boolean(source) && source.kind === "file" && (!g.replaying || Boolean(g.replaying.sound));
    document.getElementById("sound-box").hidden = !possible;
    if (!possible) { latest = null; g.soundPause(); return; }
    if (source.speaker !== speaker) {
      speaker = source.speaker; // another loudspeaker, another choice: never both by accident
      wanted = null;
    }
    note(source, answer);
    step();
    showButton();
  };

  // A pause, a seek and another track move the beginning: older estimates are then of no use.
  function note(source, answer) {
    const began = answer.arrived - 1000 * (source.position - startsAt(source));
    const delay = answer.delay || 0;
    const here = g.replaying ? g.replaying.sound : "audio/" + g.stage + "/" + source.track + "?session=" + answer.instance + "-" + answer.session;
    const running = source.state === "running";
    if (!running || !latest || latest.address !== here || starts.length && Math.abs(began - starts[starts.length - 1].began) > 150 + delay) starts = [];
    if (running) starts.push({ began, delay });
    if (starts.length > LOOKS) starts.shift();
    latest = { source, address: here };
  }

  g.soundPause = function () {
    const audio = player();
    if (audio && !audio.paused) audio.pause();
    g.soundOffset = null;
  };

  function step() {
    if (!latest) return;
    const audio = player();
    if (!isOn() || refused || unplayable && audio.error) { g.soundPause(); return; }
    if (latest.address !== address) {
      address = latest.address;
      unplayable = "";
      ready = false;
      audio.src = address;
      return;
    }
    if (latest.source.state !== "running") { ready = false; g.soundPause(); return; }
    if (audio.readyState < 1 || audio.seeking) return;
    if (place() < 0) { g.soundPause(); ready = false; return; }
    if (audio.paused) {
      // Never from where it happens to be: first to the place, then play.
      if (!ready) { jump(); return; }
      audio.play().catch((problem) => { if (problem.name === "NotAllowedError") { refused = true; showButton(); } });
      return;
    }
    keepInStep(audio);
  }

  function jump() {
    if (!latest) return;
    const audio = player();
    audio.currentTime = Math.max(0, place() + lead);
    audio.playbackRate = 1;
    jumpedAt = performance.now();
    measureLead = true;
  }

  function keepInStep(audio) {
    const now = performance.now();
    const off = audio.currentTime - place();
    g.soundOffset = off;
    if (measureLead && now - jumpedAt > SETTLE_MS / 3) {
      // What was still missing after the last jump is how much further the next one has to aim.
      if (Math.abs(off) < 0.5) lead = Math.min(0.4, Math.max(0, lead - off / 2));
      measureLead = false;
    }
    if (Math.abs(off) > JUMP_SECONDS) {
      if (now - jumpedAt > SETTLE_MS) jump();
      return;
    }
    const rate = Math.abs(off) < STILL_SECONDS ? 1 : 1 - Math.max(-FASTEST, Math.min(FASTEST, off));
    if (Math.abs(audio.playbackRate - rate) > 0.005) audio.playbackRate = rate;
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
