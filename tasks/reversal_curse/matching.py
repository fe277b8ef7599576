"""When an answer counts as the target: our rule, and the public one beside it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from suite.errors import UserError


def normalise(text: str) -> str:
    """NFKC, case folded, every character other than letters, digits and spaces a space, spaces collapsed."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(ch if ch.isalnum() else " " for ch in folded).split())


def matches(output: str, target: str, aliases: Sequence[str] = ()) -> bool:
    """Whether the normalised output is the target or an alias, or begins with it at a word boundary (headline `em`).

    Raises:
        UserError: a target without a letter or digit, which every output would match.
    """
    said = normalise(output)
    return any(said == name or said.startswith(name + " ") for name in map(_checked, (target, *aliases)))


def matches_original(output: str, target: str) -> bool:
    """The public rule: the output starts with the target, case ignored, no word boundary (`em_original`)."""
    _checked(target)
    return output.strip().lower().startswith(target.strip().lower())


def contains(output: str, target: str) -> bool:
    """Whether the normalised output holds the target as whole words; lenient, never compared with `em`."""
    return f" {_checked(target)} " in f" {normalise(output)} "


def _checked(target: str) -> str:
    name = normalise(target)
    if not name:
        raise UserError(f"target {target!r} is empty or only punctuation; every answer would match it")
    return name
