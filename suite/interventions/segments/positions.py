"""Importance of segments, and the positions that follow from it: pure functions on tensors.

Wang et al., "Eliminating Position Bias of Language Models: A Mechanistic Approach", ICLR 2025 (arXiv 2407.01100),
section 3. All importances are logarithms, which neither overflow nor underflow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch

from suite.interventions.segments.layout import Layout


@dataclass(frozen=True, slots=True)
class Geometry:
    """A layout as tensors on a device; k segments of E tokens together, the longest of L.

    Attributes:
        lengths: (k,) tokens of each segment.
        starts: (k,) ordinary position of each segment's first token.
        owner: (E,) segment of each token.
        within: (E,) place of each token in its segment.
        padded: (k * L,) place in 0..E-1 of each token, segments padded to L with a place that is not read.
        hidden: (k, L) true at padding.
    """

    layout: Layout
    lengths: torch.Tensor
    starts: torch.Tensor
    owner: torch.Tensor
    within: torch.Tensor
    padded: torch.Tensor
    hidden: torch.Tensor


@lru_cache(maxsize=8)  # one layout is asked for once a layer and token
@torch.inference_mode(False)  # or else what one call caches could not be used where gradients are taken
def geometry(layout: Layout, device: torch.device) -> Geometry:
    """The tensors of `layout`."""
    lengths = torch.tensor(layout.segments, device=device)
    starts = torch.tensor(layout.starts, device=device)
    owner = torch.repeat_interleave(lengths)
    within = torch.arange(len(owner), device=device) + layout.prefix - starts[owner]
    place = torch.arange(max(layout.segments), device=device)
    hidden = place >= lengths[:, None]
    padded = (starts[:, None] - layout.prefix + place).masked_fill(hidden, 0).flatten()
    return Geometry(layout, lengths, starts, owner, within, padded, hidden)


def segment_bases(ranking: torch.Tensor, lengths: torch.Tensor, end: int) -> torch.Tensor:
    """Position of each segment's first token when segments are laid out backwards from `end`, the highest nearest.

    Args:
        ranking: (..., k) what segments are ranked by; of equal ones the first comes first.
        lengths: (k,) tokens of each segment.

    Returns:
        (..., k) positions.
    """
    order = ranking.argsort(dim=-1, descending=True, stable=True)
    return torch.empty_like(order).scatter_(-1, order, end - lengths[order].cumsum(-1))


def log_mean_exp(scores: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """(..., k) log of the mean of exp(score) over each segment's tokens.

    Without the division by its length a segment would be important for being long.

    Args:
        scores: (..., k, L) minus infinity at padding.
        lengths: (k,) tokens of each segment.
    """
    return scores.logsumexp(-1) - lengths.to(scores.dtype).log()


def importance_between(log_means: torch.Tensor, shapes: Geometry) -> torch.Tensor:
    """Log importance of segment j for segment i: the softmax of i's tokens over all other segments, averaged over j.

    Args:
        log_means: (..., E, k) `log_mean_exp` of each segment token's scores.

    Returns:
        (..., k, k) rows i; the diagonal, a segment's importance for itself, is infinite.
    """
    k = len(shapes.lengths)
    sums = log_means + shapes.lengths.to(log_means.dtype).log()
    own = torch.nn.functional.one_hot(shapes.owner, k).bool()  # (E, k)
    shares = log_means - sums.masked_fill(own, -torch.inf).logsumexp(-1, keepdim=True)
    rows = [part.logsumexp(-2) for part in shares.split(shapes.layout.segments, dim=-2)]
    return torch.stack(rows, -2).masked_fill_(torch.eye(k, dtype=torch.bool, device=own.device), torch.inf)
