"""Aaren: softmax attention with one learned query as a recurrent network, for all prefixes at once by a prefix scan.

Feng et al., "Attention as an RNN", arXiv 2405.13956, section 3. The state after a prefix is the running maximum of its
scores, the sum of weights and the weighted sum of values; joining two such states is associative, so that doubling
strides (Hillis and Steele, 1986) give every prefix in log2 N steps.
"""

# ruff: noqa: ARG002

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from suite.attention.dense import later, masked_softmax
from suite.attention.module import Attention
from suite.attention.patterns import Pattern

Triple = tuple[Tensor, Tensor]  # highest score (B, H, n, 1), sums of weights times [v, 1] (B, H, n, d + 1)
_NOTHING = -1e30


class Aaren(Attention):
    """out_i = softmax over j <= i of (w . k_j / sqrt(d)) v_j with a learned query w for each head; q is not read."""

    name = "aaren"
    patterns = frozenset({Pattern.CS})

    def __init__(self, dim: int, heads: int, pattern: Pattern | str, max_len: int) -> None:
        super().__init__(dim, heads, pattern, max_len)
        self.query = nn.Parameter(torch.randn(heads, self.head_dim, 1))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        highest, sums = self._single(k, v, padding)
        stride = 1
        while stride < k.shape[2]:
            before = highest[:, :, :-stride], sums[:, :, :-stride]
            joined = _joined(before, (highest[:, :, stride:], sums[:, :, stride:]))
            highest, sums = (
                torch.cat([x[:, :, :stride], new], 2) for x, new in zip((highest, sums), joined, strict=True)
            )
            stride *= 2
        return sums[..., :-1] / sums[..., -1:]

    def reference(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        scores = self._scores(k, padding).mT.expand(-1, -1, k.shape[2], -1).clone()
        return masked_softmax(scores, later(k.shape[2], k.device)) @ v

    def begin(self, batch: int) -> Triple:
        sums = self.query.new_zeros(batch, self.heads, 1, self.head_dim + 1)
        return sums[..., :1] + _NOTHING, sums

    def advance(self, q: Tensor, k: Tensor, v: Tensor, state: Triple) -> tuple[Tensor, Triple]:
        state = _joined(state, self._single(k, v, None))
        return state[1][..., :-1] / state[1][..., -1:], state

    def _scores(self, k: Tensor, padding: Tensor | None) -> Tensor:
        """(B, H, N, 1)."""
        scores = k @ self.query / math.sqrt(self.head_dim)
        return scores if padding is None else scores.masked_fill(padding[:, None, :, None], _NOTHING)

    def _single(self, k: Tensor, v: Tensor, padding: Tensor | None) -> Triple:
        """The states of single positions."""
        return self._scores(k, padding), nn.functional.pad(v, (0, 1), value=1.0)


def _joined(first: Triple, second: Triple) -> Triple:
    """The state of two stretches together, the `first` before the `second`."""
    highest = torch.maximum(first[0], second[0])
    sums = first[1] * (first[0] - highest).exp() + second[1] * (second[0] - highest).exp()
    return highest, sums
