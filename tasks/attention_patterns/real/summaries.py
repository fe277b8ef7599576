"""Multi-News (Fabbri et al. 2019) as words: articles and their summary, over the commonest words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tasks.attention_patterns.generators.sum_salient import END, MARK
from tasks.attention_patterns.real.texts import read_rows
from tasks.attention_patterns.records import PARTS, Part, Record, Source, places

WORDS = 8192  # of the vocabulary, unknown words and the end included
UNKNOWN = MARK  # what reads a summary ends at END, where the twin has it
_MOST = 5000  # rows of each part
_ADVICE = "Multi-News is on the hub as multi_news; columns document and summary are read"


@dataclass(frozen=True, slots=True, eq=False)
class Summaries:
    """Pairs of token ids, each cut to the longest that the size has."""

    pairs: tuple[tuple[tuple[np.ndarray, np.ndarray], ...], ...]  # by part
    longest: tuple[int, int]

    @property
    def tokens(self) -> int:
        return WORDS

    @property
    def channels(self) -> int:
        return 0

    def record(self, part: Part, seed: int, index: int) -> Record:
        at = PARTS.index(part)
        own = self.pairs[at]
        chosen = int(np.random.default_rng([at, seed, index]).integers(len(own))) if part == "train" else index
        source, summary = own[chosen % len(own)]
        source, summary = source[: self.longest[0]], np.append(summary[: self.longest[1] - 1], END)
        scored = np.ones(len(summary), dtype=bool)
        return Record(source, summary, scored, places(len(source)), places(len(summary)))


def read(place: str, twin: Source) -> Summaries:
    """Articles and summaries from a folder or the hub.

    Raises:
        DataMissing, UserError: as `texts.read_rows`.
    """
    rows = read_rows(place, ("document", "summary"), _ADVICE, _MOST)
    counts = Counter(word for row in rows["train"] for text in row.values() for word in _words(text))
    free = [number for number in range(WORDS) if number not in (END, UNKNOWN)]
    ids = dict(zip((word for word, _ in counts.most_common(len(free))), free, strict=False))
    pairs = tuple(
        tuple((_encoded(row["document"], ids), _encoded(row["summary"], ids)) for row in rows[part]) for part in PARTS
    )
    return Summaries(pairs, twin.longest)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", str(text).lower())


def _encoded(text: str, ids: Mapping[str, int]) -> np.ndarray:
    return np.array([ids.get(word, UNKNOWN) for word in _words(text)], dtype=np.int64)
