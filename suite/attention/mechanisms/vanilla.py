"""Softmax attention with explicit scores, O(N^2) in time and memory: what the others are compared with."""

from __future__ import annotations

from torch import Tensor

from suite.attention.cache import CachedKeys
from suite.attention.dense import dense, hidden_keys
from suite.attention.patterns import ALL_PATTERNS, Pattern


class Vanilla(CachedKeys):
    """Vaswani et al., NeurIPS 2017."""

    name = "vanilla"
    patterns = ALL_PATTERNS

    def attend(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        return dense(q, k, v, hidden_keys(self.pattern is Pattern.CS, q.shape[2], padding, q.device))
