"""Prompts: the sets, one a line, and a question in one of three notations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from tasks.set_reasoning.expressions import Node, parse

Notation = Literal["symbol", "word", "python"]
Variant = Literal["direct", "steps"]

ENDINGS: Mapping[str, str] = {
    "direct": "Give only the elements, as one line: Answer: {x, y}. If there are none write Answer: {}.",
    "steps": "Work through the operations one at a time, then end with one line: Answer: {x, y} (or Answer: {}).",
}


def problem_text(problem: Mapping[str, Any], expr: str, notation: Notation) -> str:
    """The sets as they are listed, and the question."""
    return "\n".join([*_listing(problem["sets"]), _question(expr, set(problem["sets"]), notation)])


def generation_prompt(
    problem: Mapping[str, Any],
    expr: str,
    notation: Notation,
    variant: Variant,
    shots: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The whole question, after solved two-set problems if there are any."""
    parts = [
        f"{problem_text(shot, shot['expr'], notation)}\n{ENDINGS[variant]}\n{solved(shot, variant)}" for shot in shots
    ]
    return "\n\n".join([*parts, f"{problem_text(problem, expr, notation)}\n{ENDINGS[variant]}"])


def solved(problem: Mapping[str, Any], variant: Variant) -> str:
    """The answer of an example; with steps, the one operation is said first."""
    answer = f"Answer: {{{', '.join(problem['answer'])}}}"
    if variant == "direct":
        return answer
    return f"{problem['expr'].replace('&', '∩').replace('|', '∪')} = {{{', '.join(problem['answer'])}}}\n{answer}"


def membership_prompt(problem: Mapping[str, Any], expr: str, notation: Notation, item: str, emptied: bool) -> str:
    """The question on one element; `emptied` shows the sets without elements, for calibration."""
    shown = dict.fromkeys(problem["sets"], ()) if emptied else problem["sets"]
    lines = [*_listing(shown), _question(expr, set(problem["sets"]), notation)]
    return "\n".join([*lines, f'Is "{item}" in the result? Answer:'])


def in_words(node: Node | str) -> str:
    """An expression in words: "in A or B, and also in C"."""
    if isinstance(node, str):
        return f"in {node}"
    inner = [operand for operand in node.operands if isinstance(operand, Node)]
    if not inner:
        joined = " or ".join(map(str, node.operands))
        return f"in {joined}" if node.operator == "|" else f"in both {' and '.join(map(str, node.operands))}"
    if node.operator == "&":
        return ", and also ".join(map(in_words, node.operands))
    return ", or else ".join(map(in_words, node.operands))


def _listing(sets: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"Set {name} = {{{', '.join(items)}}}" for name, items in sets.items()]


def _question(expr: str, names: set[str], notation: Notation) -> str:
    if notation == "word":
        words = in_words(parse(expr, names))
        words = re.sub(r"^in both (\w) and (\w) and (\w)$", r"in all of \1, \2 and \3", words)
        return f"Question: which elements are {words}?"
    if notation == "python":
        return f"Question: which elements are in the Python expression {expr}?"
    return f"Question: which elements are in {expr.replace('&', '∩').replace('|', '∪')}?"
