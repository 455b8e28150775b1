// Shows what is heard now, over somebody else's picture. It follows the events of a session and commands nothing.

const HOLD_NOT_SURE = 3; // results in a row before a name that was sure is taken down: pictures shall not flicker
const HOLD_SILENCE = 2;
const GONE_MS = 4000; // without a connection for so long there is nothing to be shown
const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const CROSSING_MS = 450;

const the = (id) => document.getElementById(id);
const options = new URLSearchParams(location.search);
const session = options.get("session") || "main";
const listed = Number(options.get("names") || 1);
const figures = JSON.parse(document.body.dataset.figures);

const NO_MUSIC = { silence: "Silence", "no music": "No music" };
const WORDS = {
  "": "Listening \u2026", idle: "Ready", loading: "Loading \u2026", paused: "Paused", ended: "The end", failed: "Stopped",
  reconnecting: "Reconnecting \u2026", "no sound is coming": "No sound",
};

let labels = [];
let state = "";
let shown = null; // index of the label whose name stands there
let held = 0; // results since that was last sure
let silent = 0;
let tries = 0;
let farewell = 0;

document.body.classList.toggle("bare", options.get("plate") === "0");
document.body.classList.toggle("listed", listed > 1);
document.body.classList.add(options.get("align") || "left");
connect();

function connect() {
  const events = new EventSource(`sessions/${encodeURIComponent(session)}/events`);
  const on = (name, heed) => events.addEventListener(name, (event) => { alive(); heed(JSON.parse(event.data)); });
  on("model", (model) => { labels = model.labels; shown = null; say(WORDS[state] || WORDS[""], "waiting"); });
  on("result", heard);
  on("state", (now) => { state = now.state; if (state !== "live") { shown = null; say(WORDS[state] || state, "waiting"); } });
  events.onopen = alive;
  events.onerror = () => {
    // The browser tries again by itself where the connection broke, but not where it was refused.
    const refused = events.readyState === EventSource.CLOSED;
    farewell ||= setTimeout(() => { document.body.dataset.look = "gone"; shown = null; }, GONE_MS);
    if (refused) setTimeout(connect, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
  };
}

function alive() {
  tries = 0;
  clearTimeout(farewell);
  farewell = 0;
}

function heard(result) {
  if (!labels.length || state !== "live") return;
  silent = result.verdict in NO_MUSIC ? silent + 1 : 0; // or somebody speaks
  held = result.verdict === "sure" ? 0 : held + 1;
  if (result.verdict === "sure") {
    shown = labels.indexOf(result.label);
  } else if (silent >= HOLD_SILENCE || (held >= HOLD_NOT_SURE && !silent)) {
    shown = null;
  }
  if (shown !== null) {
    say(nameOf(labels[shown]), "sure");
    document.body.style.setProperty("--of-label", colourOf(shown));
    if (!silent) measure(result.probabilities[shown]);
  } else if (silent) {
    if (silent >= HOLD_SILENCE) say(NO_MUSIC[result.verdict], "silence");
  } else if (held >= HOLD_NOT_SURE || document.body.dataset.look !== "sure") {
    say("Not sure", "unsure");
  }
  if (listed > 1) list(silent ? [] : result.probabilities);
}

// One name leaves while the next one comes.
function say(words, look) {
  document.body.dataset.look = look;
  if (look !== "sure") {
    document.body.style.removeProperty("--of-label");
    measure(0);
  }
  if (look === "waiting") list([]);
  const before = the("name");
  if (before.textContent === words) return;
  const next = before.cloneNode();
  next.textContent = words;
  next.style.setProperty("--letters", Math.max(5, words.length));
  next.classList.add("coming");
  before.removeAttribute("id");
  before.classList.add("going");
  before.after(next);
  next.getBoundingClientRect(); // so that it has been there before it moves
  next.classList.remove("coming");
  setTimeout(() => before.remove(), CROSSING_MS);
}

function measure(share) {
  the("bar").style.setProperty("--share", share);
  const percent = share >= 0.995 ? ">\u202f99" : String(Math.round(100 * share));
  if (!share) return;
  the("share").replaceChildren(percent, Object.assign(document.createElement("small"), { textContent: "%" }));
}

// The likeliest labels besides the one that is named.
function list(probabilities) {
  const order = probabilities.map((_, index) => index).sort((a, b) => probabilities[b] - probabilities[a]);
  const others = order.filter((index) => index !== shown).slice(0, listed - (shown === null ? 0 : 1));
  const place = the("others");
  while (place.children.length > others.length) place.lastChild.remove();
  others.forEach((index, row) => {
    const item = place.children[row] || place.appendChild(document.createElement("li"));
    item.style.setProperty("--of-label", colourOf(index));
    const percent = Object.assign(document.createElement("span"), { textContent: Math.round(100 * probabilities[index]) + "\u202f%" });
    item.replaceChildren(nameOf(labels[index]), percent);
  });
}

function colourOf(index) {
  return figures.colours[labels[index].toLowerCase()] || figures.palette[index % figures.palette.length];
}

function nameOf(label) {
  const name = figures.names[label.toLowerCase()] || label.replaceAll("_", " ");
  return name.charAt(0).toUpperCase() + name.slice(1);
}
