"""Landmarks: means of consecutive segments of a sequence, over positions that are not padded."""

from __future__ import annotations

import torch
from torch import Tensor


def segment_weights(x: Tensor, count: int, padding: Tensor | None) -> tuple[Tensor, Tensor]:
    """Weights that average `count` segments of nearly equal numbers of valid positions.

    With fewer valid positions than landmarks each position is a segment of its own, and the rest are empty.

    Args:
        x: (B, H, N, d), for its shape and type.
        padding: (B, N), True = padded.

    Returns:
        (B or 1, 1, count, N) weights, and (B or 1, 1, 1, count) True where a landmark is empty.
    """
    n = x.shape[2]
    valid = torch.ones(1, n, dtype=torch.bool, device=x.device) if padding is None else ~padding
    lengths = valid.sum(-1, keepdim=True)
    segments = (valid.cumsum(-1) - 1) * count // lengths.clamp_min(count)
    landmarks = torch.arange(count, device=x.device)
    member = (segments[:, None] == landmarks[:, None]) & valid[:, None]  # (B, count, N)
    sizes = member.sum(-1, keepdim=True)
    weights = member.to(x.dtype) / sizes.clamp_min(1)
    return weights[:, None], (sizes == 0).mT[:, None]
