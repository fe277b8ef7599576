"""The category bank: what clues of our own walls are drawn from, and the closed world in which a wall has one solution.

A category has `members`, which may be drawn as clues, and `fits`, further words of the bank that belong too but are not
drawn for it. Together they say for every word of the bank and every category whether it belongs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from suite.data import data_folder
from suite.errors import UserError
from suite.jsonl import read_text

NAME = "only_connect_wall"
BANK_FILE = "categories.json"

Kind = Literal["sense", "blank", "form"]
Role = Literal["test", "example"]
Review = Literal["author", "second"]


@dataclass(frozen=True, slots=True)
class Category:
    """One connection and all words of the bank that it connects.

    Attributes:
        kind: by meaning ("sense"), by completing the blank in the label ("blank"), or by spelling or sound ("form").
        rule: for "form": what decides whether a word belongs (`rules.matches`).
        role: "example" categories stand in solved examples only, never on a wall that is asked.
        review: who has checked the entry: its "author", or a "second" reader too.
    """

    id: str
    label: str
    kind: Kind
    members: tuple[str, ...]
    fits: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    rule: str = ""
    role: Role = "test"
    review: Review = "author"

    @property
    def words(self) -> tuple[str, ...]:
        """All words that belong."""
        return self.members + self.fits


@dataclass(frozen=True)
class Bank:
    """Categories in the order of the file; words are compared without regard to case."""

    categories: tuple[Category, ...]

    @cached_property
    def by_id(self) -> Mapping[str, Category]:
        return {category.id: category for category in self.categories}

    @cached_property
    def by_word(self) -> Mapping[str, tuple[str, ...]]:
        """Word, casefolded -> ids of the categories that it belongs to, in the order of the file."""
        found: dict[str, list[str]] = {}
        for category in self.categories:
            for word in category.words:
                found.setdefault(word.casefold(), []).append(category.id)
        return {word: tuple(dict.fromkeys(ids)) for word, ids in found.items()}

    def fitting(self, word: str) -> tuple[str, ...]:
        """Ids of the categories that `word` belongs to."""
        return self.by_word.get(word.casefold(), ())

    def with_role(self, role: Role) -> tuple[Category, ...]:
        """The categories of one role, in the order of the file."""
        return tuple(category for category in self.categories if category.role == role)


@cache
def shipped_bank() -> Bank:
    """The bank of ``datasets/only_connect_wall``.

    Raises:
        UserError: the file is missing or damaged.
    """
    return read_bank(data_folder(NAME) / BANK_FILE)


def read_bank(path: Path) -> Bank:
    """The bank in a JSON file: an object with a list `categories`.

    Raises:
        UserError: the file is not such an object; names the entry. `lint.faults` checks the content.
    """
    try:
        entries = json.loads(read_text(path))["categories"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UserError(f"{path}: not a bank; expected a JSON object with a list 'categories'") from None
    if not isinstance(entries, list):
        raise UserError(f"{path}: 'categories' is not a list; see the README of the data set")
    return Bank(tuple(_category(entry, f"{path}: category {number}") for number, entry in enumerate(entries, 1)))


def _category(entry: Any, where: str) -> Category:
    if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("id", "label", "kind")):
        raise UserError(f"{where}: expected an object with text in id, label and kind")
    where = f"{where} ({entry['id']})"
    unknown = sorted(set(entry) - set(Category.__dataclass_fields__))
    if unknown:
        raise UserError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(Category.__dataclass_fields__)}")
    return Category(
        id=entry["id"],
        label=entry["label"],
        kind=_one_of(Kind, entry["kind"], where),
        members=_texts(entry, "members", where),
        fits=_texts(entry, "fits", where),
        aliases=_texts(entry, "aliases", where),
        rule=str(entry.get("rule", "")),
        role=_one_of(Role, entry.get("role", "test"), where),
        review=_one_of(Review, entry.get("review", "author"), where),
    )


def _texts(entry: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = entry.get(key, [])
    if not isinstance(value, list) or not all(isinstance(text, str) and text.strip() == text != "" for text in value):
        raise UserError(f"{where}: {key!r} is not a list of words without spaces around them")
    return tuple(value)


def _one_of(choices: Any, value: Any, where: str) -> Any:
    known: Sequence[str] = get_args(choices)
    if value not in known:
        raise UserError(f"{where}: {value!r} is not one of {', '.join(known)}")
    return value
