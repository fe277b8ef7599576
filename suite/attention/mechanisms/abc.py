"""ABC: attention with a bounded memory of r slots, into which each token is written by learned weights.

Peng et al., "ABC: Attention with Bounded-memory Control", ACL 2022, section 2 (ABC-MLP's linear control). The causal
form is two causal products in chunks, as logits and outputs are both running sums over keys of weights exp(alpha).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from suite.attention.dense import dense
from suite.attention.module import Attention, at_least_one
from suite.attention.patterns import ALL_PATTERNS, Pattern
from suite.attention.scan import causal_product

_SAFE_RANGE = 60.0  # of alpha after the first key: exp(-60) is far from float32's least
_UNWRITTEN = -1e30  # ln of a weight of nothing; not -inf, whose differences are NaN


@dataclass(frozen=True, slots=True)
class Slots:
    """What was written: weighted means (B, H, r, d), and ln of the weights' sums (B, H, r)."""

    means: Tensor
    log_weights: Tensor

    def write(self, alpha: Tensor, x: Tensor) -> Slots:
        """The slots after x (B, H, n, d) was written with weights exp(alpha), (B, H, n, r)."""
        total = torch.logaddexp(self.log_weights, alpha.logsumexp(2))
        kept = self.means * (self.log_weights - total).exp()[..., None]
        return Slots(kept + (alpha - total[:, :, None]).exp().mT @ x, total)


Memory = tuple[Slots, Slots]  # of keys, of values


class BoundedMemory(Attention):
    """Slot = sum_i e^(alpha_i) k_i / sum_i e^(alpha_i), alpha = k W; out = softmax(q . slots / sqrt(d)) values.

    Args:
        slots: r.
        separate_value_control: values are written by weights of their own.
    """

    name = "abc"
    patterns = ALL_PATTERNS

    def __init__(
        self,
        dim: int,
        heads: int,
        pattern: Pattern | str,
        max_len: int,
        slots: int = 16,
        separate_value_control: bool = False,
    ) -> None:
        super().__init__(dim, heads, pattern, max_len)
        at_least_one(slots=slots)
        self.slots = slots
        shape = (2 if separate_value_control else 1, heads, self.head_dim, slots)
        self.control = nn.Parameter(torch.randn(shape) / math.sqrt(self.head_dim))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        if self.pattern is not Pattern.CS:
            keys, values = self.begin_cross(k, v, padding)
            return dense(q, keys.means, values.means)
        alphas = self._alphas(k, padding)
        if any(_range(alpha.detach(), padding) > _SAFE_RANGE for alpha in alphas):
            return self._one_by_one(q, k, v, alphas)
        weights = [(alpha - alpha.detach().amax(2, keepdim=True)).exp() for alpha in alphas]
        totals = [weight.cumsum(2).clamp_min(math.exp(-_SAFE_RANGE - 1)) for weight in weights]
        logits = causal_product(q * self.head_dim**-0.5, k, weights[0]) / totals[0]
        return causal_product(logits.softmax(-1) / totals[-1], weights[-1], v)

    def reference(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        alphas = self._alphas(k, padding)
        if self.pattern is Pattern.CS:
            return self._one_by_one(q, k, v, alphas)
        return dense(q, alphas[0].softmax(2).mT @ k, alphas[-1].softmax(2).mT @ v)

    def begin(self, batch: int) -> Memory:
        means = self.control.new_zeros(batch, self.heads, self.slots, self.head_dim)
        empty = Slots(means, means[..., 0] + _UNWRITTEN)
        return empty, empty

    def begin_cross(self, k: Tensor, v: Tensor, padding: Tensor | None) -> Memory:
        keys, values = self.begin(len(k))
        alphas = self._alphas(k, padding)
        return keys.write(alphas[0], k), values.write(alphas[-1], v)

    def advance(self, q: Tensor, k: Tensor, v: Tensor, state: Memory) -> tuple[Tensor, Memory]:
        keys, values = state
        if self.pattern is Pattern.CS:
            alphas = self._alphas(k, None)
            keys, values = keys.write(alphas[0], k), values.write(alphas[-1], v)
        return dense(q, keys.means, values.means), (keys, values)

    def _alphas(self, k: Tensor, padding: Tensor | None) -> list[Tensor]:
        """(B, H, N, r) of keys, and of values where they have their own."""
        alphas = [k @ control for control in self.control]
        if padding is None:
            return alphas
        return [alpha.masked_fill(padding[:, None, :, None], _UNWRITTEN) for alpha in alphas]

    def _one_by_one(self, q: Tensor, k: Tensor, v: Tensor, alphas: list[Tensor]) -> Tensor:
        """The running sums one position at a time: for any alpha, slowly."""
        keys, values = self.begin(len(q))
        out = []
        for t in range(q.shape[2]):
            at = slice(t, t + 1)
            keys, values = keys.write(alphas[0][:, :, at], k[:, :, at]), values.write(alphas[-1][:, :, at], v[:, :, at])
            out.append(dense(q[:, :, at], keys.means, values.means))
        return torch.cat(out, 2)


def _range(alpha: Tensor, padding: Tensor | None) -> float:
    """How far the largest alpha is above that of the first key, at most over slots and sequences."""
    first = alpha[:, :, :1]
    if padding is not None:
        index = (~padding).int().argmax(-1)[:, None, None, None].expand_as(first)
        first = alpha.gather(2, index)
    return float((alpha.amax(2, keepdim=True) - first).max())
