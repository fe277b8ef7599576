"""Reverse training: every epoch shows each document forward and once more back to front.

Source: Golovneva, Allen-Zhu, Weston, Sukhbaatar, "Reverse Training to Nurse the Reversal Curse", arXiv 2403.13799.
With twice the rows an epoch is twice as dear; at equal steps it sees the same number of tokens as `ntp`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from suite.errors import UserError
from suite.finetune.objectives import Encode, Objective, Passage, Row, Span
from suite.task import TrainingDoc

_UNIT = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")  # a word, or a punctuation mark on its own


class ReverseOptions(BaseModel):
    """How the second copy is made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["token", "word", "entity"] = Field(
        "entity", description="What is put in reverse order: tokens, words, or words with entities kept whole."
    )
    marker: str | None = Field(None, min_length=1, description="Text put before each reversed document.")


class Reverse(Objective):
    """Each document forward and reversed in every epoch, loss on every token."""

    name = "reverse"
    options: ReverseOptions

    @classmethod
    def options_model(cls) -> type[BaseModel]:
        return ReverseOptions

    def check(self, _config: Any, docs: Sequence[TrainingDoc]) -> None:
        if self.options.kind != "entity":
            return
        for doc in docs:
            spans = sorted(doc.entities)
            if not spans:
                raise UserError(
                    f"objective reverse, kind=entity: doc {doc.id} has no entity spans; "
                    "use --objective-option kind=word"
                )
            if any(first[1] > second[0] for first, second in pairwise(spans)):
                raise UserError(f"objective reverse, kind=entity: doc {doc.id} has entity spans that overlap: {spans}")

    def words(self) -> tuple[str, ...]:
        return (self.options.marker,) if self.options.marker else ()

    def rows(self, docs: Sequence[TrainingDoc], encode: Encode, _rng: random.Random) -> list[Row]:
        forward = encode([Passage(doc.text) for doc in docs])
        marker = self.options.marker
        if self.options.kind == "token":
            lead = encode([Passage(marker)])[0] if marker else None
            prefix = lead.tokens[slice(*lead.text)] if lead else ()
            return forward + [_reversed_tokens(row, prefix) for row in forward]
        spans = [doc.entities if self.options.kind == "entity" else () for doc in docs]
        backward = [reversed_text(doc.text, kept) for doc, kept in zip(docs, spans, strict=True)]
        return forward + encode([Passage(f"{marker} {text}" if marker else text) for text in backward])


def reversed_text(text: str, entities: Sequence[Span] = ()) -> str:
    """The words and punctuation marks of `text` in reverse order, one space between two.

    Args:
        entities: disjoint character spans whose inside stays as it is.
    """
    units: list[str] = []
    at = 0
    for start, end in sorted(entities):
        units += [*_UNIT.findall(text[at:start]), text[start:end]]
        at = end
    units += _UNIT.findall(text[at:])
    return " ".join(reversed(units))


def _reversed_tokens(row: Row, prefix: tuple[int, ...]) -> Row:
    """`row` with the text's tokens back to front; start and end tokens stay where they are."""
    first, last = row.text
    text = prefix + row.tokens[first:last][::-1]
    return Row(row.tokens[:first] + text + row.tokens[last:], (first, first + len(text)))
