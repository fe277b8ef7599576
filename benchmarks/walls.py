"""Seconds to parse, score and store the answers to 10,000 walls, on one core.

    OMP_NUM_THREADS=1 python benchmarks/walls.py [WALLS]

The answers are made up: groups in several layouts with clues swapped, left out, repeated and invented. Printed: reading
an answer and scoring it in both modes; the figures of a run with their 10,000 resamples; and a whole run through the
engine with a scripted model, where prompts, journal, database and the two above are all included. Target: 60 s.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from suite.models.scripted import ScriptedModel
from suite.progress import Silent
from suite.registry import load_task
from suite.runner import run
from suite.store import Store
from suite.task import Generate, Sample, Task, Text
from tasks.only_connect_wall.answers import score_text
from tasks.only_connect_wall.metrics import wall_metrics
from tasks.only_connect_wall.sources import Source
from tasks.only_connect_wall.walls import Group, Wall

MOST_SECONDS = 60.0
LAYOUTS = (", ", " | ", "; ")


def walls(count: int) -> Iterator[Wall]:
    """Walls of made-up clues, four of which stand in no other order than the others."""
    rng = random.Random(0)
    for number in range(count):
        clues = rng.sample(range(4000), 16)
        rows = [tuple(f"Clue {clue}" for clue in clues[at : at + 4]) for at in range(0, 16, 4)]
        groups = tuple(Group(f"Connection {clue}", row) for clue, row in zip(clues, rows, strict=False))
        words = tuple(rng.sample([clue for row in rows for clue in row], 16))
        yield Wall(f"w{number}", words, groups, "public", item=f"w{number}", cluster=f"w{number}")


def answer(wall: Wall) -> str:
    """An answer with faults, the same for the same wall."""
    rng = random.Random(wall.id)
    rows = [list(group.clues) for group in wall.groups]
    for _ in range(rng.randrange(4)):
        (a, b), (i, j) = rng.sample(range(4), 2), (rng.randrange(4), rng.randrange(4))
        rows[a][i], rows[b][j] = rows[b][j], rows[a][i]
    if rng.random() < 0.2:
        rows[rng.randrange(4)][rng.randrange(4)] = rng.choice(["Invented", rows[0][0]])
    if rng.random() < 0.1:
        rows.pop()
    separator, labelled = rng.choice(LAYOUTS), rng.random() < 0.5
    lines = [separator.join(row) for row in rows]
    return "\n".join(f"Group {n}: {line}" if labelled else line for n, line in enumerate(lines, 1))


def main() -> None:
    """Prints seconds, and whether the target is met."""
    count = int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else 10_000
    all_walls = list(walls(count))
    texts = [answer(wall) for wall in all_walls]
    score_text(all_walls[0], Text(texts[0]))  # imports happen outside the clock
    started = time.perf_counter()
    scores = [score_text(wall, Text(text)) for wall, text in zip(all_walls, texts, strict=True)]
    print(f"parse and score  {time.perf_counter() - started:6.1f} s")
    samples = [
        Sample(wall.id, wall.id, "generate", {"set": "public", "arm": "wall"}, wall.id, one.values, one.outcome)
        for wall, one in zip(all_walls, scores, strict=True)
    ]
    started = time.perf_counter()
    figures = wall_metrics(samples)
    print(f"figures          {time.perf_counter() - started:6.1f} s ({len(figures)} of them)")
    started = time.perf_counter()
    rows = whole_run(all_walls, texts)
    seconds = time.perf_counter() - started
    print(f"whole run        {seconds:6.1f} s ({rows} rows in the database)")
    if count >= 10_000:
        met = seconds < MOST_SECONDS * count / 10_000
        print(f"target ({MOST_SECONDS:.0f} s for 10,000 walls): {'met' if met else 'MISSED'}")


def whole_run(all_walls: list[Wall], texts: list[str]) -> int:
    """Runs the task on a model that gives these answers; returns the number of stored samples."""
    by_clues = {", ".join(wall.words): text for wall, text in zip(all_walls, texts, strict=True)}

    def said(request: Generate, _: int) -> str:
        asked = dict(request.prompt)["user"]  # type: ignore[arg-type]
        return by_clues[asked.partition("Clues: ")[2].partition("\n")[0]]

    task: Task = load_task("only_connect_wall", {"data": "made-up.json", "shuffles": 1})
    task.__dict__["_source"] = Source(all_walls)
    with tempfile.TemporaryDirectory() as folder:
        result = run(task, ScriptedModel("made up", text=said), results=Path(folder), reporter=Silent())
        stored = Store(Path(folder)).sql("SELECT count(*) AS n FROM samples")[0]["n"]
        assert stored == result.n_samples
        return int(stored)


if __name__ == "__main__":
    main()
