// Listening to a file of one's own: chosen with the button, or dropped anywhere on the page. (A dropped link: link.js.)
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const MAX_BYTES = 500e6; // until the server has said how much it takes
  const REPLAY = ".genrescope.json";
  const KINDS = "audio/*,video/mp4,video/webm,.wav,.flac,.mp3,.ogg,.oga,.opus,.aif,.aiff,.caf,.m4a,.m4b,.aac,.wma,.webm,.mka,.json";
  const NO_SOUND = /^(text|image|font)\//;
  const VEIL_MS = 800; // browsers say every third of a second at least that something is still held over the page
  let current = null; // the request that is under way

  const megabytes = (bytes) => (bytes >= 10e6 ? Math.round(bytes / 1e6) : Number((bytes / 1e6).toPrecision(2))) + " MB";
  const short = (name) => (name.length > 60 ? name.slice(0, 46) + "\u2026" + name.slice(-12) : name);

  // ---- sending ------------------------------------------------------------------------------------------------------

  // Why a file need not even be sent; "" if it may. The server checks all of this, and more, by itself.
  function objection(file) {
    const most = (g.limits && g.limits.upload_bytes) || MAX_BYTES;
    const name = short(file.name);
    if (!file.size) return name + " is empty: a sound file holds sound. Choose another file.";
    if (NO_SOUND.test(file.type)) {
      return name + " is not a sound file genrescope can read: wav, flac, mp3, ogg, opus, aiff, m4a, aac, wma and webm "
        + "files can be played. Choose another file.";
    }
    if (file.size > most) {
      return name + " is too large (" + megabytes(file.size) + "): an uploaded file has at most " + megabytes(most)
        + ". Choose a smaller one, or name it on the command line.";
    }
    return "";
  }

  // Send a file and listen to it. Resolves to whether it is being listened to; says why where it is not.
  g.upload = async function (file) {
    if (file.name.toLowerCase().endsWith(REPLAY) && g.openReplay) return g.openReplay(file);
    if (current) return refuse("Another file is being uploaded. Wait for it, or cancel it.");
    const words = objection(file);
    if (words) return refuse(words);
    const request = current = new XMLHttpRequest();
    let stage = null;
    const had = g.stage;
    showProgress(file, request);
    try {
      stage = await g.own();
      if (request.cancelled) throw new Error(""); // before there was anything to abort
      const answer = await send(request, file, stage);
      if (g.replaying) g.closeReplay();
      if (g.microphone && g.microphone.on) g.microphone.stop();
      await g.refreshSources(); // before the choice, so that the list knows what was chosen
      const done = await g.command("source", { key: answer.key });
      if (done && done.notice) return false;
      g.say("Now listening to " + answer.title + ".");
      return true;
    } catch (problem) {
      goBack(stage, had);
      return problem.message ? refuse(problem.message) : false;
    } finally {
      current = null;
      hideProgress();
    }
  };

  function refuse(words) {
    g.notice(words);
    return false;
  }

  function send(request, file, stage) {
    return new Promise((resolve, reject) => {
      request.upload.onprogress = (event) => showShare(event.loaded, event.total, file);
      request.upload.onload = () => showShare(file.size, file.size, file);
      request.onload = () => {
        const answer = request.response; // null where it is no JSON
        if (request.status === 200 && answer && answer.key) resolve(answer);
        else reject(new Error((answer && answer.notice) || refusal(request.status)));
      };
      request.onerror = () => reject(new Error(short(file.name)
        + " could not be sent: the connection to genrescope was lost. Try again, or choose a smaller file."));
      request.onabort = () => reject(new Error("")); // as the person wished
      request.open("POST", "upload?" + new URLSearchParams({ stage, name: file.name }));
      request.responseType = "json";
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.send(file);
    });
  }

  function refusal(status) {
    return status === 401 || status === 403
      ? "This page may not send files any more. Open the address that genrescope printed when it was started."
      : "The file was refused (" + status + "). Try again, or choose another.";
  }

  // The page got a session of its own for a file that did not come: it had better follow the others again, unless
  // something else was chosen in the meantime.
  function goBack(stage, had) {
    const answer = g.answer;
    const unused = !(answer && answer.stage === stage && answer.source_key);
    if (stage && stage !== had && g.stage === stage && unused && g.followMain) g.followMain("");
  }

  // ---- progress -----------------------------------------------------------------------------------------------------

  function showProgress(file, request) {
    const box = document.getElementById("upload-box");
    g.say("Uploading " + short(file.name) + ".");
    if (!box) return;
    const words = Object.assign(document.createElement("span"), { id: "upload-words", className: "upload-words" });
    const bar = Object.assign(document.createElement("progress"), { id: "upload-progress", max: file.size, value: 0 });
    bar.setAttribute("aria-labelledby", "upload-words");
    const cancel = Object.assign(document.createElement("button"), {
      type: "button", id: "upload-cancel", className: "text-button", textContent: "Cancel",
    });
    cancel.addEventListener("click", () => {
      request.cancelled = true;
      request.abort();
      g.say("The upload was cancelled.");
    });
    box.classList.add("upload-box");
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "Upload");
    box.replaceChildren(words, bar, cancel);
    box.hidden = false;
    showShare(0, file.size, file);
  }

  function showShare(sent, total, file) {
    const bar = document.getElementById("upload-progress");
    if (!bar) return;
    const whole = sent >= total;
    if (whole) bar.removeAttribute("value"); // nobody knows how long checking takes
    else bar.value = sent / total * file.size;
    g.setText("upload-words", whole ? "Checking " + short(file.name)
      : "Uploading " + short(file.name) + ": " + Math.floor(100 * sent / total) + "\u202f% of " + megabytes(file.size));
  }

  function hideProgress() {
    const box = document.getElementById("upload-box");
    if (!box) return;
    const focused = box.contains(document.activeElement);
    box.hidden = true;
    box.replaceChildren();
    const button = document.getElementById("upload");
    if (focused && button) button.focus();
  }

  // ---- the button ---------------------------------------------------------------------------------------------------

  const input = Object.assign(document.createElement("input"), {
    type: "file", id: "upload-input", accept: KINDS, hidden: true,
  });
  input.setAttribute("aria-label", "File to listen to");
  input.addEventListener("change", () => {
    const file = input.files[0];
    g.notice(""); // what was said of the file before
    if (file) g.upload(file);
    input.value = ""; // so that the same file can be chosen again
  });
  document.body.append(input);
  g.onClick("upload", () => input.click());

  // ---- dropping -----------------------------------------------------------------------------------------------------

  const veil = Object.assign(document.createElement("div"), { id: "upload-veil", className: "upload-veil", hidden: true });
  veil.setAttribute("aria-hidden", "true");
  const veilWords = document.createElement("p");
  veil.append(veilWords);
  document.body.append(veil);

  let inner = false; // something of the page itself is being dragged
  let veilTimer = 0;
  const isField = (target) => target instanceof Element && Boolean(target.closest("input, textarea, [contenteditable]"));
  const isReady = () => Boolean(document.getElementById("upload"));

  function dropVeil() {
    clearTimeout(veilTimer);
    veil.hidden = true;
  }

  document.addEventListener("dragstart", () => { inner = true; });
  document.addEventListener("dragend", () => { inner = false; });
  document.addEventListener("dragover", (event) => {
    const files = event.dataTransfer.types.includes("Files");
    if (inner || (isField(event.target) && !files)) return;
    event.preventDefault(); // or the browser leaves the page and opens the file
    event.dataTransfer.dropEffect = isReady() ? "copy" : "none";
    if (!(files || event.dataTransfer.types.includes("text/uri-list")) || !isReady()) return;
    veilWords.textContent = files ? "Drop a sound file to listen to it" : "Drop a link to listen to it";
    veil.hidden = false;
    clearTimeout(veilTimer);
    veilTimer = setTimeout(dropVeil, VEIL_MS);
  });
  document.addEventListener("drop", (event) => {
    const data = event.dataTransfer;
    dropVeil();
    if (inner || (isField(event.target) && !data.types.includes("Files"))) return;
    event.preventDefault();
    g.notice("");
    if (isReady()) take(data);
  });

  function take(data) {
    const things = Array.from(data.items).filter((item) => item.kind === "file");
    const isFolder = (item) => {
      const entry = item.webkitGetAsEntry && item.webkitGetAsEntry();
      return Boolean(entry && entry.isDirectory);
    };
    const files = things.filter((item) => !isFolder(item)).map((item) => item.getAsFile()).filter(Boolean);
    if (!files.length) {
      const link = things.length || !g.droppedLink ? "" : g.droppedLink(data);
      if (link) g.offerLink(link);
      else {
        g.notice(things.length ? "That is a folder: one sound file at a time can be listened to. Drop a file out of it."
          : "That is neither a sound file nor a link that begins with https:// or http://. Drop one of these.");
      }
      return;
    }
    if (files.length > 1) {
      g.notice("Of " + files.length + " files the first is taken: " + short(files[0].name) + ". Drop the others one by one.");
    }
    g.upload(files[0]);
  }
})(window.genrescope);
