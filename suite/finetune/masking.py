"""Hiding tokens of a batch, for objectives that ask for them again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from suite.errors import UserError
from suite.finetune.objectives import IGNORED, Batch


def hidden_places(batch: Batch, rng: torch.Generator, *, rate: float, whole: float) -> torch.Tensor:
    """Which tokens of a batch to hide: (B, T) booleans, of the texts' own tokens only, at least one in a row.

    Args:
        rate: probability of each token.
        whole: share of the rows that have spans in which one span is hidden instead, and nothing else.
    """
    rows, width = batch.rows, batch.input_ids.shape[1]
    hidden = torch.rand((len(rows), width), generator=rng) < rate
    by_span = torch.rand(len(rows), generator=rng) < whole
    picks = torch.rand(len(rows), generator=rng)
    for number, row in enumerate(rows):
        start, end = row.text
        spans = [span for span in row.spans if span[0] < span[1]]
        if spans and by_span[number]:
            first, last = spans[int(picks[number] * len(spans))]
            hidden[number] = False
            hidden[number, first:last] = True
        hidden[number, :start] = False
        hidden[number, end:] = False
        if not hidden[number].any() and start < end:
            hidden[number, start + int(picks[number] * (end - start))] = True
    return hidden.to(batch.input_ids.device)


def hide(batch: Batch, hidden: torch.Tensor, mask_id: int) -> Batch:
    """`batch` with the hidden tokens replaced, and no loss but on them."""
    return replace(
        batch,
        input_ids=batch.input_ids.masked_fill(hidden, mask_id),
        labels=batch.labels.masked_fill(~hidden, IGNORED),
    )


def mask_token_id(tokenizer: Any, wanted: str | None, objective: str) -> int:
    """The id of the token that stands for a hidden one: `wanted`, else the mask token, else the pad or end token.

    Raises:
        UserError: the vocabulary lacks `wanted`, or has none of the others.
    """
    if wanted is not None:
        found = tokenizer.convert_tokens_to_ids(wanted)
        if found is None or found == tokenizer.unk_token_id:
            raise UserError(f"objective {objective}, option mask_token: the vocabulary has no token {wanted!r}")
        return int(found)
    for found in (tokenizer.mask_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id):
        if found is not None:
            return int(found)
    raise UserError(f"objective {objective}: the tokenizer has no mask token; name one with mask_token=TOKEN")
