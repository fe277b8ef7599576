"""PG-19 (Rae et al. 2020) as bytes: stretches of books for causal and for masked language modelling.

Perplexities are a byte, not a word or sub-word as in the literature; they compare mechanisms, not papers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.attention_patterns.real.texts import read_rows
from tasks.attention_patterns.records import PARTS, Part, Record, Source, places

BYTES, MASK = 256, 256
_MASKED = 0.15
_MOST_BOOKS = 200  # of each part
_ADVICE = "PG-19 is on the hub as Parquet at emozilla/pg19; deepmind/pg19 needs a loading script, which is not run"


@dataclass(frozen=True, slots=True, eq=False)
class Books:
    """Stretches of `length` bytes; with `is_masked` some are hidden and wanted, else each from those before it."""

    books: tuple[tuple[np.ndarray, ...], ...]  # by part
    length: int
    is_masked: bool

    @property
    def tokens(self) -> int:
        return BYTES + self.is_masked

    @property
    def channels(self) -> int:
        return 0

    @property
    def longest(self) -> tuple[int, int]:
        return self.length, self.length

    def record(self, part: Part, seed: int, index: int) -> Record:
        rng = np.random.default_rng([PARTS.index(part), seed, index])
        own = self.books[PARTS.index(part)]
        book = own[int(rng.integers(len(own)))]
        start = int(rng.integers(max(1, len(book) - self.length + 1)))
        target = book[start : start + self.length].astype(np.int64)
        at = places(len(target))
        if not self.is_masked:
            return Record(target, target, at[:, 0] > 0, at, at)
        hidden = rng.random(len(target)) < _MASKED
        return Record(np.where(hidden, MASK, target), target, hidden, at, at)


def read(place: str, twin: Source) -> Books:
    """Books from a folder or the hub, in stretches as long as the twin's.

    Raises:
        DataMissing, UserError: as `texts.read_rows`.
    """
    rows = read_rows(place, ("text",), _ADVICE, _MOST_BOOKS)
    books = tuple(
        tuple(np.frombuffer(str(row["text"]).encode(), dtype=np.uint8) for row in rows[part] if row["text"])
        for part in PARTS
    )
    return Books(books, twin.longest[0], is_masked=type(twin).__name__ == "MlmCopy")
