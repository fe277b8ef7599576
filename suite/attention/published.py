"""The published figures of CAB, from the task's ``reference.json``: scores, constants of the index, support, costs.

Zhang et al., ICML 2023, arXiv 2210.07661; numbers as printed, with their disagreements noted in ``verified``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from suite.attention.patterns import Pattern


def rows(kind: str) -> list[dict[str, Any]]:
    """The reference rows of a kind: score, constant, index, efficiency_length, cost, support or extrapolation."""
    return [row for row in _all_rows() if row["condition"]["kind"] == kind]


def published_support() -> dict[str, frozenset[Pattern]]:
    """Mechanism by our name -> patterns in CAB's table; only those that it has."""
    found: dict[str, set[Pattern]] = {}
    for row in rows("support"):
        patterns = found.setdefault(row["condition"]["mechanism"], set())
        if row["value"]:
            patterns.add(Pattern(row["condition"]["pattern"]))
    return {name: frozenset(patterns) for name, patterns in found.items()}


def our_names() -> Mapping[str, str]:
    """Name in CAB -> name here: FlashAttention is `sdpa`."""
    return {row["model"]: row["condition"]["mechanism"] for row in rows("support")}


@cache
def _all_rows() -> list[dict[str, Any]]:
    import tasks

    file = Path(tasks.__path__[0]) / "attention_patterns" / "reference.json"
    found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return found
