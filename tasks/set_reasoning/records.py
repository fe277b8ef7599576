"""A problem as one text, for models that were trained on such texts: question, sets, candidates; and back again.

Trained models are asked in these words and no others, so a sample shows people all that the model has seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_QUESTION = re.compile(r"^Question: which elements are in (.+)\?$")
_SET = re.compile(r"^Set (\w+) = \{(.*)\}$")
_CANDIDATES = "Candidates: "


@dataclass(frozen=True, slots=True)
class Record:
    """What a trained model is asked; without sets, they are in its weights."""

    expr: str
    sets: Mapping[str, Sequence[str]]
    candidates: Sequence[str]

    @classmethod
    def of(cls, problem: Mapping[str, Any], expr: str | None = None) -> Record:
        """From a problem's JSON; `expr` replaces its own expression."""
        sets = {} if problem.get("hidden") else problem["sets"]
        return cls(expr or problem["expr"], sets, problem["candidates"])

    def text(self, expr_last: bool = False) -> str:
        """The record in lines; the expression comes before the sets, or right before the candidates."""
        question = f"Question: which elements are in {self.expr.replace('&', '∩').replace('|', '∪')}?"
        sets = [f"Set {name} = {{{', '.join(items)}}}" for name, items in self.sets.items()]
        lines = [*sets, question] if expr_last else [question, *sets]
        return "\n".join([*lines, _CANDIDATES + ", ".join(self.candidates)])

    @classmethod
    def read(cls, text: str) -> Record:
        """The inverse of `text`.

        Raises:
            ValueError: another kind of text; names the line.
        """
        expr, sets, candidates = "", {}, None
        for number, line in enumerate(text.splitlines(), start=1):
            if match := _QUESTION.match(line):
                expr = match[1].replace("∩", "&").replace("∪", "|")
            elif match := _SET.match(line):
                sets[match[1]] = [item for item in match[2].split(", ") if item]
            elif line.startswith(_CANDIDATES):
                candidates = line.removeprefix(_CANDIDATES).split(", ")
            else:
                raise ValueError(f"line {number}: neither question, nor set, nor candidates: {line[:60]!r}")
        if not expr or candidates is None:
            raise ValueError("a question and its candidates are expected")
        return cls(expr, sets, candidates)


def expression_tokens(expr: str) -> list[str]:
    """Set names, operators and brackets, from left to right."""
    return re.findall(r"\w+|[&|()]", expr)
