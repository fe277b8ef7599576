"""LARA: randomised attention with a few proposal distributions that all queries share.

Zheng et al., "Linear Complexity Randomized Self-attention Mechanism", ICML 2022, section 4. Softmax attention is an
expectation over omega; it is estimated by self-normalised importance sampling with one draw from each of C Gaussians
around landmarks. Each draw is weighted by the balance heuristic and by how near its landmark is to the query, half
and half, so that the weights of a query are positive and sum to one over the proposals at every omega.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from suite.attention.dense import masked_softmax
from suite.attention.landmarks import segment_weights
from suite.attention.module import Attention, at_least_one
from suite.attention.patterns import Pattern


class Lara(Attention):
    """out_i = sum_c w_ic sum_j xi(k_j, omega_c) v_j / the same with v = 1, xi(x, omega) = exp(omega . x - |x|^2 / 2).

    w_ic = a_ic N(omega_c; 0, I) / N(omega_c; mu_c, I) xi(q_i, omega_c), mu_c = the sum of a query and a key landmark.

    Args:
        landmarks: C proposals. Their noise is drawn once and stored with the weights.
    """

    name = "lara"
    patterns = frozenset({Pattern.NS})

    def __init__(self, dim: int, heads: int, pattern: Pattern | str, max_len: int, landmarks: int = 32) -> None:
        super().__init__(dim, heads, pattern, max_len)
        at_least_one(landmarks=landmarks)
        self.landmarks = landmarks
        self.register_buffer("noise", torch.randn(heads, landmarks, self.head_dim))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        q, k, omega, log_weights, empty = self._proposals(q, k, padding)
        # both kernels in logs: two softmaxes, over keys for each draw and over draws for each query
        keys = omega @ k.mT - k.square().sum(-1)[:, :, None] / 2  # (B, H, C, N)
        if padding is not None:
            keys = keys.masked_fill(padding[:, None, None], torch.finfo(k.dtype).min)
        draws = log_weights + q @ omega.mT + keys.logsumexp(-1)[:, :, None]  # |q|^2 / 2 cancels
        return masked_softmax(draws, empty) @ (keys.softmax(-1) @ v)

    def reference(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        """The sums of the formula as they stand, in double precision."""
        q, k, omega, log_weights, empty = (x.double() for x in self._proposals(q, k, padding))
        xi_q = (q @ omega.mT - q.square().sum(-1, keepdim=True) / 2).exp()
        xi_k = (k @ omega.mT - k.square().sum(-1, keepdim=True) / 2).exp()
        if padding is not None:
            xi_k = xi_k * ~padding[:, None, :, None]
        weights = (log_weights.exp() * xi_q * (1 - empty)) @ xi_k.mT
        return (weights @ v.double() / weights.sum(-1, keepdim=True)).to(v)

    def _proposals(self, q: Tensor, k: Tensor, padding: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Scaled q and k, draws (B, H, C, d), ln of weight times density ratio (B, H, N, C), empty proposals."""
        q, k = q * self.head_dim**-0.25, k * self.head_dim**-0.25
        segments, empty = segment_weights(k, self.landmarks, padding)
        q_marks = segments @ q
        centres = q_marks + segments @ k
        omega = centres + self.get_buffer("noise")
        # ln N(omega_c; mu_c', I) up to a constant, (B, H, C, C')
        density = -torch.cdist(omega, centres, compute_mode="donot_use_mm_for_euclid_dist").square() / 2
        balance = masked_softmax(density, empty).diagonal(dim1=-2, dim2=-1)[:, :, None]  # (B, H, 1, C)
        near = masked_softmax(q @ q_marks.mT, empty)
        own = -self.get_buffer("noise").square().sum(-1)[:, None] / 2
        ratio = -omega.square().sum(-1)[:, :, None] / 2 - own
        return q, k, omega, ((balance + near) / 2 + math.exp(-60)).log() + ratio, empty
