"""Records of the reversal-curse data, whatever their origin (generator, shipped files, public files)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Group = Literal["n2d_only", "d2n_only", "both"]
Direction = Literal["n2d", "d2n"]  # n2d: the name (or first person of a relation) is given, the other is asked
Seen = Literal["same", "reverse"]  # was the fact trained in the direction of the query?


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact in its surface forms: name, np, ger, cl; or a, b, relation, inverse, symmetric for relations."""

    fact_id: str
    kind: str
    group: Group
    fields: Mapping[str, str | bool]


@dataclass(frozen=True, slots=True)
class TrainRow:
    """One training document, ``text == prompt + completion``; `entities` are character spans of `text`."""

    fact_id: str
    group: Group
    direction: Direction
    template_id: str
    text: str
    prompt: str
    completion: str
    entities: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """One held-out query. The prompt has no trailing space, the target no leading space and no final stop.

    Attributes:
        pool: items of one pool, template and direction share their candidate answers.
        neutral_prompt: the prompt with the given item replaced by "someone" or "something" (for pmi); "" if unknown.
        target_original: the target as the public file has it, for the original match rule.
    """

    item_id: str
    fact_id: str
    group: Group
    direction: Direction
    seen: Seen
    template_id: str
    form: str
    prompt: str
    target: str
    pool: str
    aliases: tuple[str, ...] = ()
    neutral_prompt: str = ""
    target_original: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Facts, training documents and held-out items of one origin; `sha256` covers all three."""

    facts: tuple[Fact, ...]
    train: tuple[TrainRow, ...]
    test: tuple[Query, ...]
    sha256: str
    origin: str
    meta: Mapping[str, str | int] = field(default_factory=dict)
