"""The cells of this task's tables: a set of walls asked in one way, and the words that people read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from suite.report.charts import LABEL_BREAK
from suite.report.queries import RunView

ARMS = {
    "BASE": "neutral word, no lure",
    "ABS": "herring, no lure",
    "SUB": "neutral word, lure",
    "RH": "herring, lure",
    "wall": "walls",
    "original": "original walls",
    "randomized": "randomised walls",
}
_METHODS = {"affinity": "affinities", "herring_pair": "herring pairs", "partition": "vectors"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One way of asking one set of walls in one run.

    Attributes:
        condition: set, question, method, and the prompt's factors; without arm and measure.
        panel: the heading of its panel: the run's label, after the way of asking where it wrote no answer.
    """

    run: RunView
    condition: Mapping[str, Any]

    @property
    def panel(self) -> str:
        method = _METHODS.get(str(self.condition.get("method")))
        return f"{method}: {self.run.label}" if method else self.run.label

    @property
    def set(self) -> str:
        return str(self.condition.get("set", ""))

    @property
    def way(self) -> str:
        """How it was asked, in a few words."""
        method = _METHODS.get(str(self.condition.get("method")))
        if method:
            return method
        shots = self.condition.get("shots")
        warned = ", warned" if self.condition.get("warn") is True and self.condition.get("prompt") != "paper" else ""
        return f"{self.condition.get('prompt', 'unknown')} prompt, {shots} shots{warned}"

    def named(self, name: str, **more: str) -> Mapping[str, Any] | None:
        """The metric of this cell by that name and exactly that further condition."""
        wanted = {**self.condition, **more}
        return next((m for m in self.run.metrics if m["name"] == name and dict(m["condition"]) == wanted), None)

    def arms(self, name: str) -> list[tuple[str, Mapping[str, Any]]]:
        """(arm, metric) of a metric, in the order of the run."""
        found = []
        for metric in self.run.metrics:
            condition = dict(metric["condition"])
            arm = condition.pop("arm", None)
            if metric["name"] == name and arm is not None and condition == self.condition and _has_value(metric):
                found.append((str(arm), metric))
        return sorted(found, key=lambda pair: _order(pair[0]))


def cells(runs: Sequence[RunView], question: str = "grouping") -> Iterator[Cell]:
    """The cells of the runs; conditions that are not of this task are passed over."""
    for run in runs:
        seen: list[dict[str, Any]] = []
        for metric in run.metrics:
            condition = {
                key: value
                for key, value in metric["condition"].items()
                if key not in ("arm", "measure", "status", "place")
            }
            if condition.get("question") == question and "set" in condition and condition not in seen:
                seen.append(condition)
                yield Cell(run, condition)


def arm_words(arm: str) -> str:
    """An arm as people read it; quads keep their short name too."""
    if arm.startswith("r") and arm[1:].isdigit():
        return "1 herring" if arm == "r1" else f"{arm[1:]} herrings"
    words = ARMS.get(arm, arm)
    return f"{arm}{LABEL_BREAK}{words}" if arm.isupper() and arm in ARMS else words


def _order(arm: str) -> tuple[int, str]:
    known = list(ARMS)
    return (known.index(arm) if arm in known else len(known)), arm


def _has_value(metric: Mapping[str, Any]) -> bool:
    return metric["value"] is not None
