"""Contamination: what would let a held-out query be answered without reversing anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from suite.errors import UserError
from tasks.reversal_curse.records import Fact, Query, TrainRow


def check_overlap(
    facts: Iterable[Fact], train: Iterable[TrainRow], test: Iterable[Query], allow_overlap: bool = False
) -> int:
    """The number of overlaps between groups, between directions, and between training and held-out wordings.

    Raises:
        UserError: there is one and `allow_overlap` is not set; names the first.
    """
    train = list(train)
    found = [*_shared_entities(facts), *_wrong_directions(train), *_shared_prompts(train, test)]
    if found and not allow_overlap:
        raise UserError(f"contaminated data ({len(found)} overlaps): {found[0]}; mend them or give --allow-overlap")
    return len(found)


def _shared_entities(facts: Iterable[Fact]) -> Iterator[str]:
    """Entities of two facts of different groups: the direction that one group lacks is trained in the other."""
    owners: dict[str, Fact] = {}
    for fact in facts:
        for key in ("name", "np", "ger", "cl", "description", "a", "b"):
            entity = fact.fields.get(key)
            if not isinstance(entity, str):
                continue
            other = owners.setdefault(entity.casefold(), fact)
            if other.group != fact.group:
                yield f"{entity!r} is in group {other.group} and in group {fact.group}"


def _wrong_directions(train: Iterable[TrainRow]) -> Iterator[str]:
    """Documents of a one-way fact in the other direction."""
    for row in train:
        if row.group not in ("both", f"{row.direction}_only"):
            yield f"fact {row.fact_id} of group {row.group} has a training document in direction {row.direction}"


def _shared_prompts(train: Iterable[TrainRow], test: Iterable[Query]) -> Iterator[str]:
    """Held-out prompts that are training prompts of the same direction: a train template among the held-out ones."""
    trained = {(row.direction, row.prompt.casefold()): row.template_id for row in train}
    for query in test:
        template = trained.get((query.direction, query.prompt.casefold()))
        if template is not None:
            yield f"test item {query.item_id} asks with the training wording {template!r}"
