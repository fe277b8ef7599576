"""A stream of paragraphs with one marked token each: the summary is the marked ones, in order, and an end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.attention_patterns.generators import generator
from tasks.attention_patterns.records import Part, Record, places

SYMBOLS, MARK, END = 16, 16, 17


@dataclass(frozen=True, slots=True)
class SumSalient:
    """The whole target is scored; the marker stands before the token that it marks.

    Paragraphs are equally long, and each token knows the number of its paragraph, as does each place of the target:
    which token is wanted can be told by paragraph and marker, without counting.

    Attributes:
        length: of the stream; summary: of the longest target, its end included.
    """

    length: int = 256
    summary: int = 24
    tokens: int = SYMBOLS + 2
    channels: int = 0

    @property
    def longest(self) -> tuple[int, int]:
        return self.length, self.summary

    def record(self, part: Part, seed: int, index: int) -> Record:
        rng = generator("sum_salient", part, seed, index)
        count = int(rng.integers(2 * self.summary // 3, self.summary))
        tokens = rng.integers(SYMBOLS, size=self.length)
        paragraph = self.length // count
        # a marker never stands on the last place: what it marks is in the same paragraph
        marks = paragraph * np.arange(count) + rng.integers(paragraph - 1, size=count)
        tokens[marks] = MARK
        target = np.append(tokens[marks + 1], END)
        scored = np.ones(len(target), dtype=bool)
        paragraph_of = places(self.length) // paragraph
        return Record(tokens, target, scored, paragraph_of, places(count + 1), paragraph)
