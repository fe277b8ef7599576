"""Reads what a model meant: groups of clues, or the names of four groups, from free text or JSON.

Nothing is cut off silently: missing, repeated, invented and surplus clues stay in the parsed groups and are counted by
`tasks.only_connect_wall.scoring`. The published runs' parser is in `parsers_paper`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks.only_connect_wall.clue_text import fold

_THINKING = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_THOUGHT_END = re.compile(r"\A.*</(?:think|thinking|reasoning)>", re.DOTALL | re.IGNORECASE)
_ANSWER_MARK = re.compile(r"^[\W_]*(?:solved wall|(?:final )?answer|solution)\b[^\n:]{0,30}:[*_]*", re.I | re.M)
_FENCE = re.compile(r"^\s*```.*$", re.MULTILINE)
_BULLET = re.compile(r"^\s*(?:[-*•‣>#]+\s+|\(?\d{1,2}[.):]\s+|\(?[a-d][.)]\s+)+", re.IGNORECASE)
_GROUP_LABEL = re.compile(r"^\W*(?:group|row|category|set)\s*(?:\d+|[a-d]|one|two|three|four)\b\s*[:.–-]?\s*", re.I)
_CONNECTION = re.compile(r"[.,;|(\s–-]*\b(?:connections?|theme|category|link)\s*:\s*", re.IGNORECASE)
_BREAKS = (
    re.compile(r"\|"),
    re.compile(r"\t"),
    re.compile(r";"),
    re.compile(r","),
    re.compile(r" / "),
    re.compile(r"\s[-–—]\s"),
)
_AND = re.compile(r"\s+(?:and|&)\s+", re.IGNORECASE)
_HELD = re.compile("\x00(\\d+)\x00")  # stands for a clue that holds a separator
_FILLING = re.compile(r"\band\b|[\s.&*_]+")  # what may stand between clues that nothing else parts
_ASIDE = re.compile(r"\s*(?:\([^()]*\)|\s[-–—→=]+\s.*|[:=]\s.*)\s*$")
_WRAP = " \t'\"*_`[](){}"
_REFUSAL = re.compile(
    r"\b(?:i['’]?m sorry|i am sorry|i (?:can(?:not|['’]?t)|am unable|['’]?m unable|won['’]?t|will not)"
    r"|unable to (?:help|assist|comply|solve|complete)|as an ai\b|i do(?: not|n['’]?t) know)",
    re.IGNORECASE,
)
_PROSE_WORDS = 9  # a line of so many words without a group starts a new block


def visible_text(text: str) -> str:
    """The answer without the model's thinking; an unfinished thought leaves nothing."""
    return _THINKING.sub("", _THOUGHT_END.sub("", text)).strip()


def is_refusal(text: str) -> bool:
    """Whether a text without groups declines the task."""
    return _REFUSAL.search(text) is not None


def read_groups(text: str, clues: Sequence[str]) -> list[list[str]]:
    """The groups of an answer, each as the strings in it: clues of the wall as the wall writes them, others folded.

    The last block of at least four group lines counts, after the last "Solved wall:" or "Answer:" if there is one.

    Args:
        text: without thinking (`visible_text`).
        clues: of the wall.
    """
    wall = _Wall(clues)
    marks = [match.end() for match in _ANSWER_MARK.finditer(text)]
    for part in (*(text[end:] for end in reversed(marks)), text):
        found = _from_json(part, wall) or _from_lines(part, wall) or _from_columns(part, wall)
        if found:
            return found
    return []


def read_connections(text: str, groups: Sequence[Sequence[str]]) -> list[str]:
    """The name given to each group; "" where there is none.

    A line belongs to the group with which it shares at least two clues, otherwise names are taken in their order. A
    numbered list of names, or a JSON list of four, is accepted too.
    """
    body = _FENCE.sub("", text)
    named: dict[int, str] = {}
    unplaced: list[str] = []
    for line in body.splitlines():
        match = _last(_CONNECTION, line)
        if match is None:
            continue
        name, owner = _clean_name(line[match.end() :]), _owner(line[: match.start()], groups)
        if owner is not None:
            named.setdefault(owner, name)
        elif name:
            unplaced.append(name)
    if not named and not unplaced:
        unplaced = _names_from_json(body) or _numbered(body)
    rest = iter(unplaced)
    return [named[at] if at in named else next(rest, "") for at in range(len(groups))]


class _Wall:
    """The clues of a wall by their folded text; those that hold a separator need a search of their own."""

    def __init__(self, clues: Sequence[str]) -> None:
        self.by_text = {fold(clue): clue for clue in clues}
        broken = [text for text in self.by_text if any(sign.search(f" {text} ") for sign in (*_BREAKS, _AND))]
        self.broken = sorted(broken, key=lambda text: (-len(text), text))
        self.pattern = re.compile("|".join(map(re.escape, self.broken))) if broken else None
        longest_first = sorted(filter(None, self.by_text), key=lambda text: (-len(text), text))
        self.anywhere = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")

    def slots(self, line: str) -> list[str]:
        """The entries of a line, in order."""
        text = fold(line).replace("\x00", "")
        held: list[str] = []
        if self.pattern is not None:
            # clues with a separator inside are set aside before the line is cut

            def hold(match: re.Match[str]) -> str:
                edges = text[max(0, match.start() - 1) : match.start()] + text[match.end() : match.end() + 1]
                if any(char.isalnum() for char in edges):
                    return match[0]
                held.append(match[0])
                return f"\x00{len(held) - 1}\x00"

            text = self.pattern.sub(hold, text)
        sign = next((sign for sign in _BREAKS if sign.search(text)), None)
        if sign is None and not _FILLING.sub("", self.anywhere.sub("", text)):
            return [self._written(match[0]) for match in self.anywhere.finditer(text)]
        parts = sign.split(text) if sign else [text]
        entries = [entry for part in parts for entry in self._entries(part)]
        return [self._written(_HELD.sub(lambda match: held[int(match[1])], entry)) for entry in entries]

    def _entries(self, part: str) -> Iterator[str]:
        """A slot as it stands, else without what surrounds it, else cut at "and"."""
        for text in _variants(part):
            if self._is_clue(text):
                yield text
                return
        bare = part.strip(_WRAP + ".").removeprefix("and ")
        pieces = [piece.strip(_WRAP + ".") for piece in _AND.split(bare)]
        if any(map(self._is_clue, pieces)):
            yield from filter(None, pieces)
        elif bare:
            yield bare

    def _is_clue(self, text: str) -> bool:
        return text in self.by_text or _HELD.fullmatch(text) is not None

    def _written(self, text: str) -> str:
        return self.by_text.get(text, text)

    def known(self, slots: Sequence[str]) -> int:
        return sum(fold(slot) in self.by_text for slot in slots)


def _variants(part: str) -> Iterator[str]:
    stripped = part.strip()
    yield stripped
    yield stripped.strip(_WRAP)
    yield stripped.strip(_WRAP + ".").removeprefix("and ").strip(_WRAP)
    yield _ASIDE.sub("", stripped).strip(_WRAP + ".")


def _from_lines(text: str, wall: _Wall) -> list[list[str]]:
    blocks: list[list[list[str]]] = [[]]
    for line in _FENCE.sub("", text).splitlines():
        slots = _group_line(line, wall)
        if slots:
            blocks[-1].append(slots)
        elif len(line.split()) >= _PROSE_WORDS and blocks[-1]:
            blocks.append([])
    full = [block for block in blocks if len(block) >= 4]
    if not full:
        return max(reversed(blocks), key=len)
    block = full[-1]
    last = [clue for row in block[-4:] for clue in row]
    # a draft and its revision without a word between them: the revision counts if it is whole
    return block[-4:] if len(last) == len(set(last)) == wall.known(last) == len(wall.by_text) else block


def _group_line(line: str, wall: _Wall) -> list[str]:
    """The entries of a line that lists a group; nothing for headings, prose, and an echo of the whole wall."""
    body = _GROUP_LABEL.sub("", _BULLET.sub("", line)).strip()
    if (tail := _CONNECTION.search(body)) is not None:
        body = body[: tail.start()]
    if not body or body.endswith(":"):
        return []
    slots = wall.slots(body)
    head, colon, rest = body.partition(":")
    if colon and rest.strip():
        after = wall.slots(rest)  # "Golf scores: Par, ..."
        if wall.known(after) >= wall.known(slots):
            if fold(head).strip(_WRAP) in ("clues", "words"):
                return []
            slots = after
    known = wall.known(slots)
    listed = "|" in body and len(slots) >= 3
    short = len(slots) == 4 and all(len(slot.split()) <= 4 for slot in slots)
    return slots if known >= 2 or (known and 3 <= len(slots) <= 5) or listed or short else []


def _from_columns(text: str, wall: _Wall) -> list[list[str]]:
    """Groups written one clue a line, parted by headings or blank lines."""
    groups: list[list[str]] = [[]]
    for line in _FENCE.sub("", text).splitlines():
        slots = wall.slots(_BULLET.sub("", line)) if line.strip() else []
        if len(slots) == 1 and wall.known(slots):
            groups[-1].append(slots[0])
        elif groups[-1]:
            groups.append([])
    return [group for group in groups if len(group) >= 2]


def _from_json(text: str, wall: _Wall) -> list[list[str]]:
    for value in _json_values(text):
        rows = _rows_of(value)
        if rows:
            return [[wall.by_text.get(fold(str(clue)), fold(str(clue))) for clue in row] for row in rows]
    return []


def _rows_of(value: Any) -> list[list[Any]]:
    """Lists of plain values inside a list or an object: groups, or objects that hold one each."""
    for _ in range(2):  # {"groups": {"1": [...], ...}} is the deepest that makes sense
        if isinstance(value, Mapping):
            lists = [item for item in value.values() if isinstance(item, list | Mapping)]
            value = lists[0] if len(lists) == 1 else lists
    if not isinstance(value, list):
        return []
    rows = []
    for item in value:
        inner = (
            next((part for part in item.values() if isinstance(part, list)), None)
            if isinstance(item, Mapping)
            else item
        )
        if isinstance(inner, list) and inner and all(isinstance(clue, str | int | float) for clue in inner):
            rows.append(inner)
    return rows


def _json_values(text: str) -> Iterator[Any]:
    """Lists and objects in a text, the first of each sort that can be read."""
    for opening, closing in ("[]", "{}"):
        start, end = text.find(opening), text.rfind(closing)
        if 0 <= start < end:
            try:
                yield json.loads(text[start : end + 1])
            except (ValueError, RecursionError):
                continue


def _names_from_json(text: str) -> list[str]:
    for value in _json_values(text):
        items = list(value.values()) if isinstance(value, Mapping) else value
        if isinstance(items, list) and items and all(isinstance(item, str) for item in items):
            return [_clean_name(item) for item in items]
    return []


def _numbered(text: str) -> list[str]:
    found = re.findall(r"^\s*(?:\*\*)?\d{1,2}[.)]\s*(.+?)\s*$", text, re.MULTILINE)
    return [_clean_name(name) for name in found] if len(found) == 4 else []


def _owner(head: str, groups: Sequence[Sequence[str]]) -> int | None:
    """The group that shares at least two clues with the head of a line, the most if several do."""
    text = f" {fold(head)} "
    shared = [sum(_holds(text, fold(clue)) for clue in group) for group in groups]
    best = max(range(len(groups)), key=lambda at: shared[at])
    return best if shared[best] >= 2 else None


def _holds(text: str, clue: str) -> bool:
    at = text.find(clue)
    while at >= 0:
        edges = text[at - 1 : at] + text[at + len(clue) : at + len(clue) + 1]
        if not any(char.isalnum() for char in edges):
            return True
        at = text.find(clue, at + 1)
    return False


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = None
    for found in pattern.finditer(text):  # noqa: B007  the last one is wanted
        pass
    return found


def _clean_name(text: str) -> str:
    return text.strip().strip("*`").strip().strip('"“”').strip()
