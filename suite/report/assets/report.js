// Sorting and filtering of tables, the sample browser, and the charts. All text goes in as text, never as HTML.
"use strict";
(() => {
  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };

  // Tables: a button in each heading sorts by its column.
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      const button = make("button", { type: "button" }, heading.textContent);
      heading.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = heading.getAttribute("aria-sort") !== "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", up ? "ascending" : "descending");
        const key = (row) => {
          const cell = row.cells[column];
          const number = Number.parseFloat(cell.dataset.value ?? (cell.classList.contains("n") ? cell.textContent.replaceAll(",", "") : ""));
          return Number.isNaN(number) ? cell.textContent : number;
        };
        const order = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
        const rows = [...body.rows].sort((a, b) => (up ? 1 : -1) * order(key(a), key(b)));
        body.append(...rows);
      });
    });
  }

  // Filters: a choice for each column with few values, and a search of the whole row.
  for (const place of document.querySelectorAll("[data-filters]")) {
    const table = document.getElementById(place.dataset.filters);
    const rows = [...table.tBodies[0].rows];
    const chosen = new Map();
    const apply = () => {
      for (const row of rows) {
        row.hidden = ![...chosen].every(([column, value]) =>
          column === -1 ? row.textContent.toLowerCase().includes(value) : row.cells[column].textContent === value);
      }
    };
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      const name = heading.textContent;
      if (!["task", "model", "metric", "mode"].includes(name)) return;
      const values = [...new Set(rows.map((row) => row.cells[column].textContent))].sort();
      if (values.length < 2) return;
      const select = make("select", { "aria-label": name }, make("option", { value: "" }, `every ${name}`));
      for (const value of values) select.append(make("option", { value: `=${value}` }, value));
      select.addEventListener("change", () => {
        if (select.value) chosen.set(column, select.value.slice(1)); else chosen.delete(column);
        apply();
      });
      place.append(select);
    });
    const search = make("input", { type: "search", placeholder: "search", "aria-label": "search" });
    search.addEventListener("input", () => {
      if (search.value) chosen.set(-1, search.value.toLowerCase()); else chosen.delete(-1);
      apply();
    });
    place.append(search);
  }

  // Samples: filter by outcome, mode and condition, search, and pages of twenty.
  const browse = (place, samples) => {
    const size = 20;
    let shown = samples;
    let at = 0;
    const filters = new Map();
    const controls = make("div", { class: "controls" });
    const count = make("span", { role: "status" });
    const list = make("div");
    const back = make("button", { type: "button" }, "previous");
    const next = make("button", { type: "button" }, "next");
    const words = (condition) => Object.entries(condition).map(([key, value]) => `${key} ${value}`).join(", ");
    const text = (sample) => [sample.doc, sample.target, sample.answer, ...sample.asked, ...sample.said].join("\n").toLowerCase();
    const block = (label, content) => [make("div", { class: "label" }, label), make("pre", {}, content)];
    const draw = () => {
      list.replaceChildren(...shown.slice(at, at + size).map((sample) => {
        const scores = Object.entries(sample.scores).map(([key, value]) => `${key} ${value === null ? "–" : Math.round(value * 1000) / 1000}`).join(", ");
        return make("article", { class: "sample" },
          make("div", { class: "head" }, make("span", { class: `outcome ${sample.outcome}` }, sample.error ?? sample.outcome),
            make("span", {}, sample.doc), make("span", {}, sample.mode), make("span", {}, words(sample.condition))),
          ...sample.asked.flatMap((prompt, i) => [...block("prompt", prompt), ...block("answer", sample.said[i] ?? "")]).slice(0, 8),
          ...block("target", sample.target ?? ""), make("div", { class: "head" }, scores));
      }));
      count.textContent = shown.length ? `${at + 1} to ${Math.min(at + size, shown.length)} of ${shown.length}` : "no such samples";
      back.disabled = at === 0;
      next.disabled = at + size >= shown.length;
    };
    const apply = () => {
      shown = samples.filter((sample) => [...filters.values()].every((test) => test(sample)));
      at = 0;
      draw();
    };
    const choice = (name, read) => {
      const values = [...new Set(samples.map(read))].filter((value) => value !== undefined).map(String).sort();
      if (values.length < 2 || values.length > 60) return;
      const select = make("select", { "aria-label": name }, make("option", { value: "" }, `every ${name}`));
      for (const value of values) select.append(make("option", { value: `=${value}` }, value));
      select.addEventListener("change", () => {
        const wanted = select.value.slice(1);
        if (select.value) filters.set(name, (sample) => String(read(sample)) === wanted); else filters.delete(name);
        apply();
      });
      controls.append(select);
    };
    choice("outcome", (sample) => sample.error ?? sample.outcome);
    choice("mode", (sample) => sample.mode);
    for (const key of new Set(samples.flatMap((sample) => Object.keys(sample.condition)))) choice(key, (sample) => sample.condition[key]);
    const search = make("input", { type: "search", placeholder: "search prompts and answers", "aria-label": "search" });
    search.addEventListener("input", () => {
      const wanted = search.value.toLowerCase();
      if (wanted) filters.set("search", (sample) => text(sample).includes(wanted)); else filters.delete("search");
      apply();
    });
    back.addEventListener("click", () => { at -= size; draw(); });
    next.addEventListener("click", () => { at += size; draw(); });
    controls.append(search, back, next, count);
    place.append(controls, list);
    draw();
  };

  // Charts: drawn again when the colour scheme changes.
  const paint = () => {
    const style = getComputedStyle(document.documentElement);
    const text = style.getPropertyValue("--text").trim();
    const line = style.getPropertyValue("--line").trim();
    const config = {
      background: "transparent", view: { stroke: line },
      axis: { labelColor: text, titleColor: text, gridColor: line, domainColor: line, tickColor: line },
      legend: { labelColor: text, titleColor: text }, header: { labelColor: text, titleColor: text }, title: { color: text },
    };
    for (const place of document.querySelectorAll("[data-chart]")) {
      const spec = window.CHARTS[place.dataset.chart];
      window.vegaEmbed(place, spec, { config, actions: false, renderer: "svg" });
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    const place = document.getElementById("browser");
    if (place && window.SAMPLES) browse(place, window.SAMPLES);
    if (window.CHARTS && window.vegaEmbed) {
      paint();
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
    }
  });
})();
