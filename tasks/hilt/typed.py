"""Typed values: what an answer says as a number, year, name or quotation, and when it equals the right value.

Names are compared without accents, case and little words ("the office for tidal kilns"); further words are suffered up
to four, not counting words of the question, so that whole-sentence answers pass.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from suite.judges.mentions import fold
from suite.judges.number_words import with_digits
from suite.judges.sentences import plain

SlotType = Literal["acronym", "number", "place", "year", "person", "quote"]
MOST_EXTRA = 4  # words around a name
LEAST_QUOTED = 4  # words in a row that make a quotation
_VAGUE = re.compile(
    r"\b(?:several|some|few|many|dozens?|hundreds|thousands|millions)\s+(?:of\s+)?(?:hundreds?|thousands?|millions?)?\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_YEAR = re.compile(r"(?<![\d.,])\d{4}(?![\d]|s\b|[.,]\d)")
_ACRONYM = re.compile(r"[A-Z][A-Z.&-]{1,9}")
_QUOTED = re.compile(r'"([^"]+)"')


def equals(type: SlotType, answer: str, gold: object, question: str = "") -> bool:
    """Whether `answer` gives the value `gold`.

    Args:
        answer: one line, without its label.
        gold: text or a whole number.
        question: the line's label; its words in the answer are no further words.
    """
    match type:
        case "number" | "year":
            found = values(type, answer)
            return bool(found) and set(found) == {_number(str(gold))}
        case "quote":
            said, true = _said(answer), _words(str(gold))
            is_part = len(said.split()) >= LEAST_QUOTED and f" {said} " in f" {true} "
            return bool(said) and (said == true or is_part)
        case _:
            return holds_name(answer, str(gold), question)


def values(type: SlotType, answer: str) -> list[str]:
    """The values of a type that an answer holds, in one notation; of a name or quotation, the answer as a whole."""
    match type:
        case "number":
            return [_number(found) for found in _NUMBER.findall(with_digits(_VAGUE.sub(" ", plain(answer))))]
        case "year":
            return _YEAR.findall(with_digits(plain(answer)))
        case "quote":
            return [said] if (said := _said(answer)) else []
        case "acronym" if _ACRONYM.fullmatch(answer.strip(" .\"'")):
            return []  # the acronym itself explains nothing
        case _:
            return [name] if (name := fold(answer)) else []


def holds_name(answer: str, name: str, question: str = "") -> bool:
    """Whether `answer` is `name`, or holds it with at most `MOST_EXTRA` words that are not of the question."""
    said, sought = fold(answer), fold(name)
    if not sought or f" {sought} " not in f" {said} ":
        return said == sought != ""
    asked = set(fold(question).split())
    extra = [word for word in f" {said} ".replace(f" {sought} ", " ", 1).split() if word not in asked]
    return len(extra) <= MOST_EXTRA


def is_family_name(answer: str, name: str, names: Sequence[str]) -> bool:
    """Whether `answer` is the last word of `name`, and of no other of `names`."""
    family = fold(name).split()[-1:]
    same = {fold(other) for other in (*names, name) if fold(other).split()[-1:] == family}
    return fold(answer).split() == family and len(same) == 1


def occurs(type: SlotType, value: str, text: str) -> bool:
    """Whether a value, as `values` gives it, occurs in a text that the model was shown."""
    match type:
        case "number" | "year":
            return value in values(type, text)
        case "quote":
            return f" {value} " in f" {_words(text)} "
        case _:
            return f" {value} " in f" {fold(text)} "


def _said(answer: str) -> str:
    """The words of a quotation: what stands between quotation marks if anything does."""
    text = plain(answer)
    found = _QUOTED.search(text)
    return _words(found[1] if found else text)


def _words(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", plain(text).replace("'", "").casefold()))


def _number(text: str) -> str:
    """333 and 333.0 are one number."""
    return f"{Decimal(text).normalize():f}"
