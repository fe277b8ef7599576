"""Typed mentions in free text (years, numbers, quotations, names, expansions of acronyms), found by rules.

They are what rule judges compare with the evidence. A name is a capitalised word or span; at the start of a clause a
lone capitalised word counts only if it is a name elsewhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from suite.judges.number_words import with_digits
from suite.judges.record import Unit
from suite.judges.sentences import plain, sentences

Kind = Literal["year", "era", "number", "quote", "name", "expansion"]

_UNITS = r"people|persons|members|employees|workers|staff|metres?|meters?|feet|boats|ships|crowns|visitors|rooms|floors"
_QUOTE = re.compile(r'"([^"]+)"')
_YEAR = re.compile(rf"(?<![\d.])(1\d{{3}}|20\d{{2}})(?![\d.]*\d)(?!\s*(?:{_UNITS})\b)(s\b)?")
_CENTURY = re.compile(
    r"\b(\d{1,2}(?:st|nd|rd|th)|sixteenth|seventeenth|eighteenth|nineteenth|twentieth)[\s-]+century\b", re.IGNORECASE
)
_CENTURIES = {"sixteenth": 16, "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20}
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?!\w)")
_FRACTION = re.compile(
    r"\b(?:half|a third|two[\s-]thirds|a quarter|three[\s-]quarters|twice|double|triple|thrice)\b", re.IGNORECASE
)
_CAPITALISED = r"[A-Z][\w'’-]*"
_SPAN = re.compile(rf"{_CAPITALISED}(?:\s+(?:(?:of|for|and|de|von|van)\s+(?:the\s+)?)?{_CAPITALISED})*")
_ACRONYM = r"[A-Z]{2,6}"
_STANDS_FOR = r"(?:stands? for|is short for|expands to|means|abbreviates|is the (?:acronym|abbreviation) (?:of|for))"
_EXPANSIONS = (
    re.compile(rf"\b({_ACRONYM})\b,?\s+{_STANDS_FOR}\s+(?:the\s+)?[\"']?({_SPAN.pattern})"),
    re.compile(rf"\b({_ACRONYM})\s+\((?:the\s+)?({_SPAN.pattern})\)"),
)
_EXPANSION_BEFORE = re.compile(rf"({_SPAN.pattern})\s+\(({_ACRONYM})\)")
_CLAUSE_START = re.compile(r"(?:^|[.!?:;,]|\bthat|\")\s*[\"'(]*$")
_LITTLE_WORDS = (
    "i it its the a an this that these those he she they we his her their our in on at by of for to from with after "
    "before during since while when where who what which there here not no yes but and or as if although though "
    "however january february march april may june july august september october november december monday tuesday "
    "wednesday thursday friday saturday sunday today"
)
_NO_NAMES = frozenset(_LITTLE_WORDS.split())


@dataclass(frozen=True, slots=True)
class Mention:
    """A typed value in a text.

    Attributes:
        value: what is compared: digits, folded words; an expansion is ``acronym=words``, an era ``from-to``.
        text: as written; start, end: where, in the text as `prepared`.
    """

    kind: Kind
    value: str
    text: str
    start: int
    end: int


def prepared(text: str) -> str:
    """One notation, with number words as digits outside quotations."""
    parts = re.split(r'("[^"]*")', plain(text))
    return "".join(part if part.startswith('"') else with_digits(part) for part in parts)


def fold(text: str) -> str:
    """Words without accents, case, punctuation and little words: what two spellings of one value share."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", re.sub(r"'s\b", "", letters))
    return " ".join(word for word in words if word not in ("of", "the", "for", "and", "a", "an"))


def mentions(text: str, gazetteer: Collection[str] = ()) -> list[Mention]:
    """The mentions of a prepared text, in order; what one of them covers is looked at no more.

    Args:
        gazetteer: names that count wherever they stand, longest first where they overlap.
    """
    found: list[Mention] = []
    free = list(text)

    def take(kind: Kind, value: str, start: int, end: int) -> None:
        found.append(Mention(kind, value, text[start:end], start, end))
        free[start:end] = "\0" * (end - start)

    for quote in _QUOTE.finditer(text):
        if len(quote[1].split()) >= 3:
            take("quote", fold(quote[1]), *quote.span())
    for acronym, words, span in _expansions("".join(free)):
        take("expansion", f"{acronym}={fold(words)}", *span)
    for name in sorted({name for name in gazetteer if name.strip()}, key=lambda name: (-len(name), name)):
        for hit in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", "".join(free), re.IGNORECASE):
            take("name", fold(name), *hit.span())
    for century in _CENTURY.finditer("".join(free)):
        number = _CENTURIES.get(century[1].lower()) or int(re.sub(r"\D", "", century[1]))
        take("era", f"{number * 100 - 99}-{number * 100}", *century.span())
    for year in _YEAR.finditer("".join(free)):
        if year[2]:
            take("era", f"{year[1]}-{int(year[1]) + 9}", *year.span())
        else:
            take("year", year[1], *year.span())
    for figure in _NUMBER.finditer("".join(free)):
        take("number", f"{float(figure.group()):g}", *figure.span())
    for fraction in _FRACTION.finditer("".join(free)):
        take("number", fold(fraction.group()), *fraction.span())
    for start, end in _names("".join(free)):
        take("name", fold(text[start:end]), start, end)
    return sorted(found, key=lambda mention: mention.start)


def category_of_first_unmatched(unit: Unit) -> str:
    """The category of the first mention of a unit that its evidence does not hold; "" if there is none."""
    evidence = prepared(unit.evidence)
    known = known_names(unit.evidence)
    there = {(mention.kind, mention.value) for mention in mentions(evidence, known)}
    for mention in mentions(prepared(unit.text), known):
        if (mention.kind, mention.value) not in there:
            return category_of(mention, prepared(unit.text))
    return ""


def known_names(*texts: str) -> list[str]:
    """The names that texts hold: gazetteer for other texts."""
    found = {
        mention.text
        for text in texts
        for sentence in sentences(text)
        for mention in mentions(prepared(sentence))
        if mention.kind == "name"
    }
    return sorted(name for name in found if fold(name))


def category_of(mention: Mention, text: str) -> str:
    """The category of a wrong mention, by its kind and, for names, by the words before it."""
    if mention.kind == "name":
        before = text[: mention.start].rstrip().lower()
        if re.search(r"\b(?:in|at|near|from|to|of|outside|around)(?: the)?$", before):
            return "GE"
        return "GG"
    return {"year": "TW", "era": "TW", "number": "NN", "quote": "VV", "expansion": "AA"}[mention.kind]


def _expansions(text: str) -> Iterable[tuple[str, str, tuple[int, int]]]:
    """(acronym, words, span of the words)."""
    for pattern in _EXPANSIONS:
        for hit in pattern.finditer(text):
            yield hit[1], hit[2], hit.span(2)
    for hit in _EXPANSION_BEFORE.finditer(text):
        if len(hit[1].split()) > 1:
            yield hit[2], hit[1], hit.span(1)


def _names(text: str) -> Iterable[tuple[int, int]]:
    """Spans of capitalised words that are names."""
    elsewhere = {
        hit.group() for hit in re.finditer(_CAPITALISED, text) if not _CLAUSE_START.search(text[: hit.start()])
    }
    for hit in _SPAN.finditer(text):
        start, end = hit.span()
        words = hit.group().split()
        while words and words[0].lower() in _NO_NAMES:
            start += len(words[0])
            start += len(text[start:end]) - len(text[start:end].lstrip())
            words = words[1:]
        if not words or start >= end:
            continue
        at_start = bool(_CLAUSE_START.search(text[:start]))
        if len(words) == 1 and ((at_start and words[0] not in elsewhere) or len(words[0]) < 3):
            continue
        yield start, end
