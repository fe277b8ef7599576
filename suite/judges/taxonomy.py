"""The kinds of wrong content, in the order in which the first present one is a unit's primary category.

Names and kinds: Rawte et al. 2023 (arXiv 2310.04988). The default degrees are this project's choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from suite.judges.record import Degree

CATEGORIES: Mapping[str, str] = {
    "TW": "a wrong year or era",
    "GE": "a wrong place",
    "VV": "words that nobody said, or that somebody else said",
    "GG": "a wrong or invented person or event",
    "NN": "a wrong number",
    "AA": "a wrong expansion of an acronym",
}
DEFAULT_DEGREE: Mapping[str, Degree] = {
    "TW": "alarming",
    "GE": "alarming",
    "VV": "moderate",
    "GG": "moderate",
    "NN": "mild",
    "AA": "mild",
}


def ordered(categories: Iterable[str]) -> tuple[str, ...]:
    """The known ones of `categories`, each once, the primary one first."""
    present = set(categories)
    return tuple(name for name in CATEGORIES if name in present)
