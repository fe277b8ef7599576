"""A motif of random length, repeated with noise: a causal model must look one period back to predict what is next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.attention_patterns.generators import generator
from tasks.attention_patterns.records import Part, Record, places

SYMBOLS = 64


@dataclass(frozen=True, slots=True)
class LmPeriodic:
    """Tokens after the first period are scored; chance is a perplexity of 64.

    Attributes:
        periods: shortest and longest period; a window below the shortest sees nothing that helps.
        noise: share of tokens replaced by random ones.
    """

    length: int = 128
    periods: tuple[int, int] = (20, 48)
    noise: float = 0.03
    tokens: int = SYMBOLS
    channels: int = 0

    @property
    def longest(self) -> tuple[int, int]:
        return self.length, self.length

    def record(self, part: Part, seed: int, index: int) -> Record:
        rng = generator("lm_periodic", part, seed, index)
        period = int(rng.integers(self.periods[0], self.periods[1] + 1))
        motif = rng.integers(SYMBOLS, size=period)
        tokens = np.tile(motif, -(-self.length // period))[: self.length]
        noisy = rng.random(self.length) < self.noise
        tokens = np.where(noisy, rng.integers(SYMBOLS, size=self.length), tokens)
        at = places(self.length)
        return Record(tokens, tokens, np.arange(self.length) >= period, at, at, distance=period)
