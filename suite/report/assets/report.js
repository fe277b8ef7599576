// Sorting and filtering of tables, and the charts. All text goes in as text, never as HTML.
"use strict";
(() => {
  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };
  window.unreason = { make, choice };

  // A choice among the values of something; `pick` gets the chosen value, or null for all.
  function choice(name, values, pick) {
    const select = make("select", { "aria-label": name }, make("option", { value: "" }, `every ${name}`));
    for (const value of values) select.append(make("option", { value: `=${value}` }, value));
    select.addEventListener("change", () => pick(select.value ? select.value.slice(1) : null));
    return select;
  }

  // Tables: a button in each heading sorts by its column; cells without a value come last.
  const sortKey = (cell) => {
    if (!("value" in cell.dataset)) return cell.textContent.trim() || null;
    const number = Number.parseFloat(cell.dataset.value);
    return Number.isNaN(number) ? null : number;
  };
  const order = (a, b, sign) => {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * String(a).localeCompare(String(b), "en", { numeric: true });
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const isNumeric = [...table.tBodies[0].rows].some((row) => row.cells[column]?.classList.contains("n"));
      heading.classList.toggle("n", isNumeric);
      const button = make("button", { type: "button" }, heading.textContent);
      heading.replaceChildren(button);
      button.addEventListener("click", () => {
        const now = heading.getAttribute("aria-sort");
        const up = now ? now !== "ascending" : !isNumeric; // of numbers, people want the largest first
        for (const other of headings) other.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...table.tBodies[0].rows].map((row) => [sortKey(row.cells[column]), row]);
        rows.sort((a, b) => order(a[0], b[0], up ? 1 : -1));
        table.tBodies[0].append(...rows.map(([, row]) => row));
      });
    });
  }

  // Filters of a table: a choice for each of the named columns that has several values, and a search of whole rows.
  for (const place of document.querySelectorAll("[data-filters]")) {
    const table = document.getElementById(place.dataset.filters);
    const rows = [...table.tBodies[0].rows];
    const chosen = new Map();
    const count = make("span", { role: "status", class: "count" });
    const apply = (column, wanted) => {
      if (wanted === null) chosen.delete(column); else chosen.set(column, wanted);
      for (const row of rows) {
        row.hidden = ![...chosen].every(([at, value]) =>
          at === -1 ? row.textContent.toLowerCase().includes(value) : row.cells[at].textContent === value);
      }
      const left = rows.filter((row) => !row.hidden).length;
      count.textContent = left < rows.length ? `${left} of ${rows.length} rows` : "";
    };
    const by = place.dataset.by.split(" ");
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      const values = [...new Set(rows.map((row) => row.cells[column].textContent))].sort();
      if (by.includes(heading.textContent) && values.length > 1) {
        place.append(choice(heading.textContent, values, (wanted) => apply(column, wanted)));
      }
    });
    const search = make("input", { type: "search", placeholder: "search", "aria-label": "search" });
    search.addEventListener("input", () => apply(-1, search.value.toLowerCase() || null));
    place.append(search, count);
  }

  // Charts: as many panels side by side as fit the screen; drawn again when its width or colours change.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const twins = { white: "#0e1116", "#0072B2": "#56B4E9", "#D55E00": "#E69F00", "#009E73": "#2CC295", "#8a8a8a": "#9aa5b1" };
  const fitted = (original, room) => {
    const text = JSON.stringify(original);
    const colours = new RegExp(`"(${Object.keys(twins).join("|")})"`, "g");
    const spec = JSON.parse(dark.matches ? text.replace(colours, (_, colour) => `"${twins[colour]}"`) : text);
    const { panels, labels } = spec.usermeta;
    if (spec.facet) {
      const columns = Math.max(1, Math.min(panels, Math.floor((room - labels) / 220)));
      spec.columns = columns;
      spec.spec.width = Math.max(120, Math.min(420, Math.floor((room - labels) / columns) - 34));
    } else {
      spec.width = Math.max(160, Math.min(560, room - 80));
    }
    return spec;
  };
  const paint = () => {
    const style = getComputedStyle(document.documentElement);
    const [text, soft, line] = ["--text", "--soft", "--line"].map((name) => style.getPropertyValue(name).trim());
    const font = getComputedStyle(document.body).fontFamily;
    const colours = {
      view: { stroke: line },
      axis: { labelColor: text, titleColor: soft, gridColor: line, gridOpacity: 0.6, domainColor: line, tickColor: line },
      legend: { labelColor: text, titleColor: text }, header: { labelColor: text, titleColor: text },
    };
    for (const place of document.querySelectorAll("[data-chart]")) {
      const spec = fitted(window.CHARTS[place.dataset.chart], place.clientWidth);
      const config = { ...spec.config };
      for (const [part, values] of Object.entries(colours)) config[part] = { ...config[part], ...values };
      spec.config = { ...config, font, background: "transparent" };
      window.vegaEmbed(place, spec, { actions: false, renderer: "svg" }).then(() => {
        // the place of a chart says what it shows, and its numbers stand in a table below
        place.querySelector("svg").setAttribute("aria-hidden", "true");
      });
    }
  };
  document.addEventListener("DOMContentLoaded", () => {
    if (!window.CHARTS || !window.vegaEmbed) return;
    let width = window.innerWidth;
    let waiting;
    paint();
    dark.addEventListener("change", paint);
    window.addEventListener("resize", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        if (window.innerWidth !== width) paint(); // a phone's toolbar changes the height alone
        width = window.innerWidth;
      }, 200);
    });
  });
})();
