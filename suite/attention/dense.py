"""Softmax attention with explicit scores: the reference of every mechanism, and the blocks of those with windows.

Vaswani et al., "Attention Is All You Need", NeurIPS 2017, equation 1.
"""

from __future__ import annotations

import torch
from torch import Tensor


def dense(q: Tensor, k: Tensor, v: Tensor, hidden: Tensor | None = None) -> Tensor:
    """softmax(q k' / sqrt(d)) v, zero where a query sees no key.

    Args:
        q: (B, H, Nq, d).
        k: (B, H, Nk, d); `v` likewise.
        hidden: broadcastable to (B, H, Nq, Nk), True where the key is not seen.
    """
    return masked_softmax(q @ (k * q.shape[-1] ** -0.5).mT, hidden) @ v


def masked_softmax(scores: Tensor, hidden: Tensor | None) -> Tensor:
    """Softmax over the last axis without the hidden entries, zero in rows that are hidden whole; writes into `scores`.

    Not with -inf: a row of nothing else is NaN, and its gradient too, even if it is replaced afterwards.
    """
    if hidden is None:
        return scores.softmax(-1)
    weights = scores.masked_fill_(hidden, torch.finfo(scores.dtype).min).softmax(-1)
    nothing = hidden.all(-1, keepdim=True)
    return weights.masked_fill(nothing, 0.0) if nothing.any() else weights


def later(n: int, device: torch.device) -> Tensor:
    """(n, n), True where a key comes after the query."""
    return torch.ones(n, n, dtype=torch.bool, device=device).triu_(1)


def hidden_keys(is_causal: bool, n_queries: int, padding: Tensor | None, device: torch.device) -> Tensor | None:
    """What a query must not see, broadcastable to (B, H, Nq, Nk): keys to come in a causal pattern, padded ones.

    Args:
        is_causal: keys are those of the queries' own positions, and later ones are hidden (pattern CS).
        padding: (B, Nk), True = padded.
    """
    padded = None if padding is None else padding[:, None, None]
    if not is_causal:
        return padded
    future = later(n_queries, device)
    return future if padded is None else future | padded
