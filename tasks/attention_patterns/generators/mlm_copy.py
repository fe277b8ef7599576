"""A random string and its copy in permuted blocks, some tokens masked: each is found in the other half."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.attention_patterns.generators import generator
from tasks.attention_patterns.records import Part, Record, places

SYMBOLS, MASK = 24, 24


@dataclass(frozen=True, slots=True)
class MlmCopy:
    """Masked tokens are scored; a token is never masked in both halves. Chance is a perplexity of 24.

    Attributes:
        length: of both halves together.
        block: tokens that stay together in the copy.
    """

    length: int = 256
    block: int = 16
    masked: float = 0.15
    tokens: int = SYMBOLS + 1
    channels: int = 0

    @property
    def longest(self) -> tuple[int, int]:
        return self.length, self.length

    def record(self, part: Part, seed: int, index: int) -> Record:
        rng = generator("mlm_copy", part, seed, index)
        half = self.length // 2
        first = rng.integers(SYMBOLS, size=half)
        origin = np.arange(half).reshape(-1, self.block)[rng.permutation(half // self.block)].ravel()
        tokens = np.concatenate([first, first[origin]])
        twin = np.empty(self.length, dtype=np.int64)  # where the same token stands in the other half
        twin[half:] = origin
        twin[origin] = np.arange(half, self.length)
        masked = rng.random(self.length) < self.masked
        loser = np.where(rng.random(half) < 0.5, np.arange(half), twin[:half])  # of a pair masked in both halves
        masked[loser[masked[:half] & masked[twin[:half]]]] = False
        given = np.where(masked, MASK, tokens)
        at = places(self.length)
        distance = int(np.abs(twin - np.arange(self.length))[masked].min(initial=self.length))
        return Record(given, tokens, masked, at, at, distance=distance)
