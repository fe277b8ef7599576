"""Rankings: models side by side that answered the same questions, with what is known of their ranks.

A board holds runs of one task with the same version, docs, options and mode, ranked by one metric under one condition.
Nothing is averaged over conditions, modes or tasks. A rank is an interval: one more than the number of models that
are significantly better, up to the number of models that this one does not significantly beat, all pairs tested
together with Holm's correction (Mogstad, Romano, Shaikh and Wilhelm, "Inference for ranks", Review of Economic
Studies 91, 2024). The tests take the models' estimates as independent, which is cautious where they answered the
same docs.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from suite.errors import UserError
from suite.identity import canonical_json, digest
from suite.registry import path_options, task_classes
from suite.report.queries import RunView
from suite.task import Task

_ALPHA = 0.05
_HALF_WIDTH = 1.959963984540054  # standard errors in half of a 95 % interval


@dataclass(frozen=True, slots=True)
class Place:
    """A run on a board; ranks count from 1, and several runs may share one."""

    run: RunView
    metric: Mapping[str, Any]
    rank: int
    rank_low: int
    rank_high: int


@dataclass(frozen=True, slots=True)
class Board:
    """A ranking.

    Attributes:
        setting: digest of what all its runs have in common: version, docs, options.
        condition: of the metric.
    """

    task: str
    version: str
    setting: str
    n_docs: int
    mode: str | None
    metric: str
    condition: Mapping[str, Any]
    higher_is_better: bool
    places: Sequence[Place]


def boards(task: str, runs: Sequence[RunView]) -> list[Board]:
    """The boards of a task, by its own order of metrics; those with more models go first among equals.

    Only complete runs are ranked; of a model's several runs in one setting, the last.
    """
    wanted = _ranked_by(task)
    cells: dict[str, list[tuple[RunView, Mapping[str, Any]]]] = defaultdict(list)
    order: dict[str, tuple[int, int]] = {}
    for run in _last_of_each_model(runs):
        for at, metric in enumerate(run.metrics):
            place = next((number for number, want in enumerate(wanted) if _is_wanted(metric, want)), None)
            if place is not None and metric["value"] is not None and metric["higher_is_better"] is not None:
                key = canonical_json([_setting(run), metric["mode"], metric["name"], metric["condition"]])
                cells[key].append((run, metric))
                order.setdefault(key, (place, at))
    found = [_board(task, cell) for key, cell in sorted(cells.items(), key=lambda item: (order[item[0]], item[0]))]
    return sorted(found, key=lambda board: -len(board.places))


def mean_rank_shares(by_task: Mapping[str, Sequence[Board]]) -> list[tuple[str, float, int]]:
    """Each model's share of rivals that it leaves behind, averaged over families; best first.

    In a family it is ``(n - rank) / (n - 1)`` on the first board that has rivals; a model must stand on that board of
    every family. Returns (model, mean share, number of families).
    """
    first = [next((board for board in own if len(board.places) > 1), None) for own in by_task.values()]
    shares: dict[str, list[float]] = defaultdict(list)
    families = [board for board in first if board is not None]
    for board in families:
        for place in board.places:
            share = (len(board.places) - place.rank) / (len(board.places) - 1)
            shares[str(place.run.row["model"])].append(share)
    whole = [(model, sum(own) / len(own), len(own)) for model, own in shares.items() if len(own) == len(families)]
    return sorted(whole, key=lambda row: (-row[1], row[0]))


def rank_intervals(values: Sequence[float], errors: Sequence[float]) -> list[tuple[int, int]]:
    """First and last rank that each value may have, the highest value being first.

    Args:
        values: estimates, taken as independent and normal.
        errors: their standard errors; two estimates without error differ if they are not equal.
    """
    from scipy.stats import norm

    from suite.stats import holm

    pairs = list(combinations(range(len(values)), 2))
    z = [_z(values[first] - values[second], math.hypot(errors[first], errors[second])) for first, second in pairs]
    p_values = [float(p) for p in 2 * norm.sf(z)]
    better, worse = [0] * len(values), [0] * len(values)  # how many are significantly better, or worse, than each
    for (first, second), p in zip(pairs, holm(p_values) if pairs else [], strict=True):
        if p < _ALPHA:
            high, low = (first, second) if values[first] > values[second] else (second, first)
            better[low] += 1
            worse[high] += 1
    return [(1 + above, len(values) - below) for above, below in zip(better, worse, strict=True)]


def _z(gap: float, error: float) -> float:
    if error:
        return abs(gap) / error
    return math.inf if gap else 0.0


def _board(task: str, cell: Sequence[tuple[RunView, Mapping[str, Any]]]) -> Board:
    run, metric = cell[0]
    sign = 1.0 if metric["higher_is_better"] else -1.0
    values = [sign * own["value"] for _, own in cell]
    intervals = rank_intervals(values, [_error(own) for _, own in cell])
    places = [
        Place(view, own, 1 + sum(other > value for other in values), low, high)
        for (view, own), value, (low, high) in zip(cell, values, intervals, strict=True)
    ]
    return Board(
        task=task,
        version=run.row["task_version"],
        setting=digest(_setting(run), 10),
        n_docs=run.row["n_docs"] or 0,
        mode=metric["mode"],
        metric=metric["name"],
        condition=metric["condition"],
        higher_is_better=metric["higher_is_better"],
        places=sorted(places, key=lambda place: (place.rank, place.run.label)),
    )


def _error(metric: Mapping[str, Any]) -> float:
    """Standard error; from the interval, which is not empty where all answers are alike."""
    if metric["ci_low"] is not None and metric["ci_high"] is not None:
        return float(metric["ci_high"] - metric["ci_low"]) / (2 * _HALF_WIDTH)
    return float(metric["stderr"] or 0.0)


def _last_of_each_model(runs: Sequence[RunView]) -> list[RunView]:
    last: dict[str, RunView] = {}
    for run in sorted(runs, key=lambda run: (str(run.row["finished_at"]), run.run_id)):
        if run.row["status"] == "complete":
            last[canonical_json([_setting(run), run.row["mode"], run.row["model_fingerprint"]])] = run
    return sorted(last.values(), key=lambda run: run.run_id)


def _setting(run: RunView) -> list[Any]:
    """What runs must share to be compared. Where their data lies is nothing of it: the docs' hash says what it is."""
    task = _task_class(str(run.row["task"]))
    places = path_options(task) if task else frozenset()
    options = run.row["options"]
    if isinstance(options, Mapping):  # of an imported run they may be anything
        options = {name: value for name, value in options.items() if name not in places}
    return [run.row["task_version"], run.row["dataset_hash"], run.row["n_docs"], options]


def _is_wanted(metric: Mapping[str, Any], want: Mapping[str, Any]) -> bool:
    told = {"name": metric["name"], **metric["condition"]}
    return bool(metric["headline"]) and want.items() <= told.items()


def _ranked_by(task: str) -> Sequence[Mapping[str, Any]]:
    """What the task ranks models by; an imported run may be of a task that is not here."""
    found = _task_class(task)
    return found.ranked_by if found else ()


def _task_class(task: str) -> type[Task] | None:
    try:
        return task_classes().get(task)
    except UserError:
        return None
