"""Demasking by a decoder: half of the rows show a corrupted text, a separator, and the text, which alone has a loss.

The stock causal attention stays; the model sees what stands to the right of a gap before it has to fill it. The mask
rate of each row is uniform between 0.05 and 0.95, so that gaps range from a token to nearly everything; the other
half of the rows are plain documents.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from suite.finetune.objectives import IGNORED, Batch, Encode, Objective, Passage, Row
from suite.task import TrainingDoc

if TYPE_CHECKING:
    import torch

GAP, SEPARATOR = "_", "="  # ordinary texts, so that every tokenizer has them
LOWEST, HIGHEST = 0.05, 0.95


class Masked(Objective):
    """Each document plain, and once behind a copy of itself with gaps."""

    name = "masked"

    def words(self) -> tuple[str, ...]:
        return (f"x {GAP} {SEPARATOR} x",)

    def rows(self, docs: Sequence[TrainingDoc], encode: Encode, rng: random.Random) -> list[Row]:
        plain = encode([Passage(doc.text) for doc in docs])
        gap, separator = (row.tokens[slice(*row.text)] for row in encode([Passage(GAP), Passage(SEPARATOR)]))
        return plain + [_demasking(row, gap, separator, rng) for row in plain]

    def loss(self, model: Any, batch: Batch, rng: torch.Generator) -> torch.Tensor:
        labels = batch.labels.clone()
        for number, row in enumerate(batch.rows):
            if row.spans:  # what comes before the whole text is given
                labels[number, : row.spans[0][0]] = IGNORED
        return super().loss(model, replace(batch, labels=labels), rng)


def _demasking(row: Row, gap: tuple[int, ...], separator: tuple[int, ...], rng: random.Random) -> Row:
    """The row with its text behind a copy with gaps and the separator; `spans` holds the range of the whole text."""
    first, last = row.text
    text = row.tokens[first:last]
    rate = rng.uniform(LOWEST, HIGHEST)
    corrupted = tuple(token for own in text for token in (gap if rng.random() < rate else (own,)))
    lead = (*row.tokens[:first], *corrupted, *separator)
    tokens = (*lead, *text, *row.tokens[last:])
    whole = (len(lead), len(lead) + len(text))
    return Row(tokens, (first, whole[1]), (whole,))
