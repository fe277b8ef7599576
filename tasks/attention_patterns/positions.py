"""Position schemes that live inside an attention: rotated queries and keys, or a bias that grows with distance.

Rotary embedding after Su et al., "RoFormer", 2021; ALiBi after Press, Smith and Lewis, "Train short, test long", ICLR
2022. Both act on queries and keys before the mechanism sees them. ALiBi needs logits that a softmax is taken of, which
`twins.LOGITS` have; its bias m (j - i) is then, but for a term alike for all keys, a further entry of both.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from suite.attention import Attention

_WAVES = 10_000.0


class Positioned(nn.Module):
    """A self attention whose queries and keys are told their places.

    Args:
        scheme: "rotary" or "alibi".
    """

    def __init__(self, attention: Attention, scheme: str) -> None:
        super().__init__()
        self.attention, self.scheme = attention, scheme

    def forward(self, x: Tensor, x_kv: Tensor | None = None, *, key_padding_mask: Tensor | None = None) -> Tensor:
        """As the attention's own."""
        q, k, v, padding = self.attention.project(x, x_kv, key_padding_mask)
        told = (rotated(q), rotated(k)) if self.scheme == "rotary" else biased(q, k)
        out: Tensor = self.attention.out_proj(self.attention.attend(*told, v, padding).transpose(1, 2).flatten(2))
        return out


def positioned(attention: Attention, scheme: str) -> nn.Module:
    """The attention with a scheme of its own, or as it is where the scheme is the backbone's."""
    return Positioned(attention, scheme) if scheme in ("rotary", "alibi") else attention


def rotated(x: Tensor) -> Tensor:
    """(B, H, N, d), d even: each pair of entries turned by an angle that grows with the place."""
    half = x.shape[-1] // 2
    rates = torch.exp(torch.arange(half, device=x.device) * (-math.log(_WAVES) / half))
    angles = torch.arange(x.shape[2], device=x.device)[:, None] * rates  # (N, d / 2)
    first, second = x[..., :half], x[..., half:]
    sine, cosine = angles.sin(), angles.cos()
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], dim=-1)


def biased(q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """Queries and keys (B, H, N, d + 1) whose scaled products are those of (B, H, N, d) plus m j for key j.

    The slopes m are 2^(-8 h / H) for head h of H, counted from 1.
    """
    heads, n, d = q.shape[1:]
    slopes = 2.0 ** (-8.0 * torch.arange(1, heads + 1, device=q.device) / heads)
    grown = math.sqrt(d + 1)  # the mechanism will divide by it instead of by sqrt(d)
    bias = (slopes[:, None] * torch.arange(n, device=q.device)).expand(len(q), heads, n)[..., None]
    return torch.cat([q * (grown / math.sqrt(d)), torch.full_like(bias, grown)], -1), torch.cat([k, bias], -1)
