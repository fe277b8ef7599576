"""Broken: queries are centred by their mean, so that queries to come change outputs that were given."""

from suite.attention.dense import dense
from suite.attention.module import Attention
from suite.attention.patterns import Pattern


class CCLeak(Attention):
    name = "cc_leak"
    patterns = frozenset({Pattern.CC})

    def attend(self, q, k, v, padding):
        return dense(q - q.mean(2, keepdim=True), k, v, None if padding is None else padding[:, None, None])
