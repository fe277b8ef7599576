"""The row that all families share: a prefix, interchangeable segments, a suffix, and what is right.

A segment's text is bare content: labels and separators are put around it by `prompts`. Everything that reads or makes
rows goes through `checked`, so that a faulty one is named before a model is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from suite.errors import UserError
from suite.task import Doc

Family = Literal["mcq", "judge", "docqa", "kv", "needle", "premise"]
FAMILIES: tuple[Family, ...] = ("mcq", "judge", "docqa", "kv", "needle", "premise")
LABELLED: tuple[Family, ...] = ("mcq", "judge", "docqa")
IDENTICAL = "identical"  # template of judge pairs whose two answers are the same: they measure pure bias
_MARKS = "\ue000\ue001\ue002"  # private-use characters that mark the bounds of segments where only strings can be sent


@dataclass(frozen=True, slots=True)
class Segment:
    """One interchangeable part; `label` is the letter or number that travels with it, if any."""

    text: str
    label: str | None = None
    is_gold: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One row of data.

    Attributes:
        template: kind of item within its family; subset of public data.
        seed: of the generator; 0 for public data.
        gold: accepted answers; none for identical pairs.
        meta: ``question`` and ``source``, and what the family needs besides.
    """

    id: str
    family: Family
    template: str
    seed: int
    prefix: str
    segments: tuple[Segment, ...]
    suffix: str
    gold: tuple[str, ...]
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def gold_index(self) -> int | None:
        """The number of the gold segment; None without exactly one (identical pairs, premises)."""
        found = [index for index, segment in enumerate(self.segments) if segment.is_gold]
        return found[0] if len(found) == 1 else None

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"gold": list(self.gold), "segments": [asdict(one) for one in self.segments]}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Item:
        """The inverse of `to_json`; raises KeyError or TypeError for rows of another shape."""
        fields = {**row, "segments": tuple(Segment(**one) for one in row["segments"]), "gold": tuple(row["gold"])}
        return cls(**fields)


def doc_of(item: Item) -> Doc:
    """The item as a doc; it is its own unit of resampling."""
    return Doc(item.id, item.to_json(), cluster=item.id)


def fewer(item: Item, k: int) -> Item:
    """The item with the gold segment and only the first k - 1 others; as it is where it has no more than k.

    Numbers go from 1 to k without gaps, in the order of those that the segments had.
    """
    gold = item.gold_index
    if gold is None or k >= len(item.segments):
        return item
    others = [index for index in range(len(item.segments)) if index != gold][: k - 1]
    kept = [item.segments[index] for index in sorted([gold, *others])]
    if item.family in LABELLED:
        ranked = sorted(kept, key=lambda one: (len(one.label or ""), one.label or ""))
        kept = [replace(one, label=str(ranked.index(one) + 1)) for one in kept]
    return replace(item, segments=tuple(kept))


def checked(item: Item, where: str) -> Item:
    """The item, if it can be asked.

    Args:
        where: file and line, or the generator, for the error.

    Raises:
        UserError: a faulty row, named by `where` and its id.
    """
    fault = _fault(item)
    if fault:
        raise UserError(f"{where}: item {item.id!r}: {fault}")
    return item


def _fault(item: Item) -> str:
    texts = [segment.text for segment in item.segments]
    labels = {segment.label for segment in item.segments} - {None}
    golds = sum(segment.is_gold for segment in item.segments)
    identical = item.family == "judge" and item.template == IDENTICAL
    if item.family not in FAMILIES:
        return f"unknown family {item.family!r}; known: {', '.join(FAMILIES)}"
    if len(texts) < 2:
        return f"{len(texts)} segment(s); orders need at least 2"
    if item.family == "judge" and len(texts) > 2:
        return f"{len(texts)} segments; a judge is shown 2 answers"
    if item.family in LABELLED and len(labels) < len(texts):
        return f"{len(labels)} different labels for {len(texts)} segments; give each its own"
    if item.family == "judge" and labels != {"A", "B"}:
        return f"labels {', '.join(sorted(map(str, labels)))}; verdicts name answers A and B"
    for name, text in (("prefix", item.prefix), ("suffix", item.suffix), *(("segment", text) for text in texts)):
        if not text.strip():
            return f"empty {name}; every part needs text"
        if any(mark in text for mark in _MARKS):
            return f"{name} holds one of the private-use characters U+E000 to U+E002, which mark segments; remove it"
    if golds == 0 and not identical:
        return "no gold segment; mark one with is_gold"
    if golds > 1 and item.family != "premise":
        return f"{golds} gold segments; exactly one must be"
    if not identical:
        gold_texts = {segment.text for segment in item.segments if segment.is_gold}
        if any(segment.text in gold_texts and not segment.is_gold for segment in item.segments):
            return "two segments of the same text, only one of them gold; content would be ambiguous"
        if not item.gold:
            return "no accepted answer in gold"
    return ""
