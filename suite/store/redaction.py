"""Blanks secrets in JSON of other programs before anything of it is stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

MARK = "[redacted]"
# names under which keys are handed over; not pad_token, bos_token and the like
_NAME = (
    r"(?:[\w-]*(?:api[-_]?key|secret|passw(?:or)?d|credentials?|authorization)[\w-]*"
    r"|(?:(?:hf|hub|auth|access|bearer|api|refresh|id)[-_])?token)"
)
_SECRET_KEY = re.compile(_NAME, re.IGNORECASE)
_ASSIGNMENT = re.compile(rf"(?<![\w-])({_NAME}[\"']?\s*[=:]\s*[\"']?)([^\s,;&\"']+)", re.IGNORECASE)
_SHAPES = re.compile(r"\b(?:sk-[\w-]{12,}|hf_\w{16,}|(?<=Bearer )\S+)")


@dataclass(frozen=True, slots=True)
class Redactor:
    """Blanks secrets by name and by shape, and their values wherever else they stand.

    Attributes:
        values: the secrets that are known, longest first.
    """

    values: tuple[str, ...]

    @classmethod
    def of(cls, document: Any) -> Redactor:
        """Knows the secrets of the JSON value `document`."""
        found = {value for value in _secrets(document) if len(value) >= 6}  # shorter ones would blank plain words
        return cls(tuple(sorted(found, key=lambda value: (-len(value), value))))

    def clean(self, document: Any) -> Any:
        """A copy of a configuration without secrets: by the names of its keys and arguments, by shape, by value."""
        return _mapped(document, self._clean_text)

    def blank(self, document: Any) -> Any:
        """A copy of data (prompts, answers) in which only the known secrets are blanked."""
        return _mapped(document, lambda _, text: self._without_known(text))

    def _clean_text(self, key: str, text: str) -> str:
        if text and _SECRET_KEY.fullmatch(key):
            return MARK
        text = _SHAPES.sub(MARK, self._without_known(text))
        return _ASSIGNMENT.sub(rf"\1{MARK}", text) if key.endswith("args") else text

    def _without_known(self, text: str) -> str:
        for value in self.values:
            text = text.replace(value, MARK)
        return text


def _secrets(document: Any) -> Iterator[str]:
    for key, text in _texts(document):
        if _SECRET_KEY.fullmatch(key):
            yield text
        elif key.endswith("args"):  # model_args and their like: NAME=VALUE, joined by commas
            yield from (match[2] for match in _ASSIGNMENT.finditer(text))


def _texts(document: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """(nearest key, text) of every text in a JSON value."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield from _texts(value, name)
    elif isinstance(document, list):
        for value in document:
            yield from _texts(value, key)
    elif isinstance(document, str):
        yield key, document


def _mapped(document: Any, change: Callable[[str, str], str], key: str = "") -> Any:
    if isinstance(document, dict):
        return {name: _mapped(value, change, name) for name, value in document.items()}
    if isinstance(document, list):
        return [_mapped(value, change, key) for value in document]
    return change(key, document) if isinstance(document, str) else document
