"""Attention in which no segment comes before another, and every query finds the segments where it wants them.

Visibility: the prefix is causal; a token of a segment sees the prefix, all other segments, and its own causally; the
suffix sees everything before it. Positions: an `Arrangement` tells each query where the segments begin. Queries of a
segment share their arrangement, so its keys are rotated to their places once and a fused kernel does the rest. Every
token of the suffix has its own; there the query is rotated instead, once for each segment, because rotary scores
depend on differences of positions alone (Su et al., RoFormer, arXiv 2104.09864): no key is rotated twice.

Letters in shapes: B rows, H query heads in G groups (one for each key head), Q queries, K keys, S suffix tokens,
k segments of E tokens together, D dimensions of a head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch.nn.functional import scaled_dot_product_attention

from suite.interventions.segments.positions import Geometry, importance_between, log_mean_exp

_MAX_SCORES = 2**24  # scores, or places of a mask, held at once


class Arrangement(Protocol):
    """Where queries find the segments; interventions differ in this alone.

    `importance` gives logarithms when called, which costs a matrix product; size 1 in the result stands for "alike".
    """

    def for_segments(self, shapes: Geometry, importance: Callable[[], torch.Tensor]) -> torch.Tensor:
        """(B | 1, H | 1, k, k) position of segment j's first token as segment i sees it; i's own is its own place.

        `importance`: (B, H, k, k), see `importance_between`.
        """
        ...

    def for_suffix(self, shapes: Geometry, importance: Callable[[], torch.Tensor]) -> torch.Tensor:
        """(B | 1, H | 1, S | 1, k) position of each segment's first token as suffix tokens see it.

        `importance`: (B, H, S, k), each token's `log_mean_exp`.
        """
        ...


class Attention:
    """One call of the attention, of one layer.

    Args:
        query, key, value: (B, H, Q, D), (B, G, K, D), (B, G, K, D), not rotated; queries are the last Q of K tokens.
        phases: (>= K, D / 2) complex, unit numbers of each position's angles.
        scaling: factor of the scores; `sharpening`: a further one of rotated scores only (YaRN's).
    """

    def __init__(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        phases: torch.Tensor,
        shapes: Geometry,
        arrangement: Arrangement,
        scaling: float,
        sharpening: float = 1.0,
    ) -> None:
        self.query, self.key, self.value = query, key, value
        self.phases, self.shapes, self.arrangement = phases, shapes, arrangement
        self.scaling, self.sharpening = scaling, sharpening
        self.groups, self.per_group = key.shape[1], query.shape[1] // key.shape[1]
        self.total = key.shape[2]
        self.first = self.total - query.shape[2]  # place of the first query
        self.turned_query, self.turned_key = _complex(query), _complex(key)
        self.value_of_head = value.repeat_interleave(self.per_group, 1) if self.per_group > 1 else value

    def output(self) -> torch.Tensor:
        """(B, H, Q, D)."""
        prefix, end = self.shapes.layout.prefix, self.shapes.layout.end
        parts = []
        if self.first == 0:
            if prefix:
                parts.append(self._shared(slice(0, prefix), self.phases[None, None, :prefix]))
            parts += self._segments()
        if self.total > end:
            parts += self._suffix(max(self.first, end))
        return torch.cat(parts, dim=2) if len(parts) > 1 else parts[0]

    def _segments(self) -> Iterator[torch.Tensor]:
        layout = self.shapes.layout
        bases = self.arrangement.for_segments(self.shapes, self._importance_between)
        for i, (start, length) in enumerate(zip(layout.starts, layout.segments, strict=True)):
            phases = self._phases_at(bases[:, :, i], layout.end)
            for at, to in _blocks(start, start + length, layout.end):
                visible = torch.ones(to - at, layout.end, dtype=torch.bool, device=self.query.device)
                visible[:, start : start + length].tril_(at - start)
                yield self._shared(slice(at, to), phases, visible)

    def _suffix(self, first: int) -> Iterator[torch.Tensor]:
        bases = self.arrangement.for_suffix(self.shapes, lambda: self._log_means(first, self.total))
        if bases.shape[2] > 1:
            for at, to in _blocks(first, self.total, self._scores_of_a_query):
                yield self._ranked(at, to, bases[:, :, at - first : to - first])
            return
        visible = torch.ones(self.total - first, self.total, dtype=torch.bool, device=self.query.device).tril_(first)
        yield self._shared(slice(first, self.total), self._phases_at(bases[:, :, 0], self.total), visible)

    def _shared(self, queries: slice, phases: torch.Tensor, visible: torch.Tensor | None = None) -> torch.Tensor:
        """(B, H, S, D) output of queries that share one arrangement, over the first n keys.

        Args:
            phases: (B | 1, H | 1, n, D / 2) of all n tokens.
            visible: (S, n); None: causal.
        """
        n = phases.shape[2]
        key = self.turned_key[:, :, :n]
        if phases.shape[1] == 1:
            key = _real(key * phases).repeat_interleave(self.per_group, 1)
        else:
            key = _real(key[:, :, None] * phases.unflatten(1, (self.groups, self.per_group))).flatten(1, 2)
        query = self.turned_query[:, :, queries.start - self.first : queries.stop - self.first]
        return scaled_dot_product_attention(
            _real(query * phases[:, :, queries]),
            key,
            self.value_of_head[:, :, :n],
            attn_mask=visible,
            is_causal=visible is None,
            scale=self.scaling * self.sharpening,
        )

    def _phases_at(self, bases: torch.Tensor, n: int) -> torch.Tensor:
        """(B | 1, H | 1, n, D / 2) phases of the first n tokens, with segments at `bases` (B | 1, H | 1, k)."""
        layout = self.shapes.layout
        moved = bases[..., self.shapes.owner] + self.shapes.within
        shape = (*moved.shape[:2], -1, -1)
        before, after = self.phases[: layout.prefix], self.phases[layout.end : n]
        return torch.cat([before.expand(shape), self.phases[moved], after.expand(shape)], dim=2)

    def _ranked(self, at: int, to: int, bases: torch.Tensor) -> torch.Tensor:
        """(B, H, S, D) output of suffix tokens at..to, each of which sees the segments at its own `bases`.

        Args:
            bases: (B | 1, H | 1, S, k).
        """
        shapes, prefix, end = self.shapes, self.shapes.layout.prefix, self.shapes.layout.end
        query = self.turned_query[:, :, at - self.first : to - self.first]
        places = torch.arange(at, to, device=query.device)
        # Prefix and suffix, at their ordinary places.
        rest = torch.cat([torch.arange(prefix, device=query.device), torch.arange(end, to, device=query.device)])
        key = _real(self.turned_key[:, :, rest] * self.phases[rest])
        scores = self._grouped(_real(query * self.phases[places]), key)
        scores = scores.masked_fill(rest > places[:, None], -torch.inf)
        # Segments: keys rotated by their place within, queries by their distance from the segment's first token.
        distant = _real(query[:, :, :, None] * self.phases[places[:, None] - bases])  # (B, H, S, k, D)
        distant = distant.transpose(2, 3).unflatten(1, (self.groups, self.per_group)).transpose(2, 3)
        inner = _real(self.turned_key[:, :, prefix:end] * self.phases[shapes.within])
        inner = self._padded(inner).unflatten(2, shapes.hidden.shape)  # (B, G, k, L, D)
        between = distant.flatten(3, 4) @ inner.transpose(-1, -2)  # (B, G, k, H / G * S, L)
        between = between.masked_fill(shapes.hidden[:, None], -torch.inf).unflatten(3, (self.per_group, to - at))
        between = between.permute(0, 1, 3, 4, 2, 5).flatten(4).flatten(1, 2)  # (B, H, S, k * L)
        weights = (torch.cat([scores, between], -1) * (self.scaling * self.sharpening)).softmax(-1)
        value = torch.cat([self.value[:, :, rest], self._padded(self.value[:, :, prefix:end])], dim=2)
        return (
            (weights.unflatten(1, (self.groups, self.per_group)).flatten(2, 3) @ value)
            .unflatten(2, (self.per_group, to - at))
            .flatten(1, 2)
        )

    def _importance_between(self) -> torch.Tensor:
        layout = self.shapes.layout
        return importance_between(self._log_means(layout.prefix, layout.end), self.shapes)

    def _log_means(self, at: int, to: int) -> torch.Tensor:
        """(B, H, S, k) log mean exp, over each segment, of the scores without positions of the queries at..to."""
        shapes = self.shapes
        key = self._padded(self.key[:, :, shapes.layout.prefix : shapes.layout.end])
        means = []
        for start, stop in _blocks(at, to, self._scores_of_a_query):
            scores = self._grouped(self.query[:, :, start - self.first : stop - self.first] * self.scaling, key)
            scores = scores.unflatten(-1, shapes.hidden.shape).masked_fill_(shapes.hidden, -torch.inf)
            means.append(log_mean_exp(scores, shapes.lengths))
        return torch.cat(means, dim=2)

    @property
    def _scores_of_a_query(self) -> int:
        """What one more query adds where scores are held: every row's and head's with all keys, padded ones too."""
        return self.query.shape[0] * self.query.shape[1] * (self.total + len(self.shapes.padded))

    def _grouped(self, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        """(B, H, S, n) scores of queries (B, H, S, D) with keys (B, G, n, D)."""
        together = query.unflatten(1, (self.groups, self.per_group)).flatten(2, 3)
        scores = together @ key.transpose(-1, -2)
        return scores.unflatten(2, (self.per_group, query.shape[2])).flatten(1, 2)

    def _padded(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, G, k * L, D) of the segments' tokens (B, G, E, D), every segment as long as the longest."""
        return tokens[:, :, self.shapes.padded]


def phase_table(frequencies: torch.Tensor, n: int, dtype: torch.dtype) -> torch.Tensor:
    """(n, D / 2) complex unit numbers of the angles of positions 0..n-1; `frequencies` (D / 2,) in radians a token."""
    angles = torch.arange(n, device=frequencies.device, dtype=dtype)[:, None] * frequencies.to(dtype)
    return torch.polar(torch.ones_like(angles), angles)


def _blocks(at: int, to: int, each: int) -> Iterator[tuple[int, int]]:
    """Cuts a range of queries, of which each needs `each` numbers, so that these stay in bounds."""
    step = max(1, _MAX_SCORES // each)
    for start in range(at, to, step):
        yield start, min(start + step, to)


def _complex(x: torch.Tensor) -> torch.Tensor:
    """(..., D / 2) complex: each pair that rotary embeddings turn together (i and i + D / 2) as one number."""
    return torch.complex(*x.chunk(2, dim=-1))


def _real(x: torch.Tensor) -> torch.Tensor:
    """(..., D) with real and imaginary parts side by side; scores do not care for the order of dimensions."""
    return torch.view_as_real(x).flatten(-2)
