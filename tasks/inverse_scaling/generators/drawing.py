"""What all generators draw with: their content, a phrasing of the style, rows with the right answer in its place."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from tasks.inverse_scaling.rows import Row

T = TypeVar("T")
Style = Literal["prize", "own"]
Form = Literal["mt", "da", "ac"]
FORMS: tuple[Form, ...] = ("mt", "da", "ac")  # denied consequent, denied antecedent, affirmed consequent
_CONTENT = Path(__file__).with_name("content")


@dataclass(frozen=True, slots=True)
class Wording:
    """How questions are put: wording of the paper's examples or our own, and what two of the tasks can vary."""

    style: Style = "prize"
    forms: tuple[Form, ...] = FORMS
    completion: Literal["first", "full"] = "first"


@dataclass(frozen=True, slots=True)
class Twins:
    """A row with its trap and the control without it; `cluster` is the template or scenario that they share."""

    trap: Row
    control: Row
    cluster: str


@cache
def content(name: str) -> Any:
    """The content file `name`; treat it as read-only."""
    return json.loads((_CONTENT / f"{name}.json").read_text(encoding="utf-8"))


def phrasing(rng: random.Random, choices: Sequence[T], style: Style) -> tuple[int, T]:
    """One of the phrasings and its number: number 0 is the paper's wording, the others are ours."""
    number = 0 if style == "prize" else rng.randrange(1, len(choices))
    return number, choices[number]


def lettered(options: Sequence[str]) -> str:
    """Options as lines ``A. text``."""
    return "\n".join(f"{letter(i)}. {text}" for i, text in enumerate(options))


def letter(index: int) -> str:
    return chr(ord("A") + index)


def ordered(right: str, wrong: Sequence[str], position: int) -> list[str]:
    """The answers with the right one at `position`."""
    return [*wrong[:position], right, *wrong[position:]]


def choice(
    subtask: str, prompt: str, right: str, wrong: str, position: int, part: int, meta: Mapping[str, str] | None = None
) -> Row:
    """A row of two answers, given without their leading space; the wrong one is the trap."""
    classes = tuple(f" {text}" for text in ordered(right, [wrong], position))
    return Row(
        subtask,
        "classification",
        prompt,
        classes,
        answer_index=position,
        trap_index=1 - position,
        part=part,
        meta=meta or {},
    )


def by_letter(subtask: str, prompt: str, n_options: int, answer: int, trap: int, part: int) -> Row:
    """A row whose answers are the letters of the options in its prompt."""
    classes = tuple(f" {letter(i)}" for i in range(n_options))
    return Row(subtask, "classification", prompt, classes, answer_index=answer, trap_index=trap, part=part)
