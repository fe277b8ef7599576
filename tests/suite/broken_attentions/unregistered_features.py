"""Broken: random features that are drawn at construction and are not stored with the weights."""

from suite.attention.kernel import KernelAttention
from suite.attention.mechanisms.performer import orthogonal_gaussian
from suite.attention.patterns import ALL_PATTERNS


class UnregisteredFeatures(KernelAttention):
    name = "unregistered_features"
    patterns = ALL_PATTERNS
    floor = 1e-30

    def __init__(self, dim, heads, pattern, max_len):
        super().__init__(dim, heads, pattern, max_len)
        self.rows = orthogonal_gaussian(64, self.head_dim)

    def features(self, x, start, *, is_query):
        return (x / 2 @ self.rows.T.to(x) - x.square().sum(-1, keepdim=True) / 8).exp()
