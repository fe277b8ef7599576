"""Linear attention with decay in blocks, the Lightning Attention 2 form: normalised output instead of a denominator.

Qin et al., "Lightning Attention-2", arXiv 2401.04658, algorithm 1, with the attention of TransNormerLLM (Qin et al.,
arXiv 2307.14995): activated queries and keys, one rate of decay for each head (ALiBi's slopes), RMS norm of the output.
Within a block of C positions products are formed explicitly, between blocks the state is carried.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from suite.attention.module import Attention, at_least_one
from suite.attention.patterns import Pattern


class Lightning(Attention):
    """out_i = norm(sum_{j <= i} decay^(i - j) (silu(q_i) . silu(k_j)) v_j), decay = exp(-2^(-8 h / H)), h = 1..H.

    Args:
        block: C.
    """

    name = "lightning"
    patterns = frozenset({Pattern.CS})

    def __init__(self, dim: int, heads: int, pattern: Pattern | str, max_len: int, block: int = 64) -> None:
        super().__init__(dim, heads, pattern, max_len)
        at_least_one(block=block)
        self.block = block
        self.register_buffer("rate", torch.exp2(-8 * torch.arange(1, heads + 1) / heads))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        q, k, v = self._activated(q, k, v, padding)
        places = torch.arange(self.block, device=q.device)
        rate = self.get_buffer("rate").to(q)[:, None, None]
        within = (-rate * (places[:, None] - places).clamp_min(0)).exp().tril()  # decay^(i - j), (H, C, C)
        carried, left = (-rate * (places[:, None] + 1)).exp(), (-rate * (self.block - 1 - places[:, None])).exp()
        state = self.begin(len(q))
        parts = []
        for start in range(0, q.shape[2], self.block):
            qs, ks, vs = (x[:, :, start : start + self.block] for x in (q, k, v))
            n = qs.shape[2]
            parts.append((qs @ ks.mT * within[:, :n, :n]) @ vs + (qs * carried[:, :n]) @ state)
            if n == self.block:
                state = state * carried[:, -1:] + (ks * left).mT @ vs
        return _normalised(torch.cat(parts, 2))

    def reference(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        q, k, v = self._activated(q, k, v, padding)
        i = torch.arange(q.shape[2], device=q.device)
        distance = (i[:, None] - i).clamp_min(0)
        decay = (-self.get_buffer("rate").to(q)[:, None, None] * distance).exp().tril()
        return _normalised((q @ k.mT * decay) @ v)

    def begin(self, batch: int) -> Tensor:
        return self.q_proj.weight.new_zeros(batch, self.heads, self.head_dim, self.head_dim)

    def advance(self, q: Tensor, k: Tensor, v: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        q, k, v = self._activated(q, k, v, None)
        state = state * (-self.get_buffer("rate").to(q)[:, None, None]).exp() + k.mT @ v
        return _normalised(q @ state), state

    def _activated(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        if padding is not None:
            v = v.masked_fill(padding[:, None, :, None], 0.0)
        return F.silu(q), F.silu(k), v


def _normalised(out: Tensor) -> Tensor:
    """RMS norm over the head, without weights."""
    return F.rms_norm(out, out.shape[-1:], eps=1e-6)
