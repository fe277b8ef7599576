// The browser of walls: one wall at a time as three grids: as shown, the right groups, the groups returned. Text stays text.
"use strict";
(() => {
  const { make, choice } = window.unreason;
  const LETTERS = "ABCD";
  const fold = (text) => text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();

  const tile = (clue, wall, groups) => {
    const letter = groups.get(fold(clue));
    const node = make("li", letter ? { "data-group": letter } : {}, clue);
    if (!letter) node.classList.add("foreign");
    if (wall.critical && fold(clue) === fold(wall.critical)) node.classList.add("critical");
    return node;
  };
  const grid = (title, ...tiles) => make("section", {}, make("h3", {}, title), make("ul", { class: "wall" }, ...tiles));
  const heading = (text) => make("li", { class: "name" }, text);
  const isRight = (row, wall) => wall.right.some((group) =>
    [...group.clues].map(fold).sort().join("\n") === [...row].map(fold).sort().join("\n"));

  const drawn = (wall) => {
    const groups = new Map(wall.right.flatMap((group, at) => group.clues.map((clue) => [fold(clue), LETTERS[at]])));
    const right = wall.right.flatMap((group, at) =>
      [heading(`${LETTERS[at]}: ${group.label}`), ...group.clues.map((clue) => tile(clue, wall, groups))]);
    const returned = wall.returned.flatMap((row, at) => {
      const tiles = row.map((clue) => tile(clue, wall, groups));
      while (tiles.length % 4) tiles.push(make("li", { class: "empty", "aria-hidden": "true" }));
      return [heading(`${at + 1}: ${isRight(row, wall) ? "✓ right" : "✗ wrong"}`), ...tiles];
    });
    const placed = new Set(wall.returned.flat().map(fold));
    const missing = wall.words.filter((clue) => !placed.has(fold(clue)));
    const mine = grid("Returned", ...(returned.length ? returned : [heading(`no groups (${wall.outcome.replaceAll("_", " ")})`)]));
    if (returned.length && missing.length) mine.append(make("p", {}, `Left out: ${missing.join(", ")}`));
    return [grid("As shown", ...wall.words.map((clue) => tile(clue, wall, groups))), grid("Right", ...right), mine];
  };

  const place = document.getElementById("explorer");
  if (!place || !window.EXPLORER) return;
  const walls = window.EXPLORER;
  const tests = new Map();
  let shown = walls;
  let at = 0;
  const board = make("div", { class: "walls" });
  const count = make("span", { role: "status", class: "count" });
  const back = make("button", { type: "button" }, "previous");
  const next = make("button", { type: "button" }, "next");
  const controls = make("div", { class: "filters" });
  const draw = () => {
    const wall = shown[at];
    board.replaceChildren(...(wall ? drawn(wall) : []));
    const order = wall && wall.order !== null ? `, order ${wall.order}` : "";
    count.textContent = wall
      ? `${at + 1} of ${shown.length}: ${wall.item}, ${wall.condition}${order}; ${wall.model}, ${wall.method}: ${wall.outcome.replaceAll("_", " ")}`
      : "no such walls";
    back.disabled = at === 0;
    next.disabled = at + 1 >= shown.length;
  };
  for (const key of ["model", "method", "condition", "outcome"]) {
    const values = [...new Set(walls.map((wall) => wall[key]))].sort();
    if (values.length < 2) continue;
    controls.append(choice(key, values, (wanted) => {
      if (wanted === null) tests.delete(key); else tests.set(key, wanted);
      shown = walls.filter((wall) => [...tests].every(([name, value]) => wall[name] === value));
      at = 0;
      draw();
    }));
  }
  back.addEventListener("click", () => { at -= 1; draw(); });
  next.addEventListener("click", () => { at += 1; draw(); });
  controls.append(back, next, count);
  place.append(controls, board);
  draw();
})();
