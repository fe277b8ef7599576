"""Finds out whether a mechanism does the patterns that it declares; whatever cannot be shown is a failure.

Random inputs, a length that is no multiple of any block. An exception is a failure with its message; a mechanism that
is built for a pattern it does not declare fails too. The checks stand in `suite.attention.checks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from suite.attention import mechanism, names
from suite.attention.patterns import Pattern, UnsupportedPattern

Status = Literal["pass", "FAIL", "control", "-"]


@dataclass(frozen=True, slots=True)
class Check:
    """One check: `is_ok` is None where it does not apply; `message` says what was found when it failed."""

    name: str
    is_ok: bool | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One mechanism in one pattern.

    Attributes:
        status: ``pass``; ``FAIL``; ``control`` passes what a control must (it reads no other position); ``-`` is not
            declared, and refused.
        reach: how many keys beyond its own place an output sees, by the mechanism's own word; None: all that the
            pattern lets it. What is checked is checked within it.
    """

    mechanism: str
    pattern: Pattern
    status: Status
    checks: tuple[Check, ...] = ()
    reach: int | None = None

    @property
    def failures(self) -> list[Check]:
        """The checks that failed."""
        return [check for check in self.checks if check.is_ok is False]

    def to_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        checks = {check.name: {"ok": check.is_ok, "message": check.message} for check in self.checks}
        row = {"mechanism": self.mechanism, "pattern": self.pattern, "status": self.status, "reach": self.reach}
        return {**row, "checks": checks}


def verify(name: str, pattern: Pattern | str, folder: Path | None = None) -> Verdict:
    """Every check that applies to the mechanism `name` in `pattern`.

    Raises:
        UserError: no such mechanism, or its file cannot be imported.
    """
    from suite.attention.checks import CHECKS, Subject

    found, pattern = mechanism(name, folder), Pattern(pattern)
    if pattern not in found.patterns:
        refusal = _refusal(found, pattern)
        return Verdict(name, pattern, "-" if refusal.is_ok else "FAIL", (refusal,))
    checks, reach = [], None
    for title, check in CHECKS.items():
        try:
            subject = Subject.of(found, pattern)
            reach, message = subject.module.reach, check(subject)
            checks.append(Check(title, None if message is None else not message, message or ""))
        except Exception as error:  # whatever a mechanism raises is a failure of it
            checks.append(Check(title, False, f"{type(error).__name__}: {error}"))
    has_failed = any(check.is_ok is False for check in checks)
    status: Status = "FAIL" if has_failed else "control" if found.is_control else "pass"
    return Verdict(name, pattern, status, tuple(checks), reach)


def verify_all(chosen: Sequence[str] = (), folder: Path | None = None) -> list[Verdict]:
    """Verdicts of the `chosen` mechanisms (by default of all) in every pattern.

    Raises:
        UserError: no such mechanism.
    """
    known = [name for name in (chosen or names(folder)) if mechanism(name, folder)]
    return [verify(name, pattern, folder) for name in known for pattern in Pattern]


def support_matrix(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """One row a mechanism: the status of each pattern, the patterns that CAB's table has, and what failed."""
    from suite.attention.published import published_support

    published = published_support()
    rows: dict[str, dict[str, Any]] = {}
    for verdict in verdicts:
        row = rows.setdefault(verdict.mechanism, {"mechanism": verdict.mechanism})
        row[verdict.pattern.value] = verdict.status
        row["CAB"] = " ".join(pattern for pattern in Pattern if pattern in published.get(verdict.mechanism, ()))
        failures = [f"{verdict.pattern} {check.name}: {check.message}" for check in verdict.failures]
        if verdict.pattern is Pattern.CC and verdict.reach is not None:
            row["note"] = f"CC within a window of {verdict.reach} keys"
        row["failed"] = "; ".join(filter(None, [row.get("failed", ""), *failures]))
    return list(rows.values())


def _refusal(found: Any, pattern: Pattern) -> Check:
    """Whether the constructor refuses a pattern that is not declared."""
    try:
        found.make(48, 3, pattern, 256, {})
    except UnsupportedPattern:
        return Check("refuses what it does not declare", True)
    except Exception as error:
        return Check("refuses what it does not declare", False, f"{type(error).__name__}: {error}")
    return Check("refuses what it does not declare", False, f"built for {pattern}, which it does not declare")
