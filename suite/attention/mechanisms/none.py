"""No attention: each output is its own position's value. The control that shows what attention is good for.

"Benefit of attention" of Zhang et al., ICML 2023: a model that does as well with this one needs no attention.
"""

# ruff: noqa: ARG002

from __future__ import annotations

from torch import Tensor

from suite.attention.module import Attention
from suite.attention.patterns import ALL_PATTERNS


class NoAttention(Attention):
    """The value at the query's own place; in cross patterns the query itself, and the other sequence is ignored."""

    name = "none"
    patterns = ALL_PATTERNS
    is_control = True

    def attend(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        return q if self.pattern.is_cross else v

    def begin(self, batch: int) -> None:
        return None

    def begin_cross(self, k: Tensor, v: Tensor, padding: Tensor | None) -> None:
        return None

    def advance(self, q: Tensor, k: Tensor, v: Tensor, state: None) -> tuple[Tensor, None]:
        return self.attend(q, k, v, None), None
