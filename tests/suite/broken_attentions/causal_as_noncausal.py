"""Broken: sold as noncausal, but never looks ahead."""

from suite.attention.dense import dense, hidden_keys
from suite.attention.module import Attention
from suite.attention.patterns import Pattern


class CausalAsNoncausal(Attention):
    name = "causal_as_noncausal"
    patterns = frozenset({Pattern.NS})

    def attend(self, q, k, v, padding):
        return dense(q, k, v, hidden_keys(True, q.shape[2], padding, q.device))
