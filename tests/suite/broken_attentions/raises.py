"""Broken: raises where padding is given."""

from suite.attention.dense import dense
from suite.attention.module import Attention
from suite.attention.patterns import Pattern


class Raises(Attention):
    name = "raises"
    patterns = frozenset({Pattern.NC})

    def attend(self, q, k, v, padding):
        if padding is not None:
            raise NotImplementedError("no padding here")
        return dense(q, k, v)
