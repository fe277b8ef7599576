"""What models are trained on: two-set problems, or more, never the problems that are asked afterwards.

Every batch is a function of seed and step, so all masks see the same ones and a continued training goes on with the
right one. Half of the two-set expressions stand in redundant brackets, so that brackets are trained too.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tasks.set_reasoning.expressions import TWO_SETS
from tasks.set_reasoning.problems import Overlap, Vocabulary, make_problem
from tasks.set_reasoning.records import Record

TrainingSet = Literal["T2", "T2D", "T3", "T3ALL", "T3H"]
FORMS_OF: Mapping[TrainingSet, tuple[str, ...]] = {
    "T2": TWO_SETS,  # two listed sets
    "T2D": TWO_SETS,  # a third set is listed that the expression does not name
    "T3": (*TWO_SETS, "ui", "iu", "i3", "u3"),
    "T3ALL": (*TWO_SETS, "ui", "iu", "i3", "u3", "u_i", "i_u"),
    "T3H": (*TWO_SETS, "ui", "i3"),
}
HELD_OUT = 500  # two-set problems of the stop rule
LEAST_EM = 0.99  # that it wants


@dataclass(frozen=True, slots=True)
class Surface:
    """What the problems look like: each is drawn from these."""

    vocabularies: tuple[Vocabulary, ...]
    sizes: tuple[int, ...]
    overlaps: tuple[Overlap, ...]


TOKENS = Surface(("tokens",), (6,), ("uniform",))  # of models from scratch
TEXTS = Surface(("animals", "cvc"), (4, 6, 9), ("uniform", "half", "one"))  # those of the shipped problems


@dataclass(frozen=True, slots=True)
class Example:
    """A record and its answer."""

    record: Record
    answer: frozenset[str]

    @classmethod
    def of(cls, problem: Mapping[str, Any], expr: str | None = None) -> Example:
        """From a problem's JSON; `expr` is another expression of the same value."""
        return cls(Record.of(problem, expr), frozenset(problem["answer"]))


def training_batch(
    training_set: TrainingSet, size: int, *, seed: int, step: int, surface: Surface = TOKENS
) -> list[Example]:
    """The `size` problems of a step."""
    rng = random.Random(f"curriculum:{training_set}:{seed}:{step}")  # noqa: S311  (data, not secrets)
    return [_drawn(training_set, surface, rng, "train", step * size + number, seed) for number in range(size)]


def held_out(
    training_set: TrainingSet, *, seed: int, count: int = HELD_OUT, surface: Surface = TOKENS
) -> list[Example]:
    """Two-set problems as the training set lists them, of a split of their own."""
    listing: TrainingSet = "T2" if training_set == "T2" else "T2D"
    rng = random.Random(f"held out:{listing}:{seed}")  # noqa: S311
    return [_drawn(listing, surface, rng, "held_out", number, seed) for number in range(count)]


def _drawn(
    training_set: TrainingSet, surface: Surface, rng: random.Random, split: str, index: int, seed: int
) -> Example:
    vocab = rng.choice(surface.vocabularies)
    looks = random.Random(f"surface:{split}:{index}:{seed}")  # noqa: S311
    form = rng.choice(FORMS_OF[training_set])
    is_two = form in TWO_SETS
    problem = make_problem(
        form,
        index=index,
        seed=seed,
        split=split,
        vocab=vocab,
        size=looks.choice(surface.sizes),
        overlap=looks.choice(surface.overlaps),
        distractor_sets=int(is_two and training_set != "T2"),
    ).to_json()
    return Example.of(problem, f"({problem['expr']})" if is_two and rng.random() < 0.5 else None)
