"""The records of this task: a row (one question) and a pair (a question with its trap, and its control without).

A pair becomes a doc, its variants the conditions; public rows are pairs that have no control. Format: section "Data"
of README.md, after McKenzie et al. 2023, arXiv 2306.09479.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

Kind = Literal["classification", "sequence_prob", "logodds", "absolute_logodds"]
Variant = Literal["trap", "control"]
Answer = Literal["letter", "yes_no", "y_n", "number", "rounded", "symbol", "word", "sequence"]

# Tasks whose prompts stop in the middle: what comes next is asked for.
_NEXT: Mapping[str, Answer] = {
    "pattern-matching-suppression": "symbol",
    "memo-trap": "word",
    "resisting-correction": "word",
}
_LETTER = re.compile(r"[A-Z]")


@dataclass(frozen=True, slots=True)
class Row:
    """One question.

    Attributes:
        classes: the answers to choose from, each with its leading space; () for sequences.
        answer_index: which of them is right; 0 for sequences.
        trap_index: the class that the failure predicts (in a control: that its twin's failure predicts); None where
            that is not known.
        completion: the text whose probability counts; "" unless a sequence.
        other_prompt: the second prompt of log-odds rows.
        part: of the public file, or the number of the phrasing.
        meta: what scoring of written answers needs: `marker`, the word that a followed injection shows.
    """

    subtask: str
    kind: Kind
    prompt: str
    classes: tuple[str, ...] = ()
    answer_index: int = 0
    trap_index: int | None = None
    completion: str = ""
    other_prompt: str = ""
    part: int = 0
    meta: Mapping[str, str] = field(default_factory=dict)

    @property
    def gold(self) -> str:
        """The right continuation of the prompt, with its leading space."""
        return self.completion if self.kind == "sequence_prob" else self.classes[self.answer_index]

    @property
    def answer(self) -> Answer:
        """What a written answer looks like."""
        if self.kind == "sequence_prob":
            return "sequence"
        texts = [text.strip() for text in self.classes]
        if self.subtask in _NEXT:
            return _NEXT[self.subtask]
        if all(_LETTER.fullmatch(text) for text in texts):
            return "y_n" if set(texts) == {"Y", "N"} else "letter"
        if {text.casefold() for text in texts} == {"yes", "no"}:
            return "yes_no"
        if all(is_number(text) for text in texts):
            return "rounded" if self.subtask == "sig-figs" else "number"
        return "word"

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"classes": list(self.classes), "meta": dict(self.meta)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Row:
        """The inverse of `to_json`."""
        return cls(**{**value, "classes": tuple(value["classes"])})


@dataclass(frozen=True, slots=True)
class Pair:
    """The rows of one item by variant: a trap and its control, or a public row alone (a trap).

    Attributes:
        cluster: template or scenario, the unit of resampling.
    """

    id: str
    cluster: str
    rows: Mapping[Variant, Row]


def is_number(text: str) -> bool:
    """Whether `text` is a plain finite number; commas may separate thousands."""
    try:
        return Decimal(text.replace(",", "")).is_finite()
    except InvalidOperation:
        return False


def has_prefix_classes(classes: tuple[str, ...]) -> bool:
    """Whether one class begins another: the shorter one would collect the longer one's probability."""
    return any(i != j and b.startswith(a) for i, a in enumerate(classes) for j, b in enumerate(classes))
