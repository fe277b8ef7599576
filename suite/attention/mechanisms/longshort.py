"""Transformer-LS: a window of keys beside a few projections of all keys, in one softmax.

Zhu et al., "Long-Short Transformer: Efficient Transformers for Language and Vision", NeurIPS 2021, section 3. Short:
the query's segment of w keys and half a segment on either side. Long: the keys compressed by a projection that depends
on them; in CS each stretch of l keys by itself, seen by queries after it. Keys and values of both kinds have a layer
norm of their own. In CS time is O(N (w + N r / l)): the long part is shortened, not linear.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from suite.attention.dense import dense
from suite.attention.module import Attention, at_least_one
from suite.attention.patterns import Pattern
from suite.attention.windows import Extra, windowed


@dataclass(frozen=True, slots=True)
class Recent:
    """Keys and values (B, H, n, d) that later queries may see, projections so far, and the number of positions."""

    k: Tensor
    v: Tensor
    long_k: Tensor
    long_v: Tensor
    position: int


class LongShort(Attention):
    """softmax(q [LN_s(K_window), LN_l(P'K)]' / sqrt(d)) [LN_s(V_window), LN_l(P'V)], P = softmax(K W) over positions.

    Args:
        window: w.
        slots: r, projections of all keys in NS, and of each stretch in CS.
        stretch: l in CS, at most half of the window, so that no key lies between window and projections.
    """

    name = "longshort"
    patterns = frozenset({Pattern.NS, Pattern.CS})

    def __init__(
        self,
        dim: int,
        heads: int,
        pattern: Pattern | str,
        max_len: int,
        window: int = 32,
        slots: int | None = None,
        stretch: int = 16,
    ) -> None:
        super().__init__(dim, heads, pattern, max_len)
        slots = (1 if self.pattern is Pattern.CS else 16) if slots is None else slots
        at_least_one(window=window, slots=slots, stretch=stretch)
        if stretch > max(1, window // 2):
            raise ValueError(f"stretch={stretch}; expected at most half of window={window}")
        self.window, self.slots, self.stretch = window, slots, stretch
        self.projection = nn.Parameter(torch.randn(heads, self.head_dim, slots) / math.sqrt(self.head_dim))
        # for keys and for values
        self.short_norm = nn.ModuleList(nn.LayerNorm(self.head_dim) for _ in range(2))
        self.long_norm = nn.ModuleList(nn.LayerNorm(self.head_dim) for _ in range(2))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        low, high = self._interval(torch.arange(q.shape[2], device=q.device))
        short_k, short_v = self.short_norm[0](k), self.short_norm[1](v)
        return windowed(q, short_k, short_v, low, high, padding, self._long(k, v, padding))

    def reference(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        i = torch.arange(q.shape[2], device=q.device)
        low, high = self._interval(i)
        hidden, long = ((i < low[:, None]) | (i > high[:, None]))[None, None], self._long(k, v, padding)
        if padding is not None:
            hidden = hidden | padding[:, None, None]
        shape = (len(q), 1, q.shape[2], -1)
        keys = torch.cat([self.short_norm[0](k), long.k], 2)
        values = torch.cat([self.short_norm[1](v), long.v], 2)
        return dense(q, keys, values, torch.cat([hidden.expand(shape), long.hidden.expand(shape)], -1))

    def begin(self, batch: int) -> Recent:
        empty = self.projection.new_zeros(batch, self.heads, 0, self.head_dim)
        return Recent(empty, empty, empty, empty, 0)

    def advance(self, q: Tensor, k: Tensor, v: Tensor, state: Recent) -> tuple[Tensor, Recent]:
        k, v = torch.cat([state.k, k], 2), torch.cat([state.v, v], 2)
        keys = torch.cat([self.short_norm[0](k), state.long_k], 2)
        out = dense(q, keys, torch.cat([self.short_norm[1](v), state.long_v], 2))
        long_k, long_v, position = state.long_k, state.long_v, state.position + 1
        if position % self.stretch == 0:
            new_k, new_v, _ = self._projected(k[:, :, -self.stretch :], v[:, :, -self.stretch :], None)
            long_k, long_v = torch.cat([long_k, new_k], 2), torch.cat([long_v, new_v], 2)
        kept = position - max(0, int(self._interval(torch.tensor(position))[0]))
        return out, Recent(k[:, :, k.shape[2] - kept :], v[:, :, v.shape[2] - kept :], long_k, long_v, position)

    def _interval(self, i: Tensor) -> tuple[Tensor, Tensor]:
        """First and last key of the window of queries at places `i`."""
        home = i // self.window * self.window
        low, half = home - self.window // 2, self.window // 2
        return low, i if self.pattern is Pattern.CS else home + self.window + half - 1

    def _long(self, k: Tensor, v: Tensor, padding: Tensor | None) -> Extra:
        """The projections of all keys in NS; in CS those of each full stretch, for queries after it."""
        if self.pattern is Pattern.NS:
            return Extra(*self._projected(k, v, padding))
        n, count = k.shape[2], k.shape[2] // self.stretch
        k, v = (x[:, :, : count * self.stretch].unflatten(2, (count, self.stretch)) for x in (k, v))
        if padding is not None:
            padding = padding[:, : count * self.stretch].unflatten(1, (count, self.stretch))
        long_k, long_v, empty = self._projected(k, v, padding)  # (B, H, count, r, d)
        ends = torch.arange(1, count + 1, device=k.device) * self.stretch
        to_come = ends.repeat_interleave(self.slots) > torch.arange(n, device=k.device)[:, None]
        return Extra(long_k.flatten(2, 3), long_v.flatten(2, 3), to_come | empty)

    def _projected(self, k: Tensor, v: Tensor, padding: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised P'K and P'V of each stretch of positions (B, H, [count,] n, d), and which are of padding alone.

        Returns:
            (B, H, [count,] r, d) twice, and (B or 1, 1, 1, count r).
        """
        logits = k @ (self.projection if k.dim() == 4 else self.projection[:, None])
        padded = torch.zeros(1, *k.shape[2:-1], dtype=torch.bool, device=k.device) if padding is None else padding
        weights = logits.masked_fill(padded[:, None, ..., None], torch.finfo(k.dtype).min).softmax(-2).mT
        empty = padded.all(-1).reshape(len(padded), 1, 1, -1).repeat_interleave(self.slots, -1)
        return self.long_norm[0](weights @ k), self.long_norm[1](weights @ v), empty
