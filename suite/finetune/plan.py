"""What a comparison trains: objectives with their options, each as long as its budget says, maybe after a first stage.

Objectives that show every fact twice cannot have both as many tokens and as many epochs as `ntp`; a comparison may
train them for either or both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from suite.costs import BASELINE
from suite.errors import UserError, unknown
from suite.finetune.checks import check_training, part_of, rows_of
from suite.task import TrainingDoc

ALL = "all"
Budget = Literal["steps", "tokens", "epochs"]
_NEARLY_EQUAL = 0.02  # budgets that differ by less are one training


@dataclass(frozen=True, slots=True)
class Variant:
    """An objective with options of its own.

    Attributes:
        text: as it was named, ``NAME:KEY=VALUE:...``.
    """

    text: str
    objective: str
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is trained with every seed.

    Attributes:
        name: of the model folders, without the seed.
        training: arguments of `suite.finetune.finetune_task`, without output and seed.
    """

    name: str
    training: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """What is learned before the objectives compared: the documents whose meta has these values, by `ntp` or `mlm`.

    Attributes:
        steps: of the first stage; None: as many as its preset has.
    """

    where: Mapping[str, str]
    steps: int | None = None


def variant(text: str) -> Variant:
    """Reads ``NAME`` or ``NAME:KEY=VALUE:...``.

    Raises:
        UserError: an option without an equals sign.
    """
    name, *pairs = (part.strip() for part in text.split(":"))
    for pair in pairs:
        if "=" not in pair:
            raise UserError(f"--objective {text}: expected NAME:KEY=VALUE, and {pair!r} has no equals sign")
    return Variant(text, name, dict(pair.split("=", 1) for pair in pairs))


def recipes(
    docs: Sequence[TrainingDoc],
    objectives: Sequence[str],
    budgets: Sequence[str],
    training: Mapping[str, Any],
    stage: Stage | None = None,
) -> tuple[list[Recipe], dict[str, str]]:
    """What to train, and objectives that are left out with the reason.

    Args:
        docs: all training texts of the task.
        objectives: as `variant` reads them, or "all"; of all, those that cannot train this model are left out.
        budgets: what an objective shall have in common with `ntp`; several give several trainings where they differ.
        training: common arguments of `finetune_task`.
        stage: what is learned before.

    Raises:
        UserError: an unknown budget; an objective that was named and cannot train this model on these texts.
    """
    from suite.registry import objectives as known

    for budget in budgets:
        if budget not in get_args(Budget):
            raise unknown("budget", budget, get_args(Budget))
    is_all = list(objectives) == [ALL]
    asked = docs if stage is None else part_of(docs, stage.where)[1]
    found: list[Recipe] = []
    left_out: dict[str, str] = {}
    for one in map(variant, known() if is_all else dict.fromkeys(objectives)):
        own = {**training, "objective": one.objective, "scratch": _scratch_of(one.objective, training.get("scratch"))}
        own["objective_options"] = dict(one.options)
        start = own if stage is None or own["scratch"] is None else {**own, "lora": False}  # put on the first stage
        try:
            check_training(asked, **start)
        except UserError as error:
            if not is_all:
                raise
            left_out[one.text] = str(error)
            continue
        found += [Recipe(_slug(one.text, steps), {**own, **_length(steps)}) for steps in _steps(asked, start, budgets)]
    return found, left_out


def trains_causal(objective: str) -> bool:
    """Whether the objective trains causal models; encoders are trained by one of their own."""
    from suite.finetune.objectives import load_objective

    return "causal" in load_objective(objective).kinds


def _scratch_of(objective: str, scratch: str | None) -> str | None:
    """The preset for an objective: encoders need another one than causal models."""
    from suite.finetune.settings import load_preset

    if scratch is None or trains_causal(objective):
        return scratch
    return load_preset(scratch).encoder or scratch


def _steps(docs: Sequence[TrainingDoc], own: Mapping[str, Any], budgets: Sequence[str]) -> list[int | None]:
    """The lengths that a recipe is trained for; None: as the arguments have it."""
    if set(budgets) == {"steps"}:
        return [None]
    wanted = rows_of(docs, **own)
    baseline_of = {**own, "objective": BASELINE, "objective_options": {}}
    baseline = rows_of(docs, **baseline_of) if trains_causal(str(own["objective"])) else wanted
    lengths = {
        "steps": float(baseline.steps),
        "tokens": baseline.steps * baseline.tokens_per_row / wanted.tokens_per_row,
        "epochs": baseline.steps * wanted.rows_per_epoch / baseline.rows_per_epoch,
    }
    found: list[int | None] = []
    for budget in budgets:
        length = max(1, round(lengths[budget]))
        if abs(length - baseline.steps) <= _NEARLY_EQUAL * baseline.steps:
            length = baseline.steps
        if length not in found:
            found.append(length)
    return found


def _length(steps: int | None) -> dict[str, Any]:
    return {} if steps is None else {"steps": steps, "epochs": None}


def _slug(text: str, steps: int | None) -> str:
    """A folder name; the steps keep trainings of several budgets apart."""
    name = re.sub(r"[^\w.-]+", "-", text)
    return name if steps is None else f"{name}-{steps}"
