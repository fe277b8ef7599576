// The browser of samples on a run's page. The index of a run says of every sample what it can be filtered by; the
// samples themselves lie in numbered scripts, of which only those are loaded that somebody looks at. The address
// keeps filters, search and place, so that a link leads back to them. Text stays text.
"use strict";
(() => {
  const { make, choice } = window.unreason;
  const PAGE = 25;
  const KEPT = 40; // numbered scripts whose samples stay in memory
  const UNREADABLE = ["refusal", "no_answer", "truncated", "unparsed"];
  const SETS = new Map([
    ["failures (no readable answer)", (name, failed) => failed || UNREADABLE.includes(name)],
    ["all that are not right", (name) => name !== "correct" && name !== "scored"],
  ]);
  const plain = (value) => (typeof value === "number" ? String(Math.round(value * 1000) / 1000) : String(value ?? "–"));
  const texts = (sample) => [sample.doc, sample.target, sample.answer ?? "",
    ...sample.exchanges.flatMap((one) => [one.asked, ...one.said])].join("\n").toLowerCase();

  const opened = (sample) => {
    const block = (label, text) => [make("div", { class: "label" }, label), make("pre", {}, text)];
    const parts = sample.exchanges.flatMap((one, i) => [
      ...block(sample.exchanges.length > 1 ? `prompt ${i + 1}` : "prompt", one.asked),
      ...one.said.flatMap((said) => block("response", said)),
    ]);
    if (sample.more > 0) parts.push(make("p", {}, `and ${sample.more} more requests`));
    const facts = { doc: sample.doc, mode: sample.mode, ...sample.condition, ...sample.scores };
    const list = make("dl", {}, ...Object.entries(facts).map(([key, value]) =>
      make("div", {}, make("dt", {}, key), make("dd", {}, plain(value)))));
    return [...parts, ...block("target", sample.target), ...block("answer as read", sample.answer ?? "–"), list];
  };

  const line = (sample, varying) => {
    const name = sample.error ?? sample.outcome;
    const chips = varying.filter((key) => sample.condition[key] !== undefined)
      .map((key) => make("span", { class: "chip" }, plain(sample.condition[key])));
    const head = make("summary", {},
      make("span", { class: `outcome ${sample.error ? "error" : sample.outcome}` }, name.replaceAll("_", " ")),
      make("span", { class: "said" }, sample.answer ?? "–"),
      make("span", { class: "target" }, `target: ${sample.target || "–"}`),
      make("span", { class: "chips" }, make("span", { class: "chip" }, sample.mode), ...chips));
    const node = make("details", { class: "sample" }, head);
    node.addEventListener("toggle", () => { if (node.open && node.childElementCount === 1) node.append(...opened(sample)); });
    return node;
  };

  // The numbered scripts: each calls window.SAMPLE_PART with its number and its samples.
  const parts = new Map(); // number -> promise of its samples, the ones asked for last
  const arrived = new Map();
  window.SAMPLE_PART = (number, samples) => arrived.get(number)(samples);
  const part = (folder, number) => {
    const known = parts.get(number) ?? new Promise((resolve) => {
      arrived.set(number, resolve);
      const script = make("script", { src: `${folder}/${number}.js` });
      script.addEventListener("load", () => script.remove());
      document.head.append(script);
    });
    parts.delete(number);
    parts.set(number, known);
    if (parts.size > KEPT) parts.delete(parts.keys().next().value);
    return known;
  };

  const browse = (place, index) => {
    const { total, size, outcomes, columns, keys } = index;
    const { folder } = place.dataset;
    const sampleAt = async (at) => (await part(folder, Math.floor(at / size)))[at % size];
    const state = new URLSearchParams(location.hash.slice(1));
    const tests = new Map();
    let passing = null; // places of the samples that pass the filters; null for all
    let found = []; // of those, the ones that hold the searched text, as far as the search has come
    let looked = 0;
    let wanted = "";
    let at = 0;
    let turn = 0; // a newer drawing makes older ones stop

    const list = make("div", { class: "list" });
    const count = make("span", { role: "status", class: "count" });
    const back = make("button", { type: "button" }, "previous");
    const next = make("button", { type: "button" }, "next");
    const controls = make("div", { class: "filters" });
    const length = () => (passing ? passing.length : total);
    const nth = (n) => (passing ? passing[n] : n);

    const searched = async (enough, mine) => {
      while (found.length < enough && looked < length() && mine === turn) {
        const here = nth(looked);
        looked += 1;
        if (texts(await sampleAt(here)).includes(wanted)) found.push(here);
        if (looked % 1000 === 0) count.textContent = `searching: ${looked.toLocaleString("en")} of ${length().toLocaleString("en")}`;
      }
    };
    const remember = () => {
      state.delete("at");
      if (at > 0) state.set("at", String(at));
      history.replaceState(null, "", state.size ? `#${state}` : location.pathname);
    };
    const draw = async () => {
      const mine = ++turn;
      if (wanted) await searched(at + PAGE + 1, mine);
      if (mine !== turn) return;
      const ended = !wanted || looked >= length();
      const many = wanted ? found.length : length();
      const shown = Array.from({ length: Math.max(0, Math.min(PAGE, many - at)) }, (_, i) => (wanted ? found[at + i] : nth(at + i)));
      const samples = await Promise.all(shown.map(sampleAt));
      if (mine !== turn) return;
      list.replaceChildren(...samples.map((sample) => line(sample, keys)));
      const of = ended ? many.toLocaleString("en") : "more";
      count.textContent = many ? `${(at + 1).toLocaleString("en")} to ${(at + shown.length).toLocaleString("en")} of ${of}` : "no such samples";
      back.disabled = at === 0;
      next.disabled = at + PAGE >= many;
      remember();
    };
    const start = () => {
      passing = null;
      if (tests.size) {
        passing = [];
        const all = [...tests.values()];
        for (let i = 0; i < total; i += 1) if (all.every((passes) => passes(i))) passing.push(i);
      }
      [found, looked, at] = [[], 0, 0];
    };
    const nameOf = (value) => plain(value?.name ?? value);
    const by = (name, values, codes, sets = new Map()) => {
      const pick = (value) => {
        tests.delete(name);
        state.delete(name);
        if (value === null) return;
        state.set(name, value);
        const set = sets.get(value);
        const kept = values.map((one) => (set ? set(one.name, one.failed) : nameOf(one) === value));
        tests.set(name, (i) => kept[codes[i]]);
      };
      const select = choice(name, [...sets.keys(), ...new Set(values.map(nameOf))], (value) => { pick(value); start(); draw(); });
      if (state.has(name)) {
        select.value = `=${state.get(name)}`;
        pick(select.value ? state.get(name) : null);
      }
      controls.append(select);
    };
    if (outcomes.length > 1) by("outcome", outcomes, columns.outcome, SETS);
    for (const { key, values } of index.filters) by(key, values, columns[key]);

    const search = make("input", { type: "search", placeholder: "search prompts and answers", "aria-label": "search" });
    let typing;
    search.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => {
        wanted = search.value.toLowerCase();
        state.delete("search");
        if (wanted) state.set("search", search.value);
        start();
        draw();
      }, 150);
    });
    const turnPage = (by) => { at = Math.max(0, at + by); draw(); };
    back.addEventListener("click", () => turnPage(-PAGE));
    next.addEventListener("click", () => turnPage(PAGE));
    place.addEventListener("keydown", (event) => {
      if (event.target.closest("input, select") || event.altKey || event.ctrlKey || event.metaKey) return;
      const heads = [...list.querySelectorAll("summary")];
      const now = heads.indexOf(document.activeElement);
      if (event.key === "j" || event.key === "k") heads[Math.max(0, Math.min(heads.length - 1, now + (event.key === "j" ? 1 : -1)))]?.focus();
      else if (event.key === "n" && !next.disabled) next.click();
      else if (event.key === "p" && !back.disabled) back.click();
    });
    controls.append(search);
    const hint = make("span", { class: "count" }, "keys: j, k move, Enter opens, n, p turn pages");
    place.append(controls, make("div", { class: "filters" }, back, next, count, hint), list);
    start();
    if (state.has("search")) {
      search.value = state.get("search");
      wanted = search.value.toLowerCase();
    }
    at = Math.max(0, Number.parseInt(state.get("at") ?? "0", 10) || 0);
    draw();
  };

  const place = document.getElementById("browser");
  if (place && window.SAMPLES) browse(place, window.SAMPLES);
})();
