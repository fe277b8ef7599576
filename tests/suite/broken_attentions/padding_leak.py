"""Broken: padded keys are averaged with the others."""

from suite.attention.dense import dense
from suite.attention.module import Attention
from suite.attention.patterns import Pattern


class PaddingLeak(Attention):
    name = "padding_leak"
    patterns = frozenset({Pattern.NS})

    def attend(self, q, k, v, padding):
        return dense(q, k, v)
