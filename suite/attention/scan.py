"""Causal linear attention in chunks: what Performer, cosFormer and ABC share.

Within a chunk the products are formed explicitly, before it a running sum stands for all that came: O(N C) time for
chunks of C instead of O(N^2), and matrix products instead of N small steps. Hua et al., "Transformer Quality in Linear
Time", ICML 2022, section 3.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

CHUNK = 64


def causal_product(a: Tensor, b: Tensor, c: Tensor, chunk: int = CHUNK) -> Tensor:
    """tril(a b') c without an N x N matrix: row i is the sum over j <= i of (a_i . b_j) c_j.

    Args:
        a: (B, H, N, m); `b` likewise.
        c: (B, H, N, e).

    Returns:
        (B, H, N, e).
    """
    n = a.shape[2]
    if n <= chunk:
        return (a @ b.mT).tril_() @ c
    rest = -n % chunk
    a, b, c = (
        F.pad(x, (0, 0, 0, rest)).unflatten(2, (-1, chunk)) if rest else x.unflatten(2, (-1, chunk)) for x in (a, b, c)
    )
    state = (b[:, :, :-1].mT @ c[:, :, :-1]).cumsum(2)  # (B, H, n / C - 1, m, e): sums up to each chunk's end
    out = (a @ b.mT).tril_() @ c
    out[:, :, 1:] += a[:, :, 1:] @ state
    return out.flatten(2, 3)[:, :, :n]


def with_ones(v: Tensor) -> Tensor:
    """`v` with a column of ones, whose weighted sum is the denominator."""
    return F.pad(v, (0, 1), value=1.0)


def divided(sums: Tensor, floor: float) -> Tensor:
    """Weighted sums (..., e + 1) whose last column is the sum of weights -> weighted means (..., e)."""
    return sums[..., :-1] / sums[..., -1:].clamp_min(floor)
