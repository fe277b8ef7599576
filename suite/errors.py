"""Errors that are part of the interface, and the exit code that each one becomes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """The user's input is wrong: one line that says what, where and how to mend it (exit code 2)."""

    exit_code = 2


class RunIncomplete(Exception):
    """The run ended with work left over; the same command continues it (exit code 3)."""

    exit_code = 3


def unknown(kind: str, name: str, known: Iterable[str], hint: str = "") -> UserError:
    """A `UserError` for a name that does not exist, with the nearest names that do.

    Args:
        kind: what was asked for, e.g. ``"task"``.
        name: what the user wrote.
        known: the names that exist.
        hint: a last sentence that says where to look.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        offer = f"did you mean {' or '.join(near)}?"
    else:
        offer = f"known: {', '.join(names)}" if names else "there are none"
    return UserError(f"unknown {kind} {name!r}; {offer}{' ' + hint if hint else ''}")
