// The browser of samples on a run's page: filters, search, pages, and one sample a line that opens. Text stays text.
"use strict";
(() => {
  const { make, choice } = window.unreason;
  const PAGE = 25;
  const UNREADABLE = ["refusal", "no_answer", "truncated", "unparsed", "error"];
  const SETS = new Map([
    ["failures (no readable answer)", (sample) => sample.error || UNREADABLE.includes(sample.outcome)],
    ["all that are not right", (sample) => sample.outcome !== "correct" && sample.outcome !== "scored"],
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

  const browse = (place, samples) => {
    let shown = samples;
    let at = 0;
    const tests = new Map();
    const list = make("div", { class: "list" });
    const count = make("span", { role: "status", class: "count" });
    const back = make("button", { type: "button" }, "previous");
    const next = make("button", { type: "button" }, "next");
    const controls = make("div", { class: "filters" });
    const keys = [...new Set(samples.flatMap((sample) => Object.keys(sample.condition)))];
    const valuesOf = (read) => [...new Set(samples.map(read).filter((value) => value !== undefined).map(plain))].sort();
    const varying = keys.filter((key) => valuesOf((sample) => sample.condition[key] ?? null).length > 1);
    const draw = () => {
      list.replaceChildren(...shown.slice(at, at + PAGE).map((sample) => line(sample, varying)));
      count.textContent = shown.length ? `${at + 1} to ${Math.min(at + PAGE, shown.length)} of ${shown.length}` : "no such samples";
      back.disabled = at === 0;
      next.disabled = at + PAGE >= shown.length;
    };
    const test = (name, one) => {
      if (one) tests.set(name, one); else tests.delete(name);
      shown = samples.filter((sample) => [...tests.values()].every((passes) => passes(sample)));
      at = 0;
      draw();
    };
    const by = (name, read, sets = new Map()) => {
      const values = valuesOf(read);
      if (values.length < 2 || values.length > 80) return;
      const pick = (wanted) => test(name, wanted === null ? null : sets.get(wanted) ?? ((sample) => plain(read(sample)) === wanted));
      controls.append(choice(name, [...sets.keys(), ...values], pick));
    };
    by("outcome", (sample) => sample.error ?? sample.outcome, SETS);
    by("mode", (sample) => sample.mode);
    for (const key of varying) by(key, (sample) => sample.condition[key]);
    const search = make("input", { type: "search", placeholder: "search prompts and answers", "aria-label": "search" });
    search.addEventListener("input", () => {
      const wanted = search.value.toLowerCase();
      test("search", wanted && ((sample) => texts(sample).includes(wanted)));
    });
    back.addEventListener("click", () => { at -= PAGE; draw(); });
    next.addEventListener("click", () => { at += PAGE; draw(); });
    controls.append(search);
    place.append(controls, make("div", { class: "filters" }, back, next, count), list);
    draw();
  };

  const place = document.getElementById("browser");
  if (place && window.SAMPLES) browse(place, window.SAMPLES);
})();
