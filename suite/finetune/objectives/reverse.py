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

    kind: Literal["token", "word", "entity", "random"] = Field(
        "entity",
        description="What is put in reverse order: tokens, words, words with entities kept whole, or segments of words "
        "of random length.",
    )
    longest: int = Field(25, ge=1, description="kind=random: most words of a segment (the paper's 25).")
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

    def rows(self, docs: Sequence[TrainingDoc], encode: Encode, rng: random.Random) -> list[Row]:
        forward = encode([Passage(doc.text) for doc in docs])
        marker = self.options.marker
        if self.options.kind == "token":
            lead = encode([Passage(marker)])[0] if marker else None
            prefix = lead.tokens[slice(*lead.text)] if lead else ()
            return forward + [_reversed_tokens(row, prefix) for row in forward]
        backward = [reversed_text(doc.text, self._kept(doc, rng)) for doc in docs]
        return forward + encode([Passage(f"{marker} {text}" if marker else text) for text in backward])

    def _kept(self, doc: TrainingDoc, rng: random.Random) -> Sequence[Span]:
        """The spans whose inside keeps its order."""
        if self.options.kind == "random":
            return random_segments(doc.text, self.options.longest, rng)
        return doc.entities if self.options.kind == "entity" else ()


def random_segments(text: str, longest: int, rng: random.Random) -> list[Span]:
    """Neighbouring spans that cover the words of `text`, each of 1 to `longest` words."""
    words = [unit.span() for unit in _UNIT.finditer(text)]
    segments = []
    while words:
        size = rng.randint(1, min(longest, len(words)))
        segments.append((words[0][0], words[size - 1][1]))
        words = words[size:]
    return segments


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
