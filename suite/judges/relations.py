"""What a record says, as typed facts with the relation that each value stands in.

A relation is recognised by cue words, so that a value that exists, but stands with the cues of another relation of the
same kind ("founded in" with the year of an event), can be told to be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from suite.judges.mentions import Mention, category_of, known_names, mentions, prepared
from suite.judges.sentences import sentences

Sort = Literal["year", "number", "place", "person", "quote", "expansion"]


@dataclass(frozen=True, slots=True)
class Relation:
    """A kind of fact: the sort of its value, and the words by which a sentence tells it."""

    name: str
    sort: Sort
    cues: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Fact:
    """A value of a record, its relation ("" where none is recognised), and the other names of its sentence."""

    sort: Sort
    relation: str
    value: str
    subjects: frozenset[str]


def _relation(name: str, sort: Sort, cues: str) -> Relation:
    return Relation(name, sort, re.compile(rf"\b(?:{cues})\b", re.IGNORECASE))


_FOUNDING = (
    r"found(?:ed|ing|ation|er|ers|s)|establish\w*|set up|creat\w+|began|begun|start\w*|origin\w*"
    r"|dates? (?:back|from)|go(?:es)? back"
)
_EVENT = r"held|hosted?|took place|takes? place|taken place|occur\w*|happen\w*|staged?|venue|organi[sz]ed|celebrated"
RELATIONS = (
    _relation("founding year", "year", _FOUNDING),
    _relation("event year", "year", _EVENT),
    _relation("staff", "number", r"employ\w*|staff\w*|people|persons|workers?|personnel|workforce|members?|colleagues"),
    _relation("height", "number", r"metres?|meters?|tall|high|height|heights|rises?|tower\w*"),
    _relation("seat", "place", r"headquarter\w*|seat\w*|based|located|offices?|home|sits|situated"),
    _relation("event place", "place", _EVENT),
    _relation("founder", "person", _FOUNDING),
    _relation(
        "leader", "person", r"led|lead\w*|head\w*|chair\w*|direct\w*|preside\w*|ran|run|guided|charge|organi[sz]e\w*"
    ),
)


def facts_of(evidence: str) -> list[Fact]:
    """The facts of a record, one a typed value, in the order of its sentences.

    Of the names in a sentence the last is the value, unless the sentence has another; the rest are what it is about.
    """
    known = known_names(evidence)
    found = []
    for sentence in sentences(evidence):
        text = prepared(sentence)
        present = mentions(text, known)
        values = [mention for mention in present if mention.kind != "name"] or present[1:][-1:]
        for mention in values:
            subjects = frozenset(other.value for other in present if other is not mention)
            sort = sort_of(mention, text)
            found.append(Fact(sort, nearest_relation(sort, mention, text), mention.value, subjects))
    return found


def sort_of(mention: Mention, text: str) -> Sort:
    """What a mention is a value of: names are places or persons, by their cues and the words before them."""
    match mention.kind:
        case "name":
            before = text[: mention.start].rstrip().lower()
            if re.search(r"\b(?:by|under|person|founder|leader|head|said|named)$", before):
                return "person"
            return "place" if category_of(mention, text) == "GE" else "person"
        case "year" | "era":
            return "year"
        case kind:
            return kind


def nearest_relation(sort: Sort, mention: Mention, text: str, among: Collection[str] = ()) -> str:
    """The relation of this sort whose cue stands nearest to the mention, in its clause if there is one; "" for none.

    Args:
        among: only these relations; by default all.
    """
    start, end = _clause(text, mention)
    best: tuple[bool, int, str] | None = None
    for relation in RELATIONS:
        if relation.sort != sort or (among and relation.name not in among):
            continue
        for cue in relation.cues.finditer(text):
            if cue.start() < mention.end and cue.end() > mention.start:
                continue
            outside = not start <= cue.start() < end
            distance = mention.start - cue.end() if cue.end() <= mention.start else cue.start() - mention.end
            best = min(best or (True, 10**6, ""), (outside, distance, relation.name))
    return best[2] if best else ""


def _clause(text: str, mention: Mention) -> tuple[int, int]:
    breaks = [hit.start() for hit in re.finditer(r"[,;:]|\b(?:and|but|while|whereas|which|who)\b", text)]
    start = max((at for at in breaks if at < mention.start), default=0)
    return start, min((at for at in breaks if at >= mention.end), default=len(text))
