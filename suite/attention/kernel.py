"""Attention by a positive feature map, weights phi(q) . phi(k): O(N) in every pattern, O(1) a step.

Katharopoulos et al., "Transformers are RNNs", ICML 2020. A mechanism gives `features`; the rest is here.
"""

# ruff: noqa: ARG002

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from suite.attention.module import Attention
from suite.attention.patterns import Pattern
from suite.attention.scan import causal_product, divided, with_ones


@dataclass(frozen=True, slots=True)
class Sums:
    """Sum of phi(k) [v, 1] over keys so far, (B, H, m, d + 1), and the number of positions so far."""

    sums: Tensor | None
    position: int


class KernelAttention(Attention):
    """sum_j phi(q_i) . phi(k_j) v_j / sum_j phi(q_i) . phi(k_j), the denominator at least `floor`."""

    floor: float

    def features(self, x: Tensor, start: int, *, is_query: bool) -> Tensor:
        """phi(x): (B, H, N, d) -> (B, H, N, m), never negative.

        Args:
            start: position of the first row, from 0.
        """
        raise NotImplementedError

    def attend(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        phi_q, phi_k = self.features(q, 0, is_query=True), self._keys(k, padding)
        if self.pattern is Pattern.CS:
            return divided(causal_product(phi_q, phi_k, with_ones(v)), self.floor)
        return divided(phi_q @ (phi_k.mT @ with_ones(v)), self.floor)

    def reference(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        weights = self.features(q, 0, is_query=True) @ self._keys(k, padding).mT
        if self.pattern is Pattern.CS:
            weights = weights.tril()
        return weights @ v / weights.sum(-1, keepdim=True).clamp_min(self.floor)

    def begin(self, batch: int) -> Sums:
        return Sums(None, 0)

    def begin_cross(self, k: Tensor, v: Tensor, padding: Tensor | None) -> Sums:
        return Sums(self._keys(k, padding).mT @ with_ones(v), 0)

    def advance(self, q: Tensor, k: Tensor, v: Tensor, state: Sums) -> tuple[Tensor, Sums]:
        self.check_length(state.position + 1)
        if self.pattern is Pattern.CS:
            new = self.features(k, state.position, is_query=False).mT @ with_ones(v)
            state = replace(state, sums=new if state.sums is None else state.sums + new)
        assert state.sums is not None
        out = divided(self.features(q, state.position, is_query=True) @ state.sums, self.floor)
        return out, replace(state, position=state.position + 1)

    def _keys(self, k: Tensor, padding: Tensor | None) -> Tensor:
        phi = self.features(k, 0, is_query=False)
        return phi if padding is None else phi.masked_fill(padding[:, None, :, None], 0.0)
