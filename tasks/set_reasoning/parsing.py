"""Reads the set that a model answered, by fixed rules; what cannot be read is a failure of a named kind."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

FailureKind = Literal["unterminated_reasoning", "empty_response", "truncated", "prose"]

_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)
_ANSWER = re.compile(r"^[\W_]*(?:final )?answer[*_`\s]*[:=](.*)$", re.IGNORECASE)
_BRACES = re.compile(r"\{[^{}]*\}")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
_SPLIT = re.compile(r"[,;|\n]|\band\b")
_ARTICLE = re.compile(r"^(?:the|an?)\s+")
_MARKUP = " \t\"'`*[](){}“”‘’."
_EMPTY = frozenset(["∅", "none", "empty", "empty set", "nothing", "set"])
_MOST_WORDS = 4


@dataclass(frozen=True, slots=True)
class Parsed:
    """The elements that were read; with `failure` set there are none.

    Attributes:
        duplicates: whether an element stood there twice.
    """

    items: frozenset[str] = frozenset()
    duplicates: bool = False
    failure: FailureKind | None = None


def normal(item: str) -> str:
    """The form in which elements are compared."""
    return " ".join(unicodedata.normalize("NFKC", item).casefold().split())


def read_set(text: str, candidates: Collection[str], cut_off: bool = False) -> Parsed:
    """The set in an answer.

    Args:
        candidates: the elements in question, for answers that part them by blanks alone.
        cut_off: the answer ended because of its length.
    """
    text = _THOUGHT.sub("", text)
    if "<think>" in text:
        return Parsed(failure="unterminated_reasoning")
    if not text.strip():
        return Parsed(failure="empty_response")
    line, is_marked = _answer_part(text)
    if cut_off and not is_marked:
        return Parsed(failure="truncated")
    braces = _BRACES.findall(line)
    if braces:
        line = braces[-1]
    parts = [part for part in (_clean(part) for part in _SPLIT.split(line)) if part]
    if all(part in _EMPTY for part in parts):
        return Parsed()
    universe = {normal(item) for item in candidates}
    if len(parts) == 1 and parts[0] not in universe and all(word in universe for word in parts[0].split()):
        parts = parts[0].split()
    if any(len(part.split()) > _MOST_WORDS for part in parts):
        return Parsed(failure="prose")
    return Parsed(frozenset(parts), len(set(parts)) < len(parts))


def _answer_part(text: str) -> tuple[str, bool]:
    """The part of the text that holds the answer, and whether a line says that it does."""
    lines = text.splitlines()
    for number in range(len(lines) - 1, -1, -1):
        if match := _ANSWER.match(lines[number]):
            return (
                match[1] if match[1].strip(_MARKUP + "\\") or _BRACES.search(match[1]) else _after(lines, number)
            ), True
    if braces := _BRACES.findall(text):
        return braces[-1], False
    filled = [line for line in lines if line.strip()]
    bullets: list[str] = []
    for line in reversed(filled):
        if not _BULLET.match(line):
            break
        bullets.insert(0, _BULLET.sub("", line))
    return ("\n".join(bullets) if len(bullets) >= 2 else filled[-1]), False


def _after(lines: Sequence[str], number: int) -> str:
    return "\n".join(_BULLET.sub("", line) for line in lines[number + 1 :])


def _clean(part: str) -> str:
    part = _BULLET.sub("", part)
    if part.strip() in ("∅", "set()"):
        return "∅"
    return _ARTICLE.sub("", normal(part.strip(_MARKUP))).strip(_MARKUP)
