"""From a written answer to what it chose. Pure functions of text; two different choices are no choice.

Letters, verdicts, numbers, documents and pairs; `best_subspan_em` is the rule of Liu et al., arXiv 2307.03172.
"""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

_CUE = re.compile(r"\b(?:answer|option|choice)\b(?:\s+(?:is|was|would be|should be))?\s*:?", re.IGNORECASE)
_JOINED = r"\s*(?:,|/|or|and|,\s*or|,\s*and)\s*"
_AFTER_A = {"is", "was", "because", "since", "and", "or", "as", "would", "seems", "looks"}  # "A is right", no article
_VERDICT = re.compile(r"\[\[([AB])\]\]")
_NUMBER = r"-?\d+(?:,\d{3})*(?:\.\d+)?"
_FINAL = re.compile(rf"^\W*answer\W*?\s*({_NUMBER})", re.IGNORECASE | re.MULTILINE)
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_QUOTED = 20  # characters from which the beginning of an answer counts as quoting it


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judge's letter, if there is one; `both` if the text names both."""

    letter: str | None
    both: bool


@dataclass(frozen=True, slots=True)
class Number:
    """A number as text without thousands separators; `fallback` if no line begins with ``Answer:``."""

    value: str | None
    fallback: bool


def chosen_letter(text: str, labels: Sequence[str], options: Sequence[str]) -> str | None:
    """The label that an answer chooses: the first after an answer cue, else the only one in the text, else its option.

    Args:
        labels: the letters shown; capitals count, and "A" as an article does not.
        options: the option beside each label.

    Returns:
        None if there is no choice, or two different ones at the first of these places that has any.
    """
    found = [letter for cue in _CUE.finditer(text) for letter in _first_letters(text[cue.end() :], labels)]
    found = found or _letters(text, labels)
    if found:
        return found[0] if len(set(found)) == 1 else None
    place = chosen_text(text, options)
    return None if place is None else labels[place]


def chosen_text(text: str, options: Sequence[str]) -> int | None:
    """The index of the one option that a text states in full, or whose beginning it is; None for none or several.

    An option inside a longer one that is stated too (dew in dewdrop and dew) does not count.
    """
    said = squeezed(text)
    wanted = [squeezed(option) for option in options]
    stated = [place for place, option in enumerate(wanted) if _has_words(said, option)]
    stated = [
        place
        for place in stated
        if not any(place != other and wanted[place] in wanted[other] != wanted[place] for other in stated)
    ]
    if not stated and len(said) >= _QUOTED:
        stated = [place for place, option in enumerate(wanted) if option.startswith(said)]
    return stated[0] if len(stated) == 1 else None


def verdict(text: str) -> Verdict:
    """The last ``[[A]]`` or ``[[B]]`` of a judge's text."""
    found = _VERDICT.findall(text)
    return Verdict(found[-1] if found else None, len(set(found)) > 1)


def final_number(text: str) -> Number:
    """The number of the last line of the form ``Answer: <number>``, else the last number of the text."""
    lines = _FINAL.findall(text)
    numbers = lines or re.findall(_NUMBER, text)
    return Number(_plain(numbers[-1]) if numbers else None, not lines and bool(numbers))


def first_line(text: str) -> str:
    """What stands before the first newline: all that `best_subspan_em` reads."""
    return text.split("\n", 1)[0]


def normalised(text: str) -> str:
    """Lower case, without ASCII punctuation and the words a, an, the; single spaces (Liu et al.)."""
    lowered = re.sub(r"\b(a|an|the)\b", " ", text.lower().translate(_PUNCTUATION))
    return " ".join(lowered.split())


def best_subspan_em(text: str, golds: Collection[str]) -> bool:
    """Whether a normalised gold is a substring of the first line; an empty gold always is, as in the original."""
    said = normalised(first_line(text))
    return any(normalised(gold) in said for gold in golds)


def subspan_token(text: str, golds: Collection[str]) -> bool:
    """Whether the words of a normalised gold follow each other in the first line; an empty gold never does."""
    said = normalised(first_line(text)).split()
    for gold in golds:
        words = normalised(gold).split()
        if words and any(said[i : i + len(words)] == words for i in range(len(said) - len(words) + 1)):
            return True
    return False


def values_in(text: str, values: Sequence[str]) -> list[int]:
    """Which of `values` occur in `text`, case ignored."""
    said = text.lower()
    return [place for place, value in enumerate(values) if value.lower() in said]


def squeezed(text: str) -> str:
    """Case folded, with single spaces, and without a final full stop or quotation marks around it."""
    return " ".join(text.casefold().split()).strip("\"'`").rstrip(". ")


def _first_letters(rest: str, labels: Sequence[str]) -> list[str]:
    """The first letter of `rest` with those that "or" and the like join to it."""
    first = next(_matches(rest, labels), None)
    if first is None:
        return []
    found, end = [first["letter"]], first.end()
    joined = re.compile(rf"{_JOINED}\W*(?P<letter>{_any_of(labels)})(?!\w)")
    while more := joined.match(rest, end):
        found.append(more["letter"])
        end = more.end()
    return found


def _letters(text: str, labels: Sequence[str]) -> list[str]:
    return [match["letter"] for match in _matches(text, labels)]


def _matches(text: str, labels: Sequence[str]) -> Iterator[re.Match[str]]:
    """Standalone labels: no part of a word, and no article."""
    found = re.finditer(rf"(?<![\w'’])(?P<letter>{_any_of(labels)})(?![\w'’])", text)
    return (match for match in found if not _is_article(match["letter"], text[match.end() :]))


def _is_article(letter: str, rest: str) -> bool:
    word = re.match(r" ([a-z]+)", rest)
    return letter == "A" and word is not None and word[1] not in _AFTER_A


def _any_of(labels: Sequence[str]) -> str:
    return "|".join(re.escape(label) for label in labels)


def _has_words(text: str, part: str) -> bool:
    return bool(part) and re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text) is not None


def _plain(number: str) -> str:
    plain = number.replace(",", "")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
