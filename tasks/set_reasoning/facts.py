"""Facts with a name and a description, for the companion question: does an encoder escape the reversal curse?

300 facts "name is description", whose description is an ordered pair of sixty words. A third is told name first (F), a
third description first (R), and a third in both orders; or, with no both-orders share, all are told name first. What an
encoder does depends on that share, so a figure without it says nothing.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Literal

from tasks.set_reasoning.sequences import IGNORED, Encoded

Share = Literal["0", "1/3"]
COUNT = 300
_ASKED = 100  # facts of a group that are asked
WORDS = tuple(f"d{number:02}" for number in range(60))
NAMES = tuple(f"n{number:03}" for number in range(COUNT))
PAD, START, IS, MASK = "[pad]", "[start]", "is", "[mask]"
VOCABULARY = (PAD, START, IS, MASK, *NAMES, *WORDS)
LENGTH = 5  # start, name, is, two words
IDS = {word: number for number, word in enumerate(VOCABULARY)}


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact, and the orders in which it is told."""

    name: str
    description: tuple[str, str]
    group: str  # "F" name first, "R" description first, "BOTH"

    def words(self, name_first: bool) -> tuple[str, ...]:
        """The sentence in one order."""
        return (self.name, IS, *self.description) if name_first else (*self.description, IS, self.name)

    @property
    def orders(self) -> tuple[bool, ...]:
        """Name first? for each order that is told."""
        return {"F": (True,), "R": (False,), "BOTH": (True, False)}[self.group]


def facts(share: Share, seed: int = 0) -> list[Fact]:
    """The 300 facts; the groups are of equal size."""
    rng = random.Random(f"mask_reversal:{seed}")  # noqa: S311
    pairs = rng.sample(list(permutations(WORDS, 2)), COUNT)
    groups = ["F"] * COUNT if share == "0" else ["F", "R", "BOTH"] * (COUNT // 3)
    return [Fact(name, pair, group) for name, pair, group in zip(NAMES, pairs, groups, strict=True)]


def fact_batch(told: Sequence[Fact], is_encoder: bool, size: int, *, seed: int, step: int) -> list[Encoded]:
    """Sentences of a step, drawn alike for both kinds of model.

    An encoder fills a hidden name, or a hidden description, each half the time; a decoder predicts every next word.
    """
    rng = random.Random(f"mask_reversal:{seed}:{step}")  # noqa: S311
    sentences = [(fact, order) for fact in told for order in fact.orders]
    found = []
    for _ in range(size):
        fact, name_first = rng.choice(sentences)
        hides_name = rng.random() < 0.5
        sentence = fact.words(name_first)
        found.append(_hidden(fact, sentence, hides_name) if is_encoder else _next(sentence))
    return found


def fact_rows(share: Share) -> list[dict[str, Any]]:
    """The facts of groups F and R that are asked, as JSON."""
    asked = []
    for group in ("F", "R"):
        own = [fact for fact in facts(share) if fact.group == group]
        asked += own[:_ASKED]
    return [
        {"id": f"{fact.group}-{fact.name}", "name": fact.name, "description": list(fact.description)}
        | {"group": fact.group, "both_fraction": share}
        for fact in asked
    ]


def _next(sentence: Sequence[str]) -> Encoded:
    ids = [IDS[word] for word in (START, *sentence)]
    return Encoded(tuple(ids), (*ids[1:], IGNORED))


def _hidden(fact: Fact, sentence: Sequence[str], hides_name: bool) -> Encoded:
    hidden = {fact.name} if hides_name else set(fact.description)
    ids = [IDS[MASK if word in hidden else word] for word in (START, *sentence)]
    labels = [IGNORED, *(IDS[word] if word in hidden else IGNORED for word in sentence)]
    return Encoded(tuple(ids), tuple(labels))
