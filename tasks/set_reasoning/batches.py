"""Batches for the training loop: sequences with labels at some positions, and the one loss on them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import torch

from suite.finetune.objectives import Batch, Objective, Row
from suite.identity import digest
from tasks.set_reasoning.sequences import IGNORED, Encoded

_PAD = 0


class Labelled(Objective):
    """Cross-entropy where a position has a label: a candidate's yes or no, or a word."""

    name = "labelled"

    def loss(self, model: Any, batch: Batch, rng: torch.Generator) -> torch.Tensor:  # noqa: ARG002
        logits = model(batch.input_ids, batch.attention_mask)  # (B, T, classes)
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED)


class Batches(torch.utils.data.Dataset[dict[str, Any]]):
    """Item `step` is the batch of that step, as the keyword arguments of `suite.finetune.objectives.Batch`.

    Args:
        batch: the sequences of a step.
        steps: how many there are.
        pad: id of padding, inner padding too; -1 where every id of a sequence is meant.
    """

    def __init__(self, batch: Callable[[int], Sequence[Encoded]], steps: int, seed: int, pad: int = _PAD) -> None:
        self._batch, self._steps, self._seed, self._pad = batch, steps, seed, pad

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> dict[str, Any]:
        sequences = self._batch(step)
        ids, mask = padded([one.ids for one in sequences], self._pad)
        labels, _ = padded([one.labels for one in sequences], IGNORED)
        rows = [Row(one.ids, (0, 0)) for one in sequences]
        return {"input_ids": ids.clamp(min=0), "attention_mask": mask, "labels": labels, "rows": rows}

    def rng(self, step: int) -> torch.Generator:
        """The generator of a step."""
        return torch.Generator().manual_seed(int(digest(["step", self._seed, step], 15), 16))

    def sha256(self) -> str:
        """Of the first, middle and last batch: equal for masks that are trained alike."""
        total = hashlib.sha256()
        for step in sorted({0, self._steps // 2, self._steps - 1}):
            total.update(repr([(one.ids, one.labels) for one in self._batch(step)]).encode())
        return total.hexdigest()


def padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, T) rows padded on the right with `pad`, and (B, T) 1 for all but that number, wherever it stands."""
    width = max(map(len, rows))
    table = torch.tensor([[*row, *[pad] * (width - len(row))] for row in rows])
    return table, (table != pad).long()


def weights_sha256(model: torch.nn.Module) -> str:
    """Of all parameters, in the order of their names."""
    total = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        total.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()
