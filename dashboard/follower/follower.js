// Follows along: asks for the newest state once a second and shows it. There is nothing to command.

const POLL_MS = 1000;
const SLOWEST_MS = 15000; // when nobody looks, or nobody answers
const TIMEOUT_MS = 5000;
const MISSED_BEFORE_SAID = 2; // a single poll lost on the way is no news
const ANNOUNCE_MS = 1500; // an answer that lasts is announced; one that flickers is not

const the = (id) => document.getElementById(id);
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const percent = (share) => (share >= 0.995 ? ">\u202f99" : share < 0.005 ? "<\u202f1" : Math.round(100 * share)) + "\u202f%";

const SHORT = { "": "ready", "no sound is coming": "no sound" };
const UNNAMED = {
  silence: ["Silence", "No music is heard."],
  "no music": ["No music", "Somebody is speaking, or there is only noise."],
  "not sure": ["Not sure", "Nothing is likely enough to be named."],
};
const WAITING = {
  live: ["Listening \u2026", "The first answer needs a few seconds of music."],
  loading: ["Loading", "The network is being loaded; nothing is lost."],
  paused: ["Paused", "The music goes on later."],
  ended: ["The end", "The music has been played to its end."],
  failed: ["Stopped", "Something went wrong at the talk\u2019s computer."],
  reconnecting: ["Reconnecting", "The sound device is gone; it may come back."],
  "no sound is coming": ["No sound", "No sound is coming from the device."],
};

let tag = "";
let missed = 0;
let timer = 0;
let asking = false;
let announcing = "";
let announcement = 0;

async function ask() {
  if (asking) return;
  asking = true;
  clearTimeout(timer);
  const abort = new AbortController();
  const patience = setTimeout(() => abort.abort(), TIMEOUT_MS);
  try {
    const response = await fetch("now", { signal: abort.signal, cache: "no-store", headers: tag ? { "If-None-Match": tag } : {} });
    if (response.status === 401) {
      missed += 1;
      trouble("scan again", "This address is no longer valid. Scan the code on the screen again.");
    } else if (response.status === 304) {
      answered();
    } else if (response.ok) {
      const now = await response.json();
      tag = response.headers.get("ETag") || "";
      answered();
      show(now);
    } else {
      throw new Error(String(response.status));
    }
  } catch (error) {
    missed += 1;
    if (missed >= MISSED_BEFORE_SAID || !tag) {
      trouble("trying again", "The talk\u2019s computer does not answer; trying again.");
    }
  }
  clearTimeout(patience);
  asking = false;
  // No two phones keep step: fifty of them would ask at the same moment.
  const pause = document.hidden ? SLOWEST_MS : Math.min(POLL_MS * 2 ** Math.max(0, missed - 1), SLOWEST_MS);
  timer = setTimeout(ask, pause * (0.8 + 0.4 * Math.random()));
}

function trouble(state, text) {
  tag = ""; // whatever comes next is news
  document.body.dataset.state = "away";
  write("state", state);
  write("notice", text);
  the("notice").hidden = false;
}

function answered() {
  missed = 0;
  if (!the("notice").hidden) the("notice").hidden = true;
}

function show(now) {
  const state = now.state || "";
  const said = words(now, state);
  document.body.dataset.state = state || "ready";
  write("state", SHORT[state] || state);
  write("source", now.source || "");
  const place = the("now");
  place.dataset.verdict = said.verdict;
  place.style.setProperty("--of-label", said.colour || "transparent");
  place.style.setProperty("--share", said.verdict === "sure" ? now.share : 0);
  write("name", said.name);
  // The style sheet sizes the name by its length; that of a genre may break between words.
  const parts = said.verdict === "sure" ? said.name.split(/[\s-]/) : ["Not sure", said.name];
  the("name").style.setProperty("--letters", Math.max(5, ...parts.map((part) => part.length)));
  write("sureness", said.remark);
  write("share", said.verdict === "sure" ? percent(now.share) : "");
  write("sentence", said.sentence);
  list("candidates", now.candidates || [], 3, ([name, colour, share]) => ["", name, colour, share]);
  list("segments", (now.segments || []).slice().reverse(), 6, ([start, name, colour]) => [clock(start), name, colour, ""]);
  document.title = (said.verdict === "sure" && state === "live" ? said.name + " \u00b7 " : "") + "genrescope";
  announce(said, state);
}

function words(now, state) {
  if (now.verdict === "sure") {
    const sentence = now.sentence === now.name ? "" : capital(now.sentence || "");
    return { verdict: "sure", name: capital(now.name), colour: now.colour, remark: sureness(now.share), sentence };
  }
  const [name, remark] =
    UNNAMED[now.verdict] || WAITING[state] || ["Nothing yet", "As soon as music plays, its genre appears here."];
  return { verdict: now.verdict || "none", name, colour: "", remark, sentence: "" };
}

function sureness(share) {
  return share >= 0.9 ? "Very sure" : share >= 0.7 ? "Quite sure" : share >= 0.5 ? "Fairly sure" : "More likely than the rest";
}

// As many rows as there may be, so that nothing jumps when one comes or goes.
function list(id, items, count, texts) {
  const place = the(id);
  place.parentNode.classList.toggle("empty", !items.length);
  while (place.children.length < count) {
    const row = document.createElement("li");
    row.innerHTML = ["time", "name", "bar", "figure"].map((part) => `<span class="${part}"><span></span></span>`).join("");
    place.append(row);
  }
  Array.from(place.children).forEach((row, index) => {
    const [time, name, colour, share] = items[index] ? texts(items[index]) : ["", "", "", ""];
    row.classList.toggle("empty", !items[index]);
    row.style.setProperty("--of-label", colour || "transparent");
    row.style.setProperty("--share", share || 0);
    set(row.children[0], time);
    set(row.children[1], capital(name));
    set(row.children[3], share === "" ? "" : percent(share));
  });
}

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? minutes + ":" + two(whole % 60)
    : Math.floor(minutes / 60) + ":" + two(minutes % 60) + ":" + two(whole % 60);
}

function announce(said, state) {
  const key = said.name + state;
  if (key === announcing) return;
  announcing = key;
  clearTimeout(announcement);
  const text = said.name + ". " + said.remark + (state === "live" ? "" : ` (${state})`);
  announcement = setTimeout(() => write("said", text), ANNOUNCE_MS);
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const write = (id, text) => set(the(id), text);
const hurry = () => { if (!document.hidden) ask(); };
document.addEventListener("visibilitychange", hurry);
window.addEventListener("online", hurry);
window.addEventListener("pageshow", hurry);
ask();
