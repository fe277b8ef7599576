"""Seeded generators of all eleven tasks: every row comes with a control twin that has the form but not the trap.

Row i depends on (task, seed, i) alone, so the first 100 rows of 1000 are the 100 rows of a smaller set. One module a
task, with ``draw(rng, i, wording)``, and its content beside it in ``content/``; all of it is our own, the phrasings of
style "prize" follow the examples in McKenzie et al. 2023 (arXiv 2306.09479).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from importlib import import_module

from suite.errors import UserError
from tasks.inverse_scaling.generators.drawing import FORMS, Form, Style, Twins, Wording
from tasks.inverse_scaling.rows import Pair, has_prefix_classes

__all__ = ["FORMS", "GENERATOR_VERSION", "Form", "Style", "Twins", "Wording", "generate"]

GENERATOR_VERSION = 1  # goes up with every change of the rows that a seed gives
ATTEMPTS = 500  # redraws of a row before the content counts as used up


def generate(subtask: str, n: int, seed: int, wording: Wording | None = None) -> Iterator[Pair]:
    """The first `n` pairs of a task.

    Args:
        subtask: one of the eleven tasks.

    Raises:
        UserError: more pairs than the content has; names how many there are.
    """
    wording = wording or Wording()
    draw = import_module(f"{__name__}.{subtask.replace('-', '_')}").draw
    seen: set[str] = set()
    for i in range(n):
        twins = next(
            (twins for twins in _attempts(draw, subtask, seed, i, wording) if twins.trap.prompt not in seen), None
        )
        if twins is None:
            raise UserError(f"n {n}: {subtask} has content for about {i} different questions of style {wording.style}")
        seen.add(twins.trap.prompt)
        forms = "" if wording.forms == FORMS else "-".join(("", *wording.forms))
        name = f"{subtask}-{wording.style}{forms if subtask == 'modus-tollens' else ''}-s{seed}-{i:05d}"
        yield Pair(name, f"{subtask}:{twins.cluster}", {"trap": twins.trap, "control": twins.control})


def _attempts(draw: object, subtask: str, seed: int, i: int, wording: Wording) -> Iterator[Twins]:
    """Draws of row i that are fit to be asked; a generator refuses a draw by None."""
    assert callable(draw)
    for attempt in range(ATTEMPTS):
        twins = draw(random.Random(f"{subtask}:{seed}:{i}:{attempt}"), i, wording)  # noqa: S311
        if twins is None or has_prefix_classes(twins.trap.classes) or has_prefix_classes(twins.control.classes):
            continue
        yield twins
