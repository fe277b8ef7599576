"""Softmax attention over an interval of keys for each query, in blocks of queries: O(N w) time, O(w^2) memory.

Used by the mechanisms with windows (Beltagy et al., "Longformer", arXiv 2004.05150), which differ in the intervals.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from suite.attention.dense import masked_softmax

_BLOCK = 64  # queries at once, at least: small windows would make many small products


@dataclass(frozen=True, slots=True)
class Extra:
    """Further keys and values (B, H, R, d) beside the window, and which are hidden, broadcastable to (B, H, Nq, R)."""

    k: Tensor
    v: Tensor
    hidden: Tensor


def windowed(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    low: Tensor,
    high: Tensor,
    padding: Tensor | None = None,
    extra: Extra | None = None,
) -> Tensor:
    """Softmax attention of query i over keys low[i] <= j <= high[i] (and the `extra` ones), zero where it sees none.

    Args:
        q: (B, H, Nq, d).
        k: (B, H, Nk, d); `v` likewise.
        low: (Nq,) or (B, Nq), never falling along the queries; may lie outside of the keys. `high` likewise.
        padding: (B, Nk), True = not seen.
    """
    q = q * q.shape[-1] ** -0.5
    low, high = torch.atleast_2d(low), torch.atleast_2d(high)
    n_queries, n_keys = q.shape[2], k.shape[2]
    block = max(_BLOCK, int((high - low).max() + 1) // 2)
    firsts, lasts = low.amin(0).clamp(0, n_keys).tolist(), (high.amax(0) + 1).clamp(0, n_keys).tolist()
    parts = []
    for start in range(0, n_queries, block):
        stop = min(start + block, n_queries)
        rows, keys = slice(start, stop), slice(firsts[start], max(firsts[start], lasts[stop - 1]))
        j = torch.arange(keys.start, keys.stop, device=q.device)
        hidden = ((j < low[:, rows, None]) | (j > high[:, rows, None]))[:, None]  # (B or 1, 1, block, keys)
        if padding is not None:
            hidden = hidden | padding[:, None, None, keys]
        parts.append(_block(q[:, :, rows], k[:, :, keys], v[:, :, keys], hidden, extra, rows))
    return torch.cat(parts, 2)


def _block(q: Tensor, k: Tensor, v: Tensor, hidden: Tensor, extra: Extra | None, rows: slice) -> Tensor:
    """One block of queries, scaled already."""
    if extra is None:
        return masked_softmax(q @ k.mT, hidden) @ v
    beside = extra.hidden if extra.hidden.shape[2] == 1 else extra.hidden[:, :, rows]
    shape = (max(len(hidden), len(beside)), 1, q.shape[2], -1)
    hidden = torch.cat([hidden.expand(shape), beside.expand(shape)], -1)
    weights = masked_softmax(torch.cat([q @ k.mT, q @ extra.k.mT], -1), hidden)
    return weights[..., : k.shape[2]] @ v + weights[..., k.shape[2] :] @ extra.v
