"""What the page's figures are made of: trainings that differ in the seed alone, put together, and words for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from suite.identity import canonical_json
from suite.report.charts import BLUE, GREEN, ORANGE
from suite.report.queries import RunView
from suite.seeds import SeedRow, over_seeds

MASKS = {"encoder": BLUE, "decoder": ORANGE, "prefix": GREEN}
FORMS = {
    "s1": "A",
    "i2": "A ∩ B",
    "u2": "A ∪ B",
    "i3": "A ∩ B ∩ C",
    "ui": "(A ∪ B) ∩ C",
    "iu": "(A ∩ B) ∪ C",
    "u_i": "A ∪ (B ∩ C)",
    "i_u": "A ∩ (B ∪ C)",
    "u3": "A ∪ B ∪ C",
}
COMPOSED = ("i3", "ui", "iu", "u_i", "i_u")
FACTS = "mask_reversal"


@dataclass(frozen=True, eq=False)
class Recipe:
    """Trainings that differ in the seed alone.

    Attributes:
        mask: "encoder", "decoder" or "prefix".
        panel: what was trained, without the mask, in words.
        failed: seeds that missed the stop rule, and how they are called.
    """

    runs: Sequence[RunView]
    mask: str
    panel: str
    failed: Mapping[int, str]

    def over_seeds(self, *names: str) -> list[SeedRow]:
        """The metrics of these names, a row a condition."""
        return over_seeds([run.row for run in self.runs], {run.run_id: run.metrics for run in self.runs}, names)

    @property
    def is_quoted(self) -> bool:
        """Trained from scratch on two sets with a third one listed, as the task's headline has it."""
        settings = _settings(self.runs[0])
        is_plain = settings.get("readout") == "membership" and settings.get("expr_position") == "first"
        return settings.get("train") == "T2D" and is_plain

    @property
    def place(self) -> str:
        """Where the sets are: models of different places stand in different figures."""
        return "in the weights" if _settings(self.runs[0]).get("data") == "set_ops_param" else "listed"

    @property
    def is_of_facts(self) -> bool:
        return _settings(self.runs[0]).get("data") == FACTS


def recipes(runs: Sequence[RunView]) -> list[Recipe]:
    """The trained models among the runs, by mask; of each training the last run only."""
    found: dict[str, dict[Any, RunView]] = defaultdict(dict)
    for run in runs:
        settings = _settings(run)
        if settings.get("objective") in MASKS and "seed" in settings:
            found[canonical_json([{**settings, "seed": None}, run.row["options"]])][settings["seed"]] = run
    made = []
    for by_seed in found.values():
        own = list(by_seed.values())
        failed = {seed: str(one.training["status"]) for seed, one in by_seed.items() if _is_failed(one)}
        made.append(Recipe(own, str(_settings(own[0])["objective"]), _panel(own[0]), failed))
    return sorted(made, key=lambda recipe: list(MASKS).index(recipe.mask))


def prompted(runs: Sequence[RunView]) -> list[RunView]:
    """The runs of models that this task did not train."""
    return [run for run in runs if _settings(run).get("objective") not in MASKS]


def by_place(found: Sequence[Recipe]) -> list[tuple[str, list[Recipe]]]:
    """(end of a figure's title, recipes) of models whose sets are listed, then of those with sets in the weights."""
    own = [recipe for recipe in found if not recipe.is_of_facts]
    groups = [("", [one for one in own if one.place == "listed"])]
    groups.append((", sets in the weights", [one for one in own if one.place != "listed"]))
    return [(title, group) for title, group in groups if group]


def form_label(condition: Mapping[str, Any]) -> str:
    """The form as a formula; of sets in the weights, with what was trained on them."""
    form = FORMS.get(str(condition.get("form")), str(condition.get("form", "")))
    if "sets" not in condition:
        return form
    return f"{form} · {'two sets trained' if condition['sets'] == 'asked' else 'stated only'}"


def in_order(labels: Sequence[str]) -> list[str]:
    """Labels of forms, two sets first, and the copying form last."""
    order = list(FORMS.values())
    return sorted(set(labels), key=lambda label: (_at(order, label.partition(" · ")[0]), label))


def _at(order: Sequence[str], form: str) -> int:
    return order.index(form) if form in order else len(order)


def _settings(run: RunView) -> Mapping[str, Any]:
    found = run.training.get("settings")
    return found if isinstance(found, Mapping) else {}


def _is_failed(run: RunView) -> bool:
    return run.training.get("status") in ("not_converged", "not_memorised")


def _panel(run: RunView) -> str:
    settings = _settings(run)
    data, start = settings.get("data"), settings.get("start")
    steps = f"{run.training.get('steps'):,} steps" if isinstance(run.training.get("steps"), int) else ""
    if data == FACTS:
        return "all facts in one order" if settings.get("both_fraction") == "0" else "a third of facts in both orders"
    parts = ["sets in the weights" if data == "set_ops_param" else str(settings.get("train"))]
    if isinstance(start, Mapping):
        parts.append(PurePosixPath(str(start.get("name"))).name + (" with LoRA" if settings.get("lora") else ""))
    parts += ["written answers"] if settings.get("readout") == "written" else []
    parts += ["expression last"] if settings.get("expr_position") == "last" else []
    return ", ".join([*parts, steps])
