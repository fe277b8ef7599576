"""Performer: softmax attention by positive orthogonal random features (FAVOR+).

Choromanski et al., "Rethinking Attention with Performers", ICLR 2021, lemma 1 and section 2.4.
"""

# ruff: noqa: ARG002

from __future__ import annotations

import torch
from torch import Tensor

from suite.attention.kernel import KernelAttention
from suite.attention.module import at_least_one
from suite.attention.patterns import ALL_PATTERNS, Pattern


class Performer(KernelAttention):
    """exp(q . k / sqrt(d)) = E[phi(q) . phi(k)], phi(x) = exp(W x' - |x'|^2 / 2) / sqrt(m), x' = x d^(-1/4).

    Args:
        features: m, rows of W. They are drawn once and stored with the weights.
    """

    name = "performer"
    patterns = ALL_PATTERNS
    floor = 1e-30

    def __init__(self, dim: int, heads: int, pattern: Pattern | str, max_len: int, features: int = 64) -> None:
        super().__init__(dim, heads, pattern, max_len)
        at_least_one(features=features)
        self.register_buffer("rows", orthogonal_gaussian(features, self.head_dim))

    def features(self, x: Tensor, start: int, *, is_query: bool) -> Tensor:
        x = x * x.shape[-1] ** -0.25
        logits = x @ self.get_buffer("rows").T - x.square().sum(-1, keepdim=True) / 2
        # A query's own maximum cancels in the ratio. A maximum over keys would let later keys change earlier outputs
        # by rounding; none is needed, since a logit of a key is at most |w|^2 / 2.
        if is_query:
            logits = logits - logits.detach().amax(-1, keepdim=True)
        return logits.exp_() * len(self.get_buffer("rows")) ** -0.5


def orthogonal_gaussian(rows: int, d: int) -> Tensor:
    """(rows, d): blocks of d orthogonal directions, with the lengths of Gaussian vectors."""
    blocks = [torch.linalg.qr(torch.randn(d, d))[0].T for _ in range(-(-rows // d))]
    return torch.cat(blocks)[:rows] * torch.randn(rows, d).norm(dim=1, keepdim=True)
