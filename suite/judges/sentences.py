"""Splits text into sentences by rules alone: the same on every machine, with nothing to download."""

from __future__ import annotations

import re
import unicodedata

_ABBREVIATIONS = frozenset(
    "dr mr mrs ms prof st vs etc e.g i.e u.s u.k approx fig jr sr inc ltd co ca c".split()  # noqa: SIM905
)
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'"})
_MARKUP = re.compile(r"\*\*|__|`+|^#{1,6}\s+|^>\s+|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)", re.MULTILINE)
_LIST_MARK = re.compile(r"^\s*(?:[-*•–]|\(?\d{1,2}[.)])\s+")
_END = re.compile(r"[.!?]+[\"')\]]*(?=\s|$)")


def plain(text: str) -> str:
    """`text` in one notation: NFKC, straight quotes, no markdown marks, no commas within numbers."""
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    return re.sub(r"(?<=\d),(?=\d{3}\b)", "", _MARKUP.sub("", text))


def sentences(text: str) -> list[str]:
    """The sentences of `text`, after `plain`; line breaks and list items end a sentence too."""
    found = []
    for line in plain(text).splitlines():
        line = _LIST_MARK.sub("", line)
        line = re.sub(r"([a-z0-9]{2}[.!?])(?=[A-Z][a-z])", r"\1 ", line)
        start = 0
        for end in _END.finditer(line):
            if _ends_here(line, end):
                found.append(line[start : end.end()].strip())
                start = end.end()
        found.append(line[start:].strip())
    return [sentence for sentence in found if sentence]


def _ends_here(line: str, end: re.Match[str]) -> bool:
    rest = line[end.end() :].lstrip()
    if rest[:1].islower():
        return False
    if end.group() != ".":
        return True
    word = line[: end.start()].rsplit(None, 1)[-1:] or [""]
    last = word[0].lstrip("\"'([").lower()
    if last == "no":
        return not rest[:1].isdigit()
    is_initial = len(last) == 1 and last.isalpha()
    return not (is_initial or last in _ABBREVIATIONS or re.fullmatch(r"(?:[a-z]\.)+[a-z]", last))
