"""Local attention: softmax over a window around each position.

Luong et al., "Effective Approaches to Attention-based Neural Machine Translation", EMNLP 2015. What "window" counts
differs between libraries; here, for window w: keys i - w .. i + w in NS, 2w + 1 of them, and i - w + 1 .. i in CS, w of
them with its own.
"""

from __future__ import annotations

import torch
from torch import Tensor

from suite.attention.cache import CachedKeys, Kept
from suite.attention.dense import dense, hidden_keys
from suite.attention.module import at_least_one
from suite.attention.patterns import Pattern
from suite.attention.windows import windowed


class Local(CachedKeys):
    """NS: |i - j| <= w. CS: 0 <= i - j < w.

    Args:
        window: w.
    """

    name = "local"
    patterns = frozenset({Pattern.NS, Pattern.CS})

    def __init__(self, dim: int, heads: int, pattern: Pattern | str, max_len: int, window: int = 16) -> None:
        super().__init__(dim, heads, pattern, max_len)
        at_least_one(window=window)
        self.window = window
        self.reach = window if self.pattern is Pattern.NS else 0

    def attend(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        return windowed(q, k, v, *self._interval(q), padding)

    def reference(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        low, high = self._interval(q)
        j = torch.arange(k.shape[2], device=k.device)
        hidden = (j < low[:, None]) | (j > high[:, None])
        padded = hidden_keys(False, q.shape[2], padding, q.device)
        return dense(q, k, v, hidden if padded is None else hidden | padded)

    def advance(self, q: Tensor, k: Tensor, v: Tensor, state: Kept) -> tuple[Tensor, Kept]:
        out, state = super().advance(q, k, v, state)
        older = state.k.shape[2] - self.window + 1  # no later query sees these
        return out, Kept(state.k[:, :, older:], state.v[:, :, older:]) if older > 0 else state

    def _interval(self, q: Tensor) -> tuple[Tensor, Tensor]:
        """First and last key of each query."""
        i = torch.arange(q.shape[2], device=q.device)
        return (i - self.window, i + self.window) if self.pattern is Pattern.NS else (i - self.window + 1, i)
