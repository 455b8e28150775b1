// This browser's microphone: sent as it is, without the improvements made for speech, and honest about what is missing.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const VERSION = 1; // of the protocol in dashboard/microphone.py
  const COUNT_BYTES = 8; // at the head of every message
  const BLOCK_SECONDS = 0.04;
  const KEPT_SECONDS = 2; // so much may wait for a slow network; what is older is left out
  const HANDED_SECONDS = 0.25; // so much of it is handed to the browser, which cannot take it back
  const NO_FRAMES_MS = 2000;
  const ZERO_SECONDS = 5;
  const CONNECT_MS = 5000;
  const STUCK_MS = 10000; // nothing leaves the browser for so long: the connection is broken, whatever TCP says
  const RETRY_MS = [500, 1000, 2000, 4000];
  const WATCH_MS = 500;
  // With these codes the server means it; after any other end the page tries again.
  const ENDINGS = {
    4400: (reason) => "The server did not understand this page: " + reason + ". Load the page again.",
    4404: () => "This page\u2019s session has ended. Press the microphone button to begin a new one.",
    4409: () => "", // something else was chosen; that needs no words
    4410: () => "Another page has taken over the microphone\u2019s place in this session.",
  };
  const AGAIN = " Then press the microphone button again.";
  const INSECURE = "Browsers allow the microphone only on https or on this machine itself (localhost). "
    + "Open the page there, or use the computer\u2019s own sound card.";
  const TOO_OLD = "This browser cannot hand on the sound of a microphone. Use a newer one, or the computer\u2019s own sound card.";
  const REFUSALS = {
    NotAllowedError: "The microphone was refused. Allow it with the symbol beside the page\u2019s address and in the "
      + "system\u2019s privacy settings." + AGAIN,
    NotFoundError: "There is no microphone. Plug one in, or choose one in the system\u2019s sound settings." + AGAIN,
    NotReadableError: "The microphone cannot be opened; another program may be using it. Close that program." + AGAIN,
    AbortError: "The microphone cannot be opened; another program may be using it. Close that program." + AGAIN,
    OverconstrainedError: "The chosen microphone is not there any more. Choose another one.",
  };
  const UNPLUGGED = "The microphone was unplugged, or taken away from this page. Plug it in." + AGAIN;
  const LOST = "The connection to the server is lost; it is tried again.";

  const m = {
    on: false,
    problem: "", // one sentence, "" while all is well
    leftOutSeconds: 0, // sound that the network was too slow for, since the start
    changed: () => {}, // called when `on` or `problem` has changed
  };
  g.microphone = m;
  let current = null; // what belongs to the microphone that is open or being opened

  function tell(problem) {
    if (problem === m.problem) return;
    m.problem = problem;
    if (problem) g.notice(problem);
    m.changed();
  }

  // ---- on and off ---------------------------------------------------------------------------------------------------

  // Open the microphone (the browser's choice, or that with this id) and have this page's session listen to it.
  // Resolves to true once it runs; false where it cannot, and `problem` says why.
  m.start = async function (deviceId) {
    m.stop();
    const run = { queue: [], queuedBytes: 0, ready: false, tries: 0, socket: null, timer: 0, watch: 0 };
    current = run;
    m.on = true;
    m.leftOutSeconds = 0;
    m.problem = "";
    m.changed();
    try {
      await open(run, deviceId);
    } catch (problem) {
      if (current !== run) return false; // it was stopped meanwhile
      fail(problem.words || "The microphone cannot be used (" + (problem.message || problem.name) + ")." + AGAIN);
      return false;
    } finally {
      if (current !== run) end(run);
    }
    return current === run;
  };

  m.stop = function () {
    const run = current;
    current = null;
    const was = m.on;
    m.on = false;
    if (run) end(run);
    if (was) m.changed();
  };

  function fail(words) {
    m.stop();
    tell(words);
  }

  // The microphones there are: [{id, label}]. Labels, and more than one, only after it was once permitted.
  m.devices = async function () {
    if (!navigator.mediaDevices) return [];
    const all = await navigator.mediaDevices.enumerateDevices();
    return all.filter((device) => device.kind === "audioinput" && device.deviceId)
      .map((device, index) => ({ id: device.deviceId, label: device.label || "Microphone " + (index + 1) }));
  };

  window.addEventListener("pagehide", () => m.stop());

  // ---- opening ------------------------------------------------------------------------------------------------------

  function refusal(words) {
    return Object.assign(new Error(words), { words });
  }

  async function open(run, deviceId) {
    if (!window.isSecureContext || !navigator.mediaDevices) throw refusal(INSECURE);
    if (!window.AudioContext || !window.AudioWorkletNode) throw refusal(TOO_OLD);
    run.stream = await navigator.mediaDevices.getUserMedia({ audio: wishes(deviceId) }).catch((problem) => {
      throw REFUSALS[problem.name] ? refusal(REFUSALS[problem.name]) : problem;
    });
    if (current !== run) return;
    run.track = run.stream.getAudioTracks()[0];
    run.track.onended = () => { if (current === run) fail(UNPLUGGED); };
    await capture(run);
    if (current !== run) return;
    run.stage = await g.own().catch((problem) => { throw refusal(problem.message); });
    if (current !== run) return;
    const answer = await g.command("source", { key: "microphone" });
    if (current !== run) return;
    if (answer.notice) throw refusal(answer.notice);
    connect(run);
  }

  function wishes(deviceId) {
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: { ideal: 2 } };
    return deviceId ? { ...audio, deviceId: { exact: deviceId } } : audio;
  }

  async function capture(run) {
    const settings = run.track.getSettings();
    try {
      run.context = new AudioContext({ sampleRate: settings.sampleRate });
    } catch (_) {
      run.context = new AudioContext(); // a rate the browser does not compute at: its own, then
    }
    await run.context.audioWorklet.addModule(new URL("assets/capture.worklet.js", document.baseURI));
    if (current !== run) return;
    run.rate = run.context.sampleRate;
    run.channels = Math.min(2, settings.channelCount || 1);
    run.bytesPerSecond = 4 * run.channels * run.rate;
    run.name = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    run.node = new AudioWorkletNode(run.context, "genrescope-capture", {
      channelCount: run.channels, channelCountMode: "explicit", outputChannelCount: [1],
      processorOptions: { channels: run.channels, frames: Math.round(BLOCK_SECONDS * run.rate) },
    });
    run.heardAt = run.movedAt = performance.now();
    run.zeroSeconds = 0;
    run.node.port.onmessage = (event) => { if (current === run) take(run, event.data); };
    run.context.createMediaStreamSource(run.stream).connect(run.node);
    // It puts out silence; but only what leads to an output is computed in every browser.
    run.node.connect(run.context.destination);
    run.wake = () => { if (run.context.state !== "running") run.context.resume().catch(() => {}); };
    run.context.onstatechange = run.wake;
    document.addEventListener("pointerdown", run.wake);
    document.addEventListener("keydown", run.wake);
    run.wake();
    run.watch = setInterval(() => watch(run), WATCH_MS);
  }

  function end(run) {
    clearTimeout(run.timer);
    clearInterval(run.watch);
    leave(run);
    if (run.track) run.track.onended = null;
    if (run.stream) run.stream.getTracks().forEach((track) => track.stop()); // the browser's red light goes out
    if (run.wake) {
      document.removeEventListener("pointerdown", run.wake);
      document.removeEventListener("keydown", run.wake);
    }
    if (run.context && run.context.state !== "closed") {
      run.context.onstatechange = null;
      run.context.close().catch(() => {});
    }
    run.queue = [];
  }

  // ---- the sound on its way -----------------------------------------------------------------------------------------

  function take(run, block) {
    run.heardAt = performance.now();
    run.zeroSeconds = block.zero ? run.zeroSeconds + block.frames / run.rate : 0;
    run.queue.push(block.message);
    run.queuedBytes += block.message.byteLength;
    pump(run);
    while (run.queue.length && run.queuedBytes + handed(run) > KEPT_SECONDS * run.bytesPerSecond) {
      // The oldest goes; the count in the blocks that follow shows the server how much is missing.
      m.leftOutSeconds += (drop(run).byteLength - COUNT_BYTES) / run.bytesPerSecond;
    }
  }

  const handed = (run) => (run.ready ? run.socket.bufferedAmount : 0);

  function drop(run) {
    const message = run.queue.shift();
    run.queuedBytes -= message.byteLength;
    return message;
  }

  function pump(run) {
    if (!run.ready) return;
    while (run.queue.length && handed(run) < HANDED_SECONDS * run.bytesPerSecond) {
      run.socket.send(drop(run));
      run.movedAt = performance.now();
    }
  }

  // ---- the connection -----------------------------------------------------------------------------------------------

  function connect(run) {
    const address = new URL("microphone", document.baseURI);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    address.search = new URLSearchParams({ stage: run.stage });
    const socket = run.socket = new WebSocket(address);
    run.timer = setTimeout(() => again(run), CONNECT_MS);
    socket.onopen = () => socket.send(JSON.stringify({
      version: VERSION, rate: run.rate, channels: run.channels, capture: run.name,
    }));
    socket.onmessage = () => { // there is only one: the server is ready
      clearTimeout(run.timer);
      run.ready = true;
      run.tries = 0;
      run.movedAt = performance.now();
      pump(run);
    };
    socket.onclose = (event) => {
      const ending = ENDINGS[event.code];
      if (ending) fail(ending(event.reason));
      else again(run);
    };
  }

  function leave(run) {
    const socket = run.socket;
    run.socket = null;
    run.ready = false;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  function again(run) {
    leave(run);
    clearTimeout(run.timer);
    run.timer = setTimeout(() => connect(run), RETRY_MS[Math.min(run.tries, RETRY_MS.length - 1)]);
    run.tries += 1;
  }

  // ---- is all well? -------------------------------------------------------------------------------------------------

  function watch(run) {
    pump(run);
    if (run.ready && run.queue.length && performance.now() - run.movedAt > STUCK_MS) again(run);
    tell(trouble(run));
  }

  function trouble(run) {
    const waited = performance.now() - run.heardAt;
    if (run.context.state !== "running" && waited > NO_FRAMES_MS) {
      return "The browser has put the microphone to sleep. Click anywhere on the page to wake it.";
    }
    if (run.track.muted) {
      return "The microphone is muted by the system or by a switch of its own. Switch it on, and the sound goes on.";
    }
    if (waited > NO_FRAMES_MS) {
      return "No sound comes from the microphone. See whether it is plugged in and chosen in the system\u2019s sound settings.";
    }
    if (run.tries > 1) return LOST;
    if (run.zeroSeconds > ZERO_SECONDS) {
      return "The microphone delivers nothing but zeros. It may be muted, or the system keeps the browser from hearing it.";
    }
    return "";
  }
})(window.genrescope);
