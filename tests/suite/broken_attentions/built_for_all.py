"""Broken: is built for patterns that it does not declare."""

from suite.attention.dense import dense, hidden_keys
from suite.attention.module import Attention
from suite.attention.patterns import Pattern


class BuiltForAll(Attention):
    name = "built_for_all"
    patterns = frozenset({Pattern.CS})

    def __init__(self, dim, heads, pattern, max_len):
        super().__init__(dim, heads, Pattern.CS, max_len)

    def attend(self, q, k, v, padding):
        return dense(q, k, v, hidden_keys(True, q.shape[2], padding, q.device))
