"""The eleven tasks of the prize and what is known of their public files, read from ``release.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from tasks.inverse_scaling.rows import Kind

Name = Literal[
    "resisting-correction",
    "memo-trap",
    "redefine",
    "prompt-injection",
    "modus-tollens",
    "pattern-matching-suppression",
    "neqa",
    "sig-figs",
    "into-the-unknown",
    "hindsight-neglect",
    "repetitive-algebra",
]
NAMES: tuple[Name, ...] = get_args(Name)


@dataclass(frozen=True, slots=True)
class Subtask:
    """What the paper says of a task, and its file in the release.

    Attributes:
        cause: why larger models fail, as the paper sorts the tasks.
        agreement_percent: of crowd workers with the labels.
        chance: mean of 1 / number of classes; None for sequences.
        file, bytes, sha256: of the released file.
        lm_eval_equivalent: task of lm-eval with the same rows, if there is one.
    """

    cause: str
    round: int
    kind: Kind
    rows: int
    agreement_percent: float
    chance: float | None
    file: str
    bytes: int
    sha256: str
    lm_eval_equivalent: str | None


@dataclass(frozen=True, slots=True)
class Release:
    """The public files: the name of their revision, and the tasks by name."""

    revision: str
    source: str
    tasks: dict[str, Subtask]


@cache
def release() -> Release:
    """What is known of the release of March 2023."""
    raw = json.loads(Path(__file__).with_name("release.json").read_text(encoding="utf-8"))
    return Release(raw["revision"], raw["source"], {name: Subtask(**fields) for name, fields in raw["tasks"].items()})
