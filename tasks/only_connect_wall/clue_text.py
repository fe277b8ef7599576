"""When two writings of a clue or a connection are the same."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_QUOTES = str.maketrans({"‘": "'", "’": "'", "‛": "'", "´": "'", "`": "'", "“": '"', "”": '"', "„": '"', "…": "..."})
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_NOT_WORDS = re.compile(r"[^\w\s]")
_BLANK = re.compile(r"_+")


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """Compatibility form, lower case, straight quotes, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text.translate(_QUOTES)).casefold().split())


def bare_connection(text: str) -> str:
    """A connection without articles and punctuation; a blank keeps its place, as ``_``."""
    words = _ARTICLES.sub(" ", _NOT_WORDS.sub(" ", _BLANK.sub(" _ ", fold(text))))
    return " ".join(words.split())
