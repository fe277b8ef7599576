"""Broken: its mask begins one key too late, so that an output sees the next key."""

import torch

from suite.attention.dense import dense
from suite.attention.module import Attention
from suite.attention.patterns import Pattern


class CausalLeak(Attention):
    name = "causal_leak"
    patterns = frozenset({Pattern.CS})

    def attend(self, q, k, v, padding):
        hidden = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).triu(2)
        return dense(q, k, v, hidden if padding is None else hidden | padding[:, None, None])
