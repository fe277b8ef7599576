"""Reads answers exactly as the published runs did, oddities included (notebook of arXiv 2306.11167).

A clue with a comma falls apart, ``1.`` before a clue makes it another string, "Group 4" vanishes even inside a clue,
and an echoed heading shifts the connections. `tasks.only_connect_wall.parsers` reads what was meant.
"""

from __future__ import annotations

import re

_GROUP = re.compile(r"Group\s*\d+\s*:?", re.IGNORECASE)
_CONNECTION_TAIL = re.compile(r"\. Connection:.*", re.IGNORECASE)
_CONNECTION = re.compile(r"Connection:\s*(.*)")


def paper_groups(text: str) -> list[list[str]]:
    """Four rows of four strings, cut off or padded with ""."""
    lines = [line.strip() for line in _GROUP.sub("", text).splitlines() if line.strip()][:4]
    lines += [""] * (4 - len(lines))
    rows = [[part.strip() for part in line.split(",")][:4] for line in lines]
    return [[_CONNECTION_TAIL.sub("", clue) for clue in row + [""] * (4 - len(row))] for row in rows]


def paper_connections(text: str) -> list[str]:
    """Four names: what follows ``Connection:`` in each of the first four lines, blank ones included; "" without."""
    found = [_CONNECTION.search(line) for line in text.splitlines()][:4]
    names = [match[1].strip() if match else "" for match in found]
    return names + [""] * (4 - len(names))
