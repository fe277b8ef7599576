"""Broken: its steps forget all but the last key."""

from suite.attention.cache import CachedKeys
from suite.attention.dense import dense, hidden_keys
from suite.attention.patterns import Pattern


class WrongSteps(CachedKeys):
    name = "wrong_steps"
    patterns = frozenset({Pattern.CS})

    def attend(self, q, k, v, padding):
        return dense(q, k, v, hidden_keys(True, q.shape[2], padding, q.device))

    def advance(self, q, k, v, state):
        return dense(q, k, v), state
