// The current answer in large type, the likeliest labels with bars, and what a screen reader hears.
window.genrescope = window.genrescope || {};

(function (g) {
  "use strict";

  const ANNOUNCE_MS = 1500; // an answer that lasts is announced; one that flickers is not
  let announced = "";
  let candidate = "";
  let candidateSince = 0;
  let legendOf = "";

  g.showAnswer = function (answer) {
    const said = words(answer);
    const box = document.getElementById("answer");
    box.dataset.verdict = said.verdict;
    box.dataset.label = said.label || "";
    box.style.setProperty("--of-label", said.colour || "transparent");
    const verdict = document.getElementById("verdict");
    if (verdict.textContent !== said.text) {
      verdict.textContent = said.text;
      // The style sheet sizes the word by its length: "jazz" may be larger than "progressive rock".
      verdict.style.setProperty("--letters", Math.max(5, said.text.length));
    }
    setText("remark", said.remark);
    showCandidates(said);
    showLegend();
    announce(said);
  };

  function words(answer) {
    const h = g.heard;
    const state = answer.status ? answer.status.state : "";
    const last = g.latest();
    if (!answer.status) return { verdict: "none", text: "Ready", remark: "Choose above what to listen to." };
    if (state === "failed") return { verdict: "none", text: "Stopped", remark: g.capital(answer.status.detail) };
    if (!last) {
      if (state === "loading") {
        return { verdict: "none", text: "Loading the network", remark: "The music is kept meanwhile; nothing is lost." };
      }
      if (state === "live") return { verdict: "none", text: "Listening \u2026", remark: "The first answer needs three seconds of music." };
      return { verdict: "none", text: g.capital(state), remark: g.capital(answer.status.detail) };
    }
    const order = last.probabilities.map((p, index) => [p, index]).sort((a, b) => b[0] - a[0]);
    if (last.verdict === "silence") return { verdict: "silence", text: "Silence", remark: "No music is heard.", order: [] };
    if (last.verdict === "not sure") {
      return { verdict: "not sure", text: "Not sure", remark: "Nothing is likely enough to be named.", order };
    }
    const [share, top] = order[0];
    return {
      verdict: "sure", text: g.capital(h.bundle.names[top]), label: h.bundle.labels[top], colour: h.bundle.colours[top],
      remark: (share >= 0.995 ? "over 99\u202f%" : g.percent(share)) + " sure", order, share,
    };
  }

  function showCandidates(said) {
    const list = document.getElementById("candidates");
    const bundle = g.heard.bundle;
    const count = bundle && !bundle.exclusive ? 8 : 3;
    const order = (said.order || []).slice(0, count);
    list.classList.toggle("many", count > 3);
    while (list.children.length > count) list.lastChild.remove();
    while (list.children.length < count) list.append(candidateRow());
    Array.from(list.children).forEach((row, place) => {
      const [share, index] = order[place] || [0, -1];
      row.classList.toggle("empty", index < 0);
      const [name, bar, figure] = row.children;
      name.textContent = index < 0 ? "\u2013" : g.capital(bundle.names[index]);
      bar.firstChild.style.transform = "scaleX(" + share.toFixed(3) + ")";
      bar.firstChild.style.backgroundColor = index < 0 ? "transparent" : bundle.colours[index];
      figure.textContent = index < 0 ? "" : g.percent(share);
    });
  }

  function candidateRow() {
    const row = document.createElement("li");
    row.innerHTML = '<span class="name"></span><span class="bar"><span></span></span><span class="figure"></span>';
    return row;
  }

  function showLegend() {
    const bundle = g.heard.bundle;
    const shown = !bundle ? [] : bundle.exclusive ? bundle.labels.map((_, index) => index) : g.strongest();
    const key = shown.map((index) => bundle.labels[index]).join();
    if (key === legendOf) return;
    legendOf = key;
    document.getElementById("legend").replaceChildren(...shown.map((index) => {
      const item = document.createElement("li");
      const swatch = document.createElement("span");
      const dashed = !bundle.exclusive && bundle.dashes[index] !== "solid";
      swatch.className = bundle.exclusive ? "swatch" : "swatch line";
      swatch.style.setProperty("--colour", bundle.colours[index]);
      swatch.dataset.dash = dashed ? bundle.dashes[index] : "solid";
      item.append(swatch, bundle.names[index]);
      return item;
    }));
  }

  function announce(said) {
    const key = said.verdict === "sure" ? said.label : said.text;
    const now = performance.now();
    if (key !== candidate) { candidate = key; candidateSince = now; return; }
    if (key === announced || now - candidateSince < ANNOUNCE_MS) return;
    announced = key;
    document.getElementById("announcement").textContent =
      said.verdict === "sure" ? said.text + ", " + said.remark : said.text;
  }

  function setText(id, text) {
    const place = document.getElementById(id);
    if (place.textContent !== text) place.textContent = text;
  }
  g.setText = setText;
})(window.genrescope);
