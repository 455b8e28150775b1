// The current answer in large type, the likeliest labels with bars, and what a screen reader hears; for both models.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const ANNOUNCE_MS = 1500; // an answer that lasts is announced; one that flickers is not
  const CANDIDATES = 3;
  let announced = "";
  let candidate = "";
  let candidateSince = 0;

  g.showAnswer = function (answer) {
    const both = Boolean(g.hearings[1]);
    document.getElementById("answers").classList.toggle("two", both);
    document.getElementById("answer-2").hidden = !both;
    const said = g.words(answer, 0);
    show("answer", said, 0, both);
    if (both) show("answer-2", g.words(answer, 1), 1, both);
    announce(said);
  };

  function show(id, said, place, both) {
    const box = document.getElementById(id);
    const [who, verdict, remark, sentence] = ["who", "verdict", "remark", "sentence"].map((part) => box.querySelector("." + part));
    box.dataset.verdict = said.verdict;
    box.dataset.label = said.label || "";
    box.style.setProperty("--of-label", said.colour || "transparent");
    const bundle = g.hearings[place].bundle;
    setText(who, both && bundle ? bundle.title : "");
    if (setText(verdict, said.text)) {
      // The style sheet sizes the word by its length: "jazz" may be larger than "progressive rock".
      verdict.style.setProperty("--letters", Math.max(5, said.text.length));
    }
    setText(remark, said.remark);
    const text = g.hearings[place].sentence;
    // Where it says no more than the large word, or is still about the part before, it is left out.
    const name = said.text.toLowerCase();
    const more = text && (said.verdict === "not sure" || said.verdict === "sure" && text.toLowerCase() !== name
      && (!bundle.exclusive || text.toLowerCase().startsWith(name)));
    setText(sentence, more ? "This part: " + text : "");
    showCandidates(box.querySelector(".candidates"), said, bundle);
  }

  // What is to be said about a model's newest answer.
  g.words = function (answer, place) {
    const h = g.hearings[place];
    const status = place ? h.status : answer.status;
    const state = status ? status.state : "";
    const last = g.latest(place);
    if (!status) return { verdict: "none", text: "Ready", remark: "Choose above what to listen to." };
    if (state === "failed") return { verdict: "none", text: "Stopped", remark: g.capital(status.detail) };
    if (!last) return beforeTheFirst(g.isConnecting(answer) ? "connecting" : state, status);
    const order = last.probabilities.map((p, index) => [p, index]).sort((a, b) => b[0] - a[0]);
    if (last.verdict === "silence") return { verdict: "silence", text: "Silence", remark: "No music is heard.", order: [] };
    if (last.verdict === "no music") {
      return { verdict: "no music", text: "No music", remark: "Somebody is speaking, or there is only noise.", order: [] };
    }
    if (last.verdict === "not sure") {
      return { verdict: "not sure", text: "Not sure", remark: "Nothing is likely enough to be named.", order };
    }
    const [share, top] = order[0];
    return {
      verdict: "sure", text: g.capital(h.bundle.names[top]), label: h.bundle.labels[top], colour: h.bundle.colours[top],
      remark: (share >= 0.995 ? "over 99\u202f%" : g.percent(share)) + " sure", order, share,
    };
  };

  function beforeTheFirst(state, status) {
    if (state === "connecting") {
      return { verdict: "none", text: "Connecting \u2026", remark: status.detail ? g.capital(status.detail) : "The link is being opened." };
    }
    if (state === "loading") {
      return { verdict: "none", text: "Loading the network", remark: "The music is kept meanwhile; nothing is lost." };
    }
    if (state === "live") {
      return { verdict: "none", text: "Listening \u2026", remark: status.detail ? g.capital(status.detail) : "The first answer needs three seconds of music." };
    }
    return { verdict: "none", text: g.capital(state), remark: g.capital(status.detail) };
  }

  function showCandidates(list, said, bundle) {
    const order = (said.order || []).slice(0, CANDIDATES);
    while (list.children.length < CANDIDATES) list.append(candidateRow());
    Array.from(list.children).forEach((row, place) => {
      const [share, index] = order[place] || [0, -1];
      row.classList.toggle("empty", index < 0);
      const [name, bar, figure] = row.children;
      if (setText(name, index < 0 ? "\u2013" : g.capital(bundle.names[index]))) {
        // The style sheet sets long names smaller.
        name.style.setProperty("--letters", name.textContent.length);
      }
      bar.firstChild.style.transform = "scaleX(" + share.toFixed(3) + ")";
      bar.firstChild.style.backgroundColor = index < 0 ? "transparent" : bundle.colours[index];
      setText(figure, index < 0 ? "" : g.percent(share));
    });
  }

  function candidateRow() {
    const row = document.createElement("li");
    row.innerHTML = '<span class="name"></span><span class="bar"><span></span></span><span class="figure"></span>';
    return row;
  }

  function announce(said) {
    const key = said.verdict === "sure" ? said.label : said.text;
    const now = performance.now();
    if (key !== candidate) { candidate = key; candidateSince = now; return; }
    if (key === announced || now - candidateSince < ANNOUNCE_MS) return;
    announced = key;
    g.say(said.verdict === "sure" ? said.text + ", " + said.remark : said.text);
  }

  function setText(place, text) {
    if (place.textContent === text) return false;
    place.textContent = text;
    return true;
  }
})(window.genrescope);
