"""cosFormer: linear attention with ReLU features and a cosine weight of distance.

Qin et al., "cosFormer: Rethinking Softmax in Attention", ICLR 2022, equations 10 to 12, with one change: positions are
scaled by the constant `max_len`, not by the longer of the two sequences, so that an output does not depend on how
long the sequence becomes, and the mechanism is causal in all four patterns.
"""

# ruff: noqa: ARG002

from __future__ import annotations

import math

import torch
from torch import Tensor

from suite.attention.kernel import KernelAttention
from suite.attention.patterns import ALL_PATTERNS


class CosFormer(KernelAttention):
    """Weight relu(q_i) . relu(k_j) cos(pi (i - j) / 2M), M = max_len; longer sequences are refused."""

    name = "cosformer"
    patterns = ALL_PATTERNS
    is_bounded = True
    floor = 1e-6

    def features(self, x: Tensor, start: int, *, is_query: bool) -> Tensor:
        self.check_length(start + x.shape[2])
        positions = torch.arange(start + 1, start + 1 + x.shape[2], device=x.device, dtype=x.dtype)
        angles = positions[:, None] * (math.pi / 2 / self.max_len)
        x = x.relu()
        return torch.cat([x * angles.sin(), x * angles.cos()], -1)
