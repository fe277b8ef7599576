"""What an objective brings for what it costs: the reverse direction against tokens, steps and seconds of a training.

The score of a direction is the mean of its cells in one training, then the mean over seeds. Efficiency is the reverse
score divided by the cost. Objectives that show every fact twice cannot match `ntp` in tokens and in epochs at once, so
each line says what it has in common with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from suite.seeds import READOUT, Cost, SeedRow, labels
from suite.stats import student_interval

BASELINE = "ntp"
SCORES = ("em", "steps_solved", "retrieval_hits1", "retrieval_steps_solved")  # shares of what was asked that is right
_ALIKE = 0.03  # two budgets that differ by less are one


@dataclass(frozen=True, slots=True)
class Efficiency:
    """One objective by one score.

    Attributes:
        score: name of the metric that the three shares are of.
        same, reverse: means over the cells of a direction; low, high: 95 % interval of `reverse` over seeds.
        retained: the score on what an earlier stage had taught; None without one.
        budget: what the training has in common with `ntp`: steps, tokens, epochs.
    """

    label: str
    objective: str
    score: str
    seeds: int
    same: float | None
    reverse: float
    low: float | None
    high: float | None
    retained: float | None
    budget: str
    cost: Cost

    @property
    def per_million_tokens(self) -> float:
        """Reverse score for each million tokens of training."""
        return self.reverse / (self.cost.tokens / 1e6)

    @property
    def per_thousand_steps(self) -> float:
        """Reverse score for each thousand optimiser steps."""
        return self.reverse / (self.cost.steps / 1e3)

    @property
    def per_minute(self) -> float:
        """Reverse score for each minute of the processor, or of the clock where a GPU did the work."""
        seconds = self.cost.cpu_seconds if self.cost.device == "cpu" else self.cost.seconds
        return self.reverse / (seconds / 60) if seconds else 0.0

    def to_row(self) -> dict[str, Any]:
        """A line of a table for people."""
        row: dict[str, Any] = {
            "objective": self.label,
            "score": self.score,
            "as trained": self.same,
            "in reverse": self.reverse,
            "95 % interval": "" if self.low is None else f"{self.low:.2f} to {self.high:.2f}",
            "retained": self.retained,
            "as ntp in": self.budget,
            "seeds": self.seeds,
            "tokens": round(self.cost.tokens),
            "steps": round(self.cost.steps),
            "epochs": round(self.cost.epochs, 1),
            "cpu s": round(self.cost.cpu_seconds, 1),
            "reverse per M tokens": self.per_million_tokens,
            "reverse per 1000 steps": self.per_thousand_steps,
            "reverse per minute": self.per_minute,
        }
        if self.cost.device != "cpu":
            row["gpu s"] = round(self.cost.seconds, 1)
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}


def efficiencies(rows: Iterable[SeedRow], scores: Sequence[str] = SCORES) -> list[Efficiency]:
    """One line an objective and score that was asked in reverse, in the order of the rows.

    Args:
        rows: from `suite.seeds.over_seeds`.
        scores: names of metrics whose conditions say `seen`; of what is written or read out, not of likelihoods.
    """
    kept = [row for row in rows if row.name in scores and row.condition.get("control", "none") == "none"]
    kept = [row for row in kept if "template" not in row.condition and row.mode in ("generate", READOUT)]
    names = labels(kept)
    grouped: dict[tuple[str, str, str], list[SeedRow]] = {}
    for row in kept:
        grouped.setdefault((row.recipe_key, row.mode, row.name), []).append(row)
    baselines = {row.recipe.get("data"): row.cost for row in reversed(kept) if row.recipe["objective"] == BASELINE}
    found = [
        _efficiency(names[key], group, baselines.get(group[0].recipe.get("data")))
        for (key, *_), group in grouped.items()
    ]
    return [one for one in found if one is not None]


def _efficiency(label: str, rows: Sequence[SeedRow], baseline: Cost | None) -> Efficiency | None:
    before = [row for row in rows if row.learned_before and _within(row.condition, row.learned_before)]
    asked = [row for row in rows if row not in before and row.condition.get("group") != "both"]
    same = [row for row in asked if row.condition.get("seen") == "same"]
    reverse = [row for row in asked if row.condition.get("seen") == "reverse"]
    if not reverse:
        return None
    by_seed = _by_seed(reverse)
    mean, low, high = student_interval(by_seed)
    first = rows[0]
    return Efficiency(
        label=label,
        objective=str(first.recipe["objective"]),
        score=first.name,
        seeds=first.n_seeds,
        same=fmean(_by_seed(same)) if same else None,
        reverse=mean,
        low=None if low is None else max(0.0, low),
        high=None if high is None else min(1.0, high),
        retained=fmean(_by_seed(before)) if before else None,
        budget=_in_common(first.cost, baseline),
        cost=first.cost,
    )


def _by_seed(rows: Sequence[SeedRow]) -> list[float]:
    """The mean of the cells in each training."""
    return [fmean(values) for values in zip(*(row.values for row in rows), strict=False)]


def _in_common(cost: Cost, baseline: Cost | None) -> str:
    if baseline is None:
        return ""
    pairs = {name: (getattr(cost, name), getattr(baseline, name)) for name in ("steps", "tokens", "epochs")}
    return ", ".join(name for name, (ours, theirs) in pairs.items() if abs(ours - theirs) <= _ALIKE * theirs)


def _within(condition: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    return where.items() <= condition.items()
