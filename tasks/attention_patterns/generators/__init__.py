"""The offline twins: seven generated tasks, one a module, each with a class that is a `Source` of records.

A record depends on (part, seed, index) alone; numbers are rounded, so that platforms whose sine differs in the last
digit give the same bytes.
"""

from __future__ import annotations

import numpy as np

from tasks.attention_patterns.records import PARTS, Part

_DIGITS = 4


def generator(name: str, part: Part, seed: int, index: int) -> np.random.Generator:
    """The random numbers of one record."""
    return np.random.default_rng([*name.encode(), PARTS.index(part), seed, index])


def constants(name: str) -> np.random.Generator:
    """The random numbers of what all records of a task share."""
    return np.random.default_rng([*name.encode()])


def rounded(values: np.ndarray) -> np.ndarray:
    """As float32 with so few digits that platforms agree."""
    return np.round(values, _DIGITS).astype(np.float32)
