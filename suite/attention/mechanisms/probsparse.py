"""ProbSparse attention: only the queries whose scores stand out attend; the others get the mean of the values.

Zhou et al., "Informer: Beyond Efficient Transformer for Long Sequence Time-Series Forecasting", AAAI 2021, equations 2
to 4. What is sampled is drawn once and stored with the weights, so that two passes agree, and only keys that are not
padded are sampled and averaged. Neighbouring queries share their sample: for each query it is as random as before, and
matrix products replace gathered pairs. Noncausal only: selection looks at all queries.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from suite.attention.dense import dense
from suite.attention.module import Attention, at_least_one
from suite.attention.patterns import Pattern

_BLOCK = 32  # queries that share a sample


class ProbSparse(Attention):
    """The u = c ln N queries with the largest max - mean over c ln N sampled scores.

    Args:
        factor: c.
    """

    name = "probsparse"
    patterns = frozenset({Pattern.NS})
    is_bounded = True

    def __init__(self, dim: int, heads: int, pattern: Pattern | str, max_len: int, factor: int = 5) -> None:
        super().__init__(dim, heads, pattern, max_len)
        at_least_one(factor=factor)
        self.factor = factor
        self.register_buffer("draws", torch.rand(-(-max_len // _BLOCK), self._share(max_len)))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        self.check_length(q.shape[2])
        batch, _, n, _ = q.shape
        padded = torch.zeros(batch, n, dtype=torch.bool, device=q.device) if padding is None else padding
        lengths = (~padded).sum(-1)
        shares = torch.tensor([self._share(int(length)) for length in lengths], device=q.device)
        share = int(shares.max())
        spread = self._spread(q, k, padded, lengths, shares).masked_fill(padded[:, None], -math.inf)
        chosen = spread.topk(share, dim=-1).indices  # (B, H, u)
        rows = chosen[..., None].expand(-1, -1, -1, q.shape[-1])
        active = dense(q.gather(2, rows), k, v, None if padding is None else padding[:, None, None])
        mean = (v * ~padded[:, None, :, None]).sum(2, keepdim=True) / lengths.clamp_min(1)[:, None, None, None]
        # a shorter sequence has fewer active queries than the longest of the batch
        extra = (torch.arange(share, device=q.device) >= shares[:, None])[:, None, :, None]
        return mean.expand_as(v).scatter(2, rows, torch.where(extra, mean, active))

    def _share(self, length: int) -> int:
        """c ln N, at least 1 and at most N."""
        return max(1, min(length, math.ceil(self.factor * math.log(max(length, 1)))))

    def _spread(self, q: Tensor, k: Tensor, padded: Tensor, lengths: Tensor, shares: Tensor) -> Tensor:
        """(B, H, N): max - mean of each query's scores with its sampled keys."""
        n, share = q.shape[2], int(shares.max())
        blocks = F.pad(q, (0, 0, 0, -n % _BLOCK)).unflatten(2, (-1, _BLOCK))  # (B, H, n / C, C, d)
        picks = (self.get_buffer("draws")[: blocks.shape[2], :share] * lengths[:, None, None]).long()  # (B, n / C, u)
        valid_first = padded.int().argsort(dim=-1, stable=True)  # positions, the padded ones last
        rows = valid_first.gather(1, picks.flatten(1))[:, None, :, None].expand(-1, k.shape[1], -1, k.shape[3])
        scores = blocks @ k.gather(2, rows).unflatten(2, (-1, share)).mT  # (B, H, n / C, C, u)
        idle = (torch.arange(share, device=q.device) >= shares[:, None])[:, None, None, None]
        mean = scores.masked_fill(idle, 0.0).sum(-1) / shares[:, None, None, None]
        return (scores.masked_fill(idle, -math.inf).amax(-1) - mean).flatten(2)[:, :, :n]
