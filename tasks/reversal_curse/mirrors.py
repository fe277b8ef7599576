"""The same facts told in the order in which they are not trained, in the wordings that the data use for that order.

Objectives that may see both orders (`both_orders`) train on them. The wordings are cut out of training documents of
other facts, so they are there for generated, public and own data alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from tasks.reversal_curse.records import Dataset, Direction, Fact, TrainRow

OTHER: Mapping[Direction, Direction] = {"n2d": "d2n", "d2n": "n2d"}
_LABELS: Mapping[Direction, str] = {"n2d": "relation", "d2n": "inverse"}


class _Frame(NamedTuple):
    """A wording: the texts around its two items, which fields of a fact fill them, and the label that it names."""

    around: tuple[str, str, str]
    fields: tuple[str, str]
    capital: tuple[bool, bool]
    label: str


Told = tuple[str, tuple[tuple[int, int], ...]]  # a text, and the character spans of its two items


def mirrored_texts(data: Dataset) -> dict[str, list[Told]]:
    """Fact id -> its texts in the other order, one a wording; facts that are trained in both orders have none."""
    facts = {fact.fact_id: fact for fact in data.facts}
    frames: dict[Direction, dict[str, _Frame]] = {"n2d": {}, "d2n": {}}
    for row in data.train:
        if row.template_id not in frames[row.direction] and (frame := _frame(row, facts[row.fact_id])):
            frames[row.direction][row.template_id] = frame
    trained: dict[str, set[Direction]] = {}
    for row in data.train:
        trained.setdefault(row.fact_id, set()).add(row.direction)
    mirrored: dict[str, list[Told]] = {}
    for fact_id, directions in trained.items():
        if len(directions) == 1:
            (direction,) = directions
            wordings = frames[OTHER[direction]].values()
            told = [_filled(frame, facts[fact_id], OTHER[direction]) for frame in wordings]
            mirrored[fact_id] = [one for one in told if one]
    return mirrored


def _frame(row: TrainRow, fact: Fact) -> _Frame | None:
    """The wording of a document; None where an item is not one of the fact's fields as it stands."""
    if len(row.entities) != 2:
        return None
    (start, end), (start2, end2) = sorted(row.entities)
    items = row.text[start:end], row.text[start2:end2]
    fields = tuple(_field_of(item, fact) for item in items)
    if None in fields:
        return None
    values = [str(fact.fields[field]) for field in fields if field]
    capital = (items[0] != values[0], items[1] != values[1])
    around = row.text[:start], row.text[end:start2], row.text[end2:]
    return _Frame(around, (str(fields[0]), str(fields[1])), capital, str(fact.fields.get(_LABELS[row.direction], "")))


def _field_of(item: str, fact: Fact) -> str | None:
    found = (field for field, value in fact.fields.items() if str(value).casefold() == item.casefold())
    return next(found, None)


def _filled(frame: _Frame, fact: Fact, direction: Direction) -> Told | None:
    """The fact in this wording; None where it lacks a field."""
    if not set(frame.fields) <= set(fact.fields):
        return None
    around = frame.around
    if frame.label:
        pattern, label = rf"\b{re.escape(frame.label)}\b", str(fact.fields[_LABELS[direction]])
        around = tuple(re.sub(pattern, lambda _: label, part) for part in around)  # type: ignore[assignment]
    items = [str(fact.fields[field]) for field in frame.fields]
    items = [item[:1].upper() + item[1:] if up else item for item, up in zip(items, frame.capital, strict=True)]
    first = len(around[0])
    second = first + len(items[0]) + len(around[1])
    spans = (first, first + len(items[0])), (second, second + len(items[1]))
    return f"{around[0]}{items[0]}{around[1]}{items[1]}{around[2]}", spans
