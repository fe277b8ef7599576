"""Nyströmformer: the matrix of softmax attention from its rows and columns at landmarks.

Xiong et al., "Nyströmformer: A Nyström-based Algorithm for Approximating Self-Attention", AAAI 2021, equations 10 to
14, without its convolution over values. Noncausal only: landmarks pool all positions, padded ones left out.
"""

from __future__ import annotations

import torch
from torch import Tensor

from suite.attention.dense import dense, masked_softmax
from suite.attention.landmarks import segment_weights
from suite.attention.module import Attention, at_least_one
from suite.attention.patterns import Pattern

# The iteration squares what rounding adds to an ill-conditioned matrix: with 20 the error grows beyond 1, with 6 it
# does not.
_ITERATIONS = 6


class Nystrom(Attention):
    """softmax(q K'^T) pinv(softmax(Q' K'^T)) softmax(Q' k^T) v; exact softmax up to as many keys as landmarks.

    Args:
        landmarks: m, segment means Q' and K'.
    """

    name = "nystrom"
    patterns = frozenset({Pattern.NS})

    def __init__(self, dim: int, heads: int, pattern: Pattern | str, max_len: int, landmarks: int = 32) -> None:
        super().__init__(dim, heads, pattern, max_len)
        at_least_one(landmarks=landmarks)
        self.landmarks = landmarks

    def attend(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        weights, empty = segment_weights(k, self.landmarks, padding)
        q_marks, k_marks = weights @ q, weights @ k
        is_exact = empty.any(-1) | (k.shape[2] <= self.landmarks)  # then each landmark is a token
        if is_exact.all():
            return dense(q, k_marks, weights @ v, empty)
        scale, padded = self.head_dim**-0.5, None if padding is None else padding[:, None, None]
        middle = masked_softmax(q_marks @ k_marks.mT * scale, empty)
        right = masked_softmax(q_marks @ k.mT * scale, padded) @ v
        out = masked_softmax(q @ k_marks.mT * scale, empty) @ (pseudo_inverse(middle) @ right)
        if is_exact.any():
            out = torch.where(is_exact[..., None], dense(q, k_marks, weights @ v, empty), out)
        return out

    def reference(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor | None:
        """Only with no more keys than landmarks, where it is softmax attention."""
        if k.shape[2] > self.landmarks:
            return None
        return dense(q, k, v, None if padding is None else padding[:, None, None])


def pseudo_inverse(a: Tensor) -> Tensor:
    """Approximate pseudo-inverse of matrices (..., m, m): a cubic Newton-like iteration (Razavi et al., 2014)."""
    identity = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    norm = (a.abs().sum(-2).amax(-1) * a.abs().sum(-1).amax(-1)).clamp_min(1.0)  # 0 where all keys are padded
    z = a.mT / norm[..., None, None]
    for _ in range(_ITERATIONS):
        az = a @ z
        z = z @ (13 * identity - az @ (15 * identity - az @ (7 * identity - az))) / 4
    return z
