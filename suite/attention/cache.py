"""Decoding with all keys kept: the state of softmax attention, O(N) memory and O(N) a step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from suite.attention.dense import dense
from suite.attention.module import Attention
from suite.attention.patterns import Pattern


@dataclass(frozen=True, slots=True)
class Kept:
    """Keys and values (B, H, n, d) that were seen, and which of them (B, n) are padded."""

    k: Tensor
    v: Tensor
    padding: Tensor | None = None


class CachedKeys(Attention):
    """Steps of a mechanism whose output is softmax attention over all keys so far (CS) or all keys (CC)."""

    def begin(self, batch: int) -> Kept:
        empty = self.q_proj.weight.new_zeros(batch, self.heads, 0, self.head_dim)
        return Kept(empty, empty)

    def begin_cross(self, k: Tensor, v: Tensor, padding: Tensor | None) -> Kept:
        return Kept(k, v, padding)

    def advance(self, q: Tensor, k: Tensor, v: Tensor, state: Kept) -> tuple[Tensor, Kept]:
        if self.pattern is Pattern.CS:
            state = Kept(torch.cat([state.k, k], 2), torch.cat([state.v, v], 2))
        hidden = None if state.padding is None else state.padding[:, None, None]
        return dense(q, state.k, state.v, hidden), state
