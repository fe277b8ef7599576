"""Prefix language model: the prompt is read in both directions, the completion is written from left to right.

Source: Raffel et al., "Exploring the Limits of Transfer Learning", arXiv 1910.10683, section 3.2.1. The loss is on the
completion alone, since every prompt token sees its successor. Answers come from the stock causal model, which reads
its prompts causally again.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from suite.errors import UserError
from suite.finetune.objectives import IGNORED, Batch, Encode, Objective, Passage, Row
from suite.task import TrainingDoc

if TYPE_CHECKING:
    import torch


class PrefixLM(Objective):
    """Each document once an epoch, its prompt under full attention, loss on the completion."""

    name = "prefix_lm"

    def check(self, config: Any, docs: Sequence[TrainingDoc]) -> None:
        from suite.finetune.folding import check_foldable

        check_foldable(config, self.name)
        for doc in docs:
            if not doc.prompt or not doc.completion:
                raise UserError(f"objective prefix_lm: doc {doc.id} lacks prompt or completion; use --objective ntp")

    def rows(self, docs: Sequence[TrainingDoc], encode: Encode, _rng: random.Random) -> list[Row]:
        return encode([Passage(doc.text, ((0, len(doc.prompt)),)) for doc in docs])

    def loss(self, model: Any, batch: Batch, _rng: torch.Generator) -> torch.Tensor:
        import torch

        ends = torch.tensor([row.spans[0][1] for row in batch.rows], device=batch.input_ids.device)  # (B,)
        place = torch.arange(batch.input_ids.shape[1], device=batch.input_ids.device)  # (T,)
        in_prompt = place < ends[:, None]  # (B, T)
        causal = place[None, :] <= place[:, None]  # (T, T) key at or before query
        sees = (causal | in_prompt[:, None, :]) & (batch.attention_mask[:, None, :] > 0)  # (B, T, T)
        seen = replace(batch, labels=batch.labels.masked_fill(in_prompt, IGNORED))
        output = model(
            input_ids=seen.input_ids,
            attention_mask=sees[:, None],
            position_ids=place[None].expand_as(seen.input_ids),
            labels=seen.labels,
        )
        loss: torch.Tensor = output.loss
        return loss
