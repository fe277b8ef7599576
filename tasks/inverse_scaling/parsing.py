"""Which answer a written reply gives; the first rule that matches wins.

(1) the text in the last ``<answer>`` tag, by the rules below; (2) the whole reply is an answer; (3) the last "answer is
X"; (4) the first line begins with an answer; (5) exactly one answer occurs as a whole word. A trace of reasoning is
never read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from tasks.inverse_scaling.rows import Answer

EDGES = " \t\r\n\"'`*_“”‘’«».,;:!?()[]{}<>"
_QUOTES = " \t\r\n\"'`*_$"
_TAG = re.compile(r"<answer>(.*?)</answer>", re.IGNORECASE | re.DOTALL)
_SAYS = re.compile(r"answer(?:\s+is)?\s*:?\s+|answer\s*:\s*", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.,])[-+]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?(?!\w|[.,]\d)")
# A, A. A) (A); "A" before a further word is an article unless that word says otherwise.
_LETTER_AFTER = r"(?:[.):,;*\"'\]]|\s*$|\s*\n|\s+(?:is|because|since|as)\b|\s*[-–—=])"
_LETTER = re.compile(rf"(?<![\w'])(?:\(([A-H])\)|([A-H])(?={_LETTER_AFTER}))")
_YES_NO = {"y": "yes", "n": "no"}


@dataclass(frozen=True, slots=True)
class Parsed:
    """Attributes:
    index: of the class that the reply gives; None for none of them.
    is_valid: the reply is an answer of the right form, one of the classes or not.
    """

    index: int | None
    is_valid: bool


def without_reasoning(text: str) -> str:
    """The text after the last ``</think>``; a trace that never ends leaves nothing."""
    if "</think>" in text:
        return text.rpartition("</think>")[2].strip()
    return "" if text.lstrip().startswith("<think>") else text.strip()


def parse(reply: str, classes: Sequence[str], answer: Answer) -> Parsed:
    """The class that `reply` gives.

    Args:
        classes: the answers, with or without leading spaces.
        answer: what kind of answer they are; rounded numbers count as written, so 94000 is not 94000.00.
    """
    text = without_reasoning(reply)
    tagged: list[str] = _TAG.findall(text)
    text = tagged[-1].strip() if tagged else text
    names = [_bare(name, answer) or name.strip() for name in classes]
    for found in (_whole(text, names, answer), _said(text, names, answer), _begins(text, names, answer)):
        if found is not None:
            return Parsed(found, True)
    occurring = {index for _, index in _occurrences(text, names, answer)}
    if len(occurring) == 1:
        return Parsed(occurring.pop(), True)
    return Parsed(None, not occurring and _is_other(text, answer))


def first_line(reply: str) -> str:
    """The first line of a reply with its spaces and case made alike."""
    lines = without_reasoning(reply).splitlines()
    return " ".join(lines[0].removeprefix("Output:").split()).strip("\"'").casefold() if lines else ""


def _whole(text: str, names: Sequence[str], answer: Answer) -> int | None:
    bare = _bare(text, answer)
    for index, name in enumerate(names):
        if bare and _equal(bare, name, answer):
            return index
    return None


def _bare(text: str, answer: Answer) -> str:
    """Without quotes and punctuation at its edges; a number keeps its leading point."""
    return text.strip(_QUOTES).rstrip(EDGES) if answer in ("number", "rounded") else text.strip(EDGES)


def _equal(text: str, name: str, answer: Answer) -> bool:
    if answer in ("number", "rounded"):
        return _same_number(text, name, as_written=answer == "rounded")
    text, name = text.casefold(), name.casefold()
    return text == name or (answer == "y_n" and text == _YES_NO.get(name))


def _said(text: str, names: Sequence[str], answer: Answer) -> int | None:
    """What follows the last "answer is" or "Answer:" that an answer follows."""
    for match in reversed(list(_SAYS.finditer(text))):
        found = _at_start(text[match.end() :].lstrip(" \t*_\"'`"), names, answer)
        if found is not None:
            return found
    return None


def _begins(text: str, names: Sequence[str], answer: Answer) -> int | None:
    lines = text.splitlines()
    return _at_start(lines[0].lstrip(" \t*_\"'`"), names, answer) if lines else None


def _at_start(text: str, names: Sequence[str], answer: Answer) -> int | None:
    return next((index for start, index in _occurrences(text, names, answer) if start == 0), None)


def _occurrences(text: str, names: Sequence[str], answer: Answer) -> list[tuple[int, int]]:
    """(place, class) wherever an answer stands as a whole word."""
    found = []
    if answer in ("number", "rounded"):
        for match in _NUMBER.finditer(text):
            same = (i for i, name in enumerate(names) if _same_number(match[0], name, as_written=answer == "rounded"))
            found += [(match.start(), index) for index in same]
        return found
    if all(len(name) == 1 and name.isalpha() and name.isupper() for name in names) and answer != "y_n":
        letters = re.finditer(_LETTER.pattern.replace("[A-H]", "[A-Z]"), text)
        return [(match.start(), names.index(letter)) for match in letters if (letter := match[1] or match[2]) in names]
    for index, name in enumerate(names):
        spellings = [re.escape(name), *([_YES_NO[name.casefold()]] if answer == "y_n" else [])]
        pattern = rf"(?<!\w)(?:{'|'.join(spellings)})(?!\w)"
        found += [(match.start(), index) for match in re.finditer(pattern, text, re.IGNORECASE)]
    return found


def _same_number(text: str, name: str, *, as_written: bool) -> bool:
    """Equal as decimals; as written, also with as many decimals, unless in scientific notation."""
    try:
        one, other = Decimal(text.replace(",", "")), Decimal(name.replace(",", ""))
    except InvalidOperation:
        return False
    if not as_written or one != other:
        return one == other
    if "e" in text.casefold():
        return len(one.as_tuple().digits) == len(other.normalize().as_tuple().digits)
    return one.as_tuple().exponent == other.as_tuple().exponent


def _is_other(text: str, answer: Answer) -> bool:
    """Whether the reply has the form of an answer, though it is none of the classes."""
    bare = _bare(text, answer)
    if answer in ("number", "rounded"):
        return len(_NUMBER.findall(text)) == 1
    if answer in ("letter", "y_n"):
        return len(bare) == 1 and bare.isalpha()
    return answer in ("word", "symbol") and bool(bare) and len(bare.split()) == 1
