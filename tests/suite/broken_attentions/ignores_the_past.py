"""Broken: a running normaliser over keys that are never summed; each output is its own value, scaled."""

from suite.attention.module import Attention
from suite.attention.patterns import Pattern


class IgnoresThePast(Attention):
    name = "ignores_the_past"
    patterns = frozenset({Pattern.CS})

    def attend(self, q, k, v, padding):
        weight = (q * k).mean(-1, keepdim=True).sigmoid()
        if padding is not None:
            weight = weight.masked_fill(padding[:, None, :, None], 0.0)
        return v * weight / weight.cumsum(2).clamp_min(1e-6)
