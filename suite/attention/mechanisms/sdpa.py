"""Softmax attention by torch's fused kernel: the same function as `vanilla`, in memory linear in N.

Dao et al., "FlashAttention", NeurIPS 2022. A method that beats only explicit scores is not faster than attention is.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from suite.attention.cache import CachedKeys
from suite.attention.dense import dense, hidden_keys
from suite.attention.patterns import ALL_PATTERNS, Pattern


class Fused(CachedKeys):
    """``torch.nn.functional.scaled_dot_product_attention``."""

    name = "sdpa"
    patterns = ALL_PATTERNS

    def attend(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        is_causal = self.pattern is Pattern.CS
        if padding is None:
            return F.scaled_dot_product_attention(q, k, v, is_causal=is_causal)
        # A mask of N x N would cost what the kernel saves. One more dimension hides a key instead: 1 in each query,
        # a large negative number in padded keys.
        away = padding[:, None, :, None].to(k.dtype) * (torch.finfo(k.dtype).min / 100)
        q = torch.cat([q, torch.ones_like(q[..., :1])], -1)
        k = torch.cat([k, away.expand(-1, k.shape[1], -1, -1)], -1)
        scale = v.shape[-1] ** -0.5
        out = F.scaled_dot_product_attention(q, k, F.pad(v, (0, 1)), is_causal=is_causal, scale=scale)
        return out[..., :-1]

    def reference(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        return dense(q, k, v, hidden_keys(self.pattern is Pattern.CS, q.shape[2], padding, q.device))
