"""Local attention across two sequences: a window around the key that is aligned with the query's place.

An extension of local attention to the cross patterns, by the rule that places run evenly through both sequences: query
i of Nt has the centre round(i Ns / Nt) among Ns keys. In CC the number of queries to come is not known, and an output
must not depend on it, so that Nt is the constant `queries`.
"""

# ruff: noqa: ARG002

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from suite.attention.dense import dense
from suite.attention.module import Attention, at_least_one
from suite.attention.patterns import LengthError, Pattern
from suite.attention.windows import windowed


@dataclass(frozen=True, slots=True)
class Place:
    """All keys and values (B, H, Nk, d), the interval of each query (B, queries), and the number of those answered."""

    k: Tensor
    v: Tensor
    padding: Tensor | None
    low: Tensor
    high: Tensor
    position: int


class AlignedLocal(Attention):
    """Keys j with |j - round(i Ns / Nt)| <= w.

    Args:
        window: w.
        queries: Nt in CC, by default `max_len`; more queries are refused. In NC it is the length of the input.
    """

    name = "aligned_local"
    patterns = frozenset({Pattern.NC, Pattern.CC})

    def __init__(
        self, dim: int, heads: int, pattern: Pattern | str, max_len: int, window: int = 16, queries: int | None = None
    ) -> None:
        super().__init__(dim, heads, pattern, max_len)
        self.queries = max_len if queries is None else queries
        at_least_one(window=window, queries=self.queries)
        self.window = self.reach = window

    def attend(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        return windowed(q, k, v, *self._interval(q.shape[2], k, padding), padding)

    def reference(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        low, high = self._interval(q.shape[2], k, padding)
        j = torch.arange(k.shape[2], device=k.device)
        hidden = ((j < low[..., None]) | (j > high[..., None]))[:, None]
        return dense(q, k, v, hidden if padding is None else hidden | padding[:, None, None])

    def begin_cross(self, k: Tensor, v: Tensor, padding: Tensor | None) -> Place:
        return Place(k, v, padding, *self._interval(self.queries, k, padding), 0)

    def advance(self, q: Tensor, k: Tensor, v: Tensor, state: Place) -> tuple[Tensor, Place]:
        if state.position >= self.queries:
            raise LengthError(self.name, state.position + 1, self.queries)
        at = slice(state.position, state.position + 1)
        out = windowed(q, state.k, state.v, state.low[:, at], state.high[:, at], state.padding)
        return out, replace(state, position=state.position + 1)

    def _interval(self, n_queries: int, k: Tensor, padding: Tensor | None) -> tuple[Tensor, Tensor]:
        """(B or 1, Nq) first and last key of each query; padded keys at the end do not count as length."""
        total = n_queries
        if self.pattern is Pattern.CC:
            total = self.queries
            if n_queries > total:
                raise LengthError(self.name, n_queries, total)
        i = torch.arange(n_queries, device=k.device)
        if padding is None:
            lengths = torch.tensor([k.shape[2]], device=k.device)
        else:
            lengths = ((~padding) * torch.arange(1, k.shape[2] + 1, device=k.device)).amax(-1)
        # whole numbers: half up, the same on every device
        centres = torch.minimum((2 * i * lengths[:, None] + total) // (2 * total), lengths[:, None] - 1)
        return centres - self.window, centres + self.window
