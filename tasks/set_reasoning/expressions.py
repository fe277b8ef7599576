"""Expressions of union and intersection over named sets: forms, parsing, evaluation, and the shortcuts for them.

A form is written with the roles A, B, C; a problem shows other names. ``&`` is intersection, ``|`` union; where both
occur, brackets are needed, since readers differ on what binds more tightly. Nothing is ever given to `eval`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Literal

Items = frozenset[str]
Operator = Literal["&", "|"]

# form -> expression over the roles; u_i and i_u are what "left to right, brackets ignored" gets wrong
FORMS: Mapping[str, str] = {
    "i2": "A & B",
    "u2": "A | B",
    "i3": "A & B & C",
    "u3": "A | B | C",
    "ui": "(A | B) & C",
    "iu": "(A & B) | C",
    "u_i": "A | (B & C)",
    "i_u": "A & (B | C)",
}
TWO_SETS = ("i2", "u2")
COMPOSED = ("i3", "ui", "iu", "u_i", "i_u")  # u3 is copying, and stands apart
TWINS: Mapping[str, str] = {
    "u_i": "(A | B) & (A | C)",
    "i_u": "(A & B) | (A & C)",
    "i2": "B & A",
    "u2": "B | A",
}
SHORTCUTS = ("yes_to_listed", "no_to_all", "first_operator", "last_operator", "left_to_right", "at_least_two")

_TOKEN = re.compile(r"\s*([A-Za-z]\w*|[&|()])")


@dataclass(frozen=True, slots=True)
class Node:
    """An operation on two or more operands; an operand is a set's name or a node."""

    operator: Operator
    operands: tuple[Node | str, ...]


def parse(expr: str, names: Set[str]) -> Node | str:
    """The tree of an expression.

    Args:
        names: the sets that may occur.

    Raises:
        ValueError: an unbalanced bracket, an unknown operator or set name, or mixed operators without brackets; names
            the column.
    """
    tokens = _tokens(expr)
    node, at = _operand(tokens, 0, names, expr)
    node, at = _rest(node, tokens, at, names, expr)
    if at < len(tokens):
        raise ValueError(f"{expr!r}, column {tokens[at][1]}: unexpected {tokens[at][0]!r}")
    return node


def evaluate(node: Node | str, sets: Mapping[str, Items]) -> Items:
    """The value of an expression over `sets`."""
    if isinstance(node, str):
        return sets[node]
    first, *rest = (evaluate(operand, sets) for operand in node.operands)
    return first.intersection(*rest) if node.operator == "&" else first.union(*rest)


def operators(node: Node | str) -> list[Operator]:
    """The operators from left to right as they are read."""
    if isinstance(node, str):
        return []
    found: list[Operator] = []
    for number, operand in enumerate(node.operands):
        found += [node.operator] if number else []
        found += operators(operand)
    return found


def operands(node: Node | str) -> list[str]:
    """The set names from left to right."""
    return [node] if isinstance(node, str) else [name for operand in node.operands for name in operands(operand)]


def shortcut_answers(node: Node | str, sets: Mapping[str, Items]) -> dict[str, Items]:
    """What each wrong rule answers: it may be right by chance, which `shortcut agreement` takes into account.

    Args:
        sets: all listed sets, also those that the expression does not name.
    """
    names, signs = operands(node), operators(node)
    listed = frozenset().union(*sets.values())
    running = sets[names[0]]
    for sign, name in zip(signs, names[1:], strict=True):
        running = _applied(sign, running, sets[name])
    return {
        "yes_to_listed": listed,
        "no_to_all": frozenset(),
        "first_operator": _applied(signs[0], sets[names[0]], sets[names[1]]),
        "last_operator": _applied(signs[-1], sets[names[-2]], sets[names[-1]]),
        "left_to_right": running,
        "at_least_two": frozenset(item for item in listed if sum(item in items for items in sets.values()) >= 2),
    }


def shown(expr: str, roles: Mapping[str, str]) -> str:
    """A form with the names that a problem shows instead of the roles."""
    return re.sub(r"[A-Z]", lambda match: roles[match[0]], expr)


def _applied(operator: Operator, first: Items, second: Items) -> Items:
    return first & second if operator == "&" else first | second


def _tokens(expr: str) -> list[tuple[str, int]]:
    found, at = [], 0
    while expr[at:].strip():
        match = _TOKEN.match(expr, at)
        if match is None:
            column = at + len(expr[at:]) - len(expr[at:].lstrip()) + 1
            raise ValueError(f"{expr!r}, column {column}: unknown operator {expr[column - 1]!r}; use & and |")
        found.append((match[1], match.start(1) + 1))
        at = match.end()
    return found


def _operand(tokens: list[tuple[str, int]], at: int, names: Set[str], expr: str) -> tuple[Node | str, int]:
    if at >= len(tokens):
        raise ValueError(f"{expr!r}, column {len(expr) + 1}: a set or a bracket is missing")
    token, column = tokens[at]
    if token == "(":  # noqa: S105  (a bracket, no password)
        node, after = _operand(tokens, at + 1, names, expr)
        node, after = _rest(node, tokens, after, names, expr)
        if after >= len(tokens) or tokens[after][0] != ")":
            raise ValueError(f"{expr!r}, column {column}: the bracket is not closed")
        return node, after + 1
    if token in ("&", "|", ")"):
        raise ValueError(f"{expr!r}, column {column}: unexpected {token!r}")
    if token not in names:
        raise ValueError(f"{expr!r}, column {column}: unknown set {token!r}; known: {', '.join(sorted(names))}")
    return token, at + 1


def _rest(
    first: Node | str, tokens: list[tuple[str, int]], at: int, names: Set[str], expr: str
) -> tuple[Node | str, int]:
    """Operators and operands after `first`, all of one kind."""
    found: list[Node | str] = [first]
    sign: Operator | None = None
    while at < len(tokens) and tokens[at][0] in ("&", "|"):
        operator: Operator = "&" if tokens[at][0] == "&" else "|"
        if sign is not None and operator != sign:
            raise ValueError(f"{expr!r}, column {tokens[at][1]}: & and | are mixed; it needs brackets")
        sign = operator
        operand, at = _operand(tokens, at + 1, names, expr)
        found.append(operand)
    return (first if sign is None else Node(sign, tuple(found))), at
