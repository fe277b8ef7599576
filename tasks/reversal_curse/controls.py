"""The controls that must be drawn: context sentences, letters, derangements, random candidates.

Every draw is a function of the item alone, so a smaller run asks the same of an item as a larger one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.reversal_curse.records import Query, TrainRow

LETTERS = "ABCD"


@dataclass(frozen=True, slots=True)
class Contexts:
    """Trained sentences to show before a reverse query: the fact's own, and `many` with it at index `position`."""

    one: str
    many: tuple[str, ...]
    position: int


def contexts(query: Query, sentences: Mapping[str, Sequence[TrainRow]], k: int) -> Contexts | None:
    """Sentences for `ctx` and `ctx_k`; None where the fact has no training document.

    The fact's sentence has the surface form that the query asks for, if training has one: the control is about the
    order of a fact, not about making "the painter of" out of "painted".

    Args:
        sentences: training documents by fact, of the facts of the query's group.
        k: sentences of `ctx_k`; fewer where the group has fewer facts.
    """
    if not sentences.get(query.fact_id):
        return None
    draw = _draw("ctx", query.item_id)
    own = draw.choice(_in_the_form_of(query, sentences[query.fact_id])).text.strip()
    others = sorted(fact_id for fact_id, rows in sentences.items() if fact_id != query.fact_id and rows)
    chosen = draw.sample(others, min(k - 1, len(others)))
    many = [draw.choice(sentences[fact_id]).text.strip() for fact_id in chosen]
    position = draw.randint(0, len(many))
    return Contexts(own, (*many[:position], own, *many[position:]), position)


def _in_the_form_of(query: Query, rows: Sequence[TrainRow]) -> Sequence[TrainRow]:
    asked = f"{query.prompt} {query.target}".casefold()
    fitting = [row for row in rows if all(row.text[start:end].casefold() in asked for start, end in row.entities)]
    return fitting or rows


def letter_options(item_id: str, n: int, gold: int) -> tuple[int, ...] | None:
    """Four candidates in seeded order, the gold one among them; None where there are fewer."""
    if n < len(LETTERS):
        return None
    draw = _draw("letters", item_id)
    chosen = [gold, *draw.sample([index for index in range(n) if index != gold], len(LETTERS) - 1)]
    draw.shuffle(chosen)
    return tuple(chosen)


def cyclic_orders(options: Sequence[int]) -> list[tuple[int, ...]]:
    """Each rotation of the options, so that every option stands at every letter once."""
    return [(*options[shift:], *options[:shift]) for shift in range(len(options))]


def derangement(pool: str, n: int) -> list[int]:
    """A seeded permutation of range(n) that leaves nothing in place (`shuffled`); the same for all items of a pool."""
    draw, order = _draw("shuffled", pool), list(range(n))
    for last in range(n - 1, 0, -1):  # Sattolo 1986: a single cycle, hence no fixed point
        other = draw.randrange(last)
        order[last], order[other] = order[other], order[last]
    return order


def random_candidate(item_id: str, n: int, gold: int) -> int | None:
    """One candidate other than the gold one, for the published-style tests; None where there is none."""
    others = [index for index in range(n) if index != gold]
    return _draw("random", item_id).choice(others) if others else None


def _draw(purpose: str, item: str) -> random.Random:
    return random.Random(f"{purpose}:{item}")  # noqa: S311 (draws of an evaluation, not secrets)
