"""Four mixed channels with two seasons, a trend and autoregressive noise: the past is given, the future wanted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tasks.attention_patterns.generators import constants, generator, rounded
from tasks.attention_patterns.records import Part, Record, places

CHANNELS, SEASONS = 4, (24, 168)
_MEMORY, _NOISE = 0.7, 0.15  # of the noise: share that stays from step to step, and its new part


@dataclass(frozen=True)
class LstfSeasonal:
    """Amplitudes, phases and trend of each latent series differ between records; the mixing is one for all."""

    past: int = 96
    future: int = 96
    tokens: int = 0
    channels: int = CHANNELS

    @cached_property
    def _mixing(self) -> np.ndarray:
        return constants("lstf_seasonal").standard_normal((CHANNELS, CHANNELS)) / np.sqrt(CHANNELS)

    @property
    def longest(self) -> tuple[int, int]:
        return self.past, self.future

    def record(self, part: Part, seed: int, index: int) -> Record:
        rng = generator("lstf_seasonal", part, seed, index)
        time = np.arange(self.past + self.future)
        latent = np.zeros((len(time), CHANNELS))
        for season in SEASONS:
            phase, size = rng.random(CHANNELS), rng.uniform(0.5, 1.5, CHANNELS)
            latent += size * np.sin(2 * np.pi * (time[:, None] / season + phase))
        latent += np.outer(time / len(time) - 0.5, rng.standard_normal(CHANNELS))
        fresh = _NOISE * rng.standard_normal(latent.shape)
        for step in range(1, len(fresh)):
            fresh[step] += _MEMORY * fresh[step - 1]
        values = rounded((latent + fresh) @ self._mixing)
        past, future = values[: self.past], values[self.past :]
        scored = np.ones(self.future, dtype=bool)
        return Record(past, future, scored, places(self.past), places(self.future, self.past), distance=SEASONS[0])
