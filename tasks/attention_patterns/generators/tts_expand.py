"""Symbols that last two to six frames each: the target fades from one symbol's template to the next, per speaker."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tasks.attention_patterns.generators import constants, generator, rounded
from tasks.attention_patterns.records import Part, Record

SYMBOLS, SPEAKERS, CHANNELS = 32, 8, 16
_OFFSET = 0.5  # size of a speaker's offset, in units of the templates


@dataclass(frozen=True)
class TtsExpand:
    """The first token names the speaker, whose offset is on every frame.

    Durations are given, as to FastSpeech 2: each frame knows which symbol it is of, and how far that has come.

    Attributes:
        length: tokens, the speaker included; frames: of the longest target.
    """

    length: int = 40
    frames: int = 160
    tokens: int = SYMBOLS + SPEAKERS
    channels: int = CHANNELS

    @cached_property
    def _sounds(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(SYMBOLS, CHANNELS) templates, (SYMBOLS,) durations in frames, (SPEAKERS, CHANNELS) offsets."""
        rng = constants("tts_expand")
        templates = rng.standard_normal((SYMBOLS, CHANNELS))
        return templates, 2 + np.arange(SYMBOLS) % 5, _OFFSET * rng.standard_normal((SPEAKERS, CHANNELS))

    @property
    def longest(self) -> tuple[int, int]:
        return self.length, self.frames

    def record(self, part: Part, seed: int, index: int) -> Record:
        rng = generator("tts_expand", part, seed, index)
        templates, durations, offsets = self._sounds
        speaker, symbols = int(rng.integers(SPEAKERS)), rng.integers(SYMBOLS, size=self.length - 1)
        lasting = durations[symbols]
        begins = np.cumsum(lasting) - lasting
        symbol_at = np.repeat(np.arange(len(symbols)), lasting)  # of each frame
        progress = (np.arange(len(symbol_at)) - begins[symbol_at]) / lasting[symbol_at]
        after = np.minimum(symbol_at + 1, len(symbols) - 1)
        frames = templates[symbols[symbol_at]] * (1 - progress[:, None]) + templates[symbols[after]] * progress[:, None]
        frames = rounded(frames + offsets[speaker])[: self.frames]
        source = np.concatenate([[SYMBOLS + speaker], symbols])
        source_at = np.stack([np.arange(len(source)), np.zeros(len(source))], axis=1).astype(np.float32)
        target_at = np.stack([symbol_at + 1, np.arange(len(symbol_at)) - begins[symbol_at]], axis=1).astype(np.float32)
        distance = len(symbols)  # from the last symbol to the speaker
        return Record(source, frames, np.ones(len(frames), dtype=bool), source_at, target_at[: len(frames)], distance)
