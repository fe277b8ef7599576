"""Broken: a sound core, but `forward` mixes positions before it."""

from suite.attention.dense import dense, hidden_keys
from suite.attention.module import Attention
from suite.attention.patterns import Pattern


class InForward(Attention):
    name = "in_forward"
    patterns = frozenset({Pattern.CS})

    def attend(self, q, k, v, padding):
        return dense(q, k, v, hidden_keys(True, q.shape[2], padding, q.device))

    def forward(self, x_q, x_kv=None, *, key_padding_mask=None):
        return super().forward(x_q + x_q.mean(1, keepdim=True), x_kv, key_padding_mask=key_padding_mask)
