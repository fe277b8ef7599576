"""The compositional index (CI): one number a mechanism and pattern from metrics of unlike scales.

Zhang et al., "CAB", ICML 2023, arXiv 2210.07661, reconstructed from their scores and constants. Each metric becomes
z = sign (x - mean) / sd over a population of mechanisms; a task's score is the mean z of its metrics, CI the mean of
the task scores of a pattern. The robust form takes median and 1.4826 MAD, and ln of perplexities, of which two outliers
would otherwise make the scale.
"""

from __future__ import annotations

import csv
import itertools
import math
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from suite.attention.patterns import Pattern
from suite.attention.published import our_names, rows
from suite.errors import UserError

# The grid of CAB's index: eleven pairs of pattern and task.
CAB_TASKS: Mapping[Pattern, frozenset[str]] = {
    Pattern.NS: frozenset({"TTS", "Sum", "SR", "MLM"}),
    Pattern.CS: frozenset({"TTS", "Sum", "LM"}),
    Pattern.NC: frozenset({"PCC", "LSTF"}),
    Pattern.CC: frozenset({"TTS", "Sum"}),
}
# Who is scored but does not shape the scale: the control here; in CAB what came later or is no attention.
RUN_LEFT_OUT: Mapping[Pattern, frozenset[str]] = {pattern: frozenset({"none"}) for pattern in Pattern}
CAB_LEFT_OUT: Mapping[Pattern, frozenset[str]] = {
    pattern: frozenset({"sdpa", "s4d"} if pattern is Pattern.CS else {"sdpa"}) for pattern in Pattern
}
_LEAST_POPULATION = 3
_LEAST_COMMON = 4

Column = tuple[Pattern, str, str, str]  # pattern, task, backbone, metric


@dataclass(frozen=True, slots=True)
class Score:
    """One metric of one mechanism; `sign` is 1 where higher is better, else -1."""

    pattern: Pattern
    task: str
    metric: str
    sign: int
    method: str
    value: float
    backbone: str = ""

    @property
    def column(self) -> Column:
        """What is standardised together."""
        return self.pattern, self.task, self.backbone, self.metric


@dataclass(frozen=True, slots=True)
class Index:
    """One mechanism in one pattern.

    Attributes:
        tasks: task -> score; None where a metric is missing or has no scale.
        value: CI, None unless every task of the pattern has a score.
        delta: `value` less that of vanilla.
    """

    pattern: Pattern
    method: str
    tasks: Mapping[str, float | None]
    value: float | None
    delta: float | None


def read_scores(file: Path) -> list[Score]:
    """Scores from a CSV with columns pattern, task, backbone, metric, sign, attention, value.

    Raises:
        UserError: no such file, a missing column, or a row that is no score, by its number.
    """
    wanted = ("pattern", "task", "backbone", "metric", "sign", "attention", "value")
    if not file.is_file():
        raise UserError(f"{file}: no such file")
    with file.open(encoding="utf-8", newline="") as lines:
        table = csv.DictReader(lines)
        if missing := [name for name in wanted if name not in (table.fieldnames or ())]:
            raise UserError(f"{file}: column {missing[0]} is missing; expected {', '.join(wanted)}")
        return [_score(row, f"{file}: row {number}") for number, row in enumerate(table, start=1)]


def published_scores() -> list[Score]:
    """The scores that CAB printed, by our names of mechanisms."""
    found = []
    for row in rows("score"):
        at = row["condition"]
        found.append(
            Score(
                Pattern(at["pattern"]),
                at["task"],
                row["metric"],
                at["sign"],
                at["mechanism"],
                row["value"],
                at["backbone"],
            )
        )
    return found


def compositional_index(
    scores: Sequence[Score],
    reference: Literal["run", "cab"] = "run",
    *,
    is_robust: bool = False,
    tasks: Mapping[Pattern, Collection[str]] = CAB_TASKS,
    left_out: Mapping[Pattern, Collection[str]] = RUN_LEFT_OUT,
) -> list[Index]:
    """CI of every mechanism and pattern in `scores`, in the order of patterns, the best first.

    Args:
        reference: ``run`` standardises by the mechanisms in `scores`; ``cab`` by CAB's constants, for its tasks only.
        is_robust: median and MAD of the run, ln of perplexities (metrics whose name ends with ``ppl``).
        tasks: what each pattern must have; a mechanism that lacks one has no CI.
        left_out: mechanisms that are scored but are no part of the population.

    Raises:
        UserError: two scores of one cell, or with ``cab`` a task or metric that CAB does not have.
    """
    if reference == "cab" and is_robust:
        raise UserError("the robust index has no CAB constants; use reference='run'")
    cells = _cells(scores, is_robust)
    scales = cab_constants() if reference == "cab" else population_constants(scores, left_out, is_robust=is_robust)
    if reference == "cab":
        if beyond := sorted(cells.keys() - scales.keys()):
            raise UserError(f"CAB has no {' '.join(filter(None, beyond[0]))}; use reference='run'")
        cells = {
            column: cells.get(column, {}) for column in scales
        }  # a metric that is missing leaves a task without score
    signs = {score.column: score.sign for score in scores}
    z = {column: _standardised(cells[column], scales.get(column), signs.get(column, 1)) for column in cells}
    found: list[Index] = []
    for pattern in Pattern:
        methods = sorted({method for column in cells if column[0] is pattern for method in cells[column]})
        table = {method: _task_scores(z, pattern, method, tasks[pattern]) for method in methods}
        values = {method: _mean(list(table[method].values())) for method in methods}
        vanilla = values.get("vanilla")
        for method in sorted(methods, key=lambda name: (values[name] is None, -(values[name] or 0.0), name)):
            value = values[method]
            delta = None if value is None or vanilla is None else value - vanilla
            found.append(Index(pattern, method, table[method], value, delta))
    return found


def population_constants(
    scores: Sequence[Score], left_out: Mapping[Pattern, Collection[str]], *, is_robust: bool = False
) -> dict[Column, tuple[float, float]]:
    """Column -> centre and scale over its population; columns of under 3 mechanisms or without spread are left out."""
    found = {}
    for column, values in _cells(scores, is_robust).items():
        population = [value for method, value in values.items() if method not in left_out[column[0]]]
        if len(population) < _LEAST_POPULATION:
            continue
        if is_robust:
            centre = statistics.median(population)
            scale = 1.4826 * statistics.median(abs(value - centre) for value in population)
        else:
            centre, scale = statistics.fmean(population), statistics.stdev(population)
        if scale > 1e-12 * max(abs(centre), 1e-300):
            found[column] = centre, scale
    return found


def cab_constants() -> dict[Column, tuple[float, float]]:
    """Column -> mean and standard deviation as CAB printed them."""
    found: dict[Column, dict[str, float]] = {}
    for row in rows("constant"):
        at = row["condition"]
        column = Pattern(at["pattern"]), at["task"], at["backbone"], at["metric"]
        found.setdefault(column, {})[row["metric"]] = row["value"]
    return {column: (both["mu"], both["sigma"]) for column, both in found.items()}


def attention_benefit(indices: Iterable[Index]) -> dict[tuple[Pattern, str], float | None]:
    """(pattern, task) -> score of vanilla less that of `none`: what attention is good for there."""
    by_method = {(index.pattern, index.method): index.tasks for index in indices}
    found: dict[tuple[Pattern, str], float | None] = {}
    for (pattern, method), tasks in by_method.items():
        control = by_method.get((pattern, "none"))
        if method != "vanilla" or control is None:
            continue
        for task, score in tasks.items():
            other = control.get(task)
            found[pattern, task] = None if score is None or other is None else score - other
    return found


def correlations(indices: Iterable[Index]) -> dict[tuple[Pattern, Pattern], tuple[float | None, int]]:
    """Pair of patterns -> Pearson's r of CI over the mechanisms that both have (None below 4), and their number."""
    values: dict[Pattern, dict[str, float]] = {pattern: {} for pattern in Pattern}
    for index in indices:
        if index.value is not None:
            values[index.pattern][index.method] = index.value
    found = {}
    for first, second in itertools.combinations(Pattern, 2):
        common = sorted(values[first].keys() & values[second].keys())
        pairs = [values[first][name] for name in common], [values[second][name] for name in common]
        has_r = len(common) >= _LEAST_COMMON and all(len(set(side)) > 1 for side in pairs)
        found[first, second] = (statistics.correlation(*pairs) if has_r else None), len(common)
    return found


def _cells(scores: Sequence[Score], is_robust: bool) -> dict[Column, dict[str, float]]:
    """Column -> mechanism -> value, perplexities as logarithms in the robust form."""
    found: dict[Column, dict[str, float]] = {}
    for score in scores:
        column = found.setdefault(score.column, {})
        if score.method in column:
            raise UserError(f"{score.pattern} {score.task} {score.metric}: two scores of {score.method}")
        is_log = is_robust and score.metric.lower().endswith("ppl")
        column[score.method] = math.log(score.value) if is_log else score.value
    return found


def _standardised(values: Mapping[str, float], scale: tuple[float, float] | None, sign: int) -> dict[str, float]:
    return {} if scale is None else {name: sign * (value - scale[0]) / scale[1] for name, value in values.items()}


def _task_scores(
    z: Mapping[Column, Mapping[str, float]], pattern: Pattern, method: str, tasks: Collection[str]
) -> dict[str, float | None]:
    """Task -> mean z; None where the mechanism lacks one of the metrics that the task has."""
    found: dict[str, float | None] = {}
    for task in sorted(tasks):
        columns = [column for column in z if column[:2] == (pattern, task)]
        found[task] = _mean([z[column].get(method) for column in columns])
    return found


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known and len(known) == len(values) else None


def _score(row: Mapping[str, str], where: str) -> Score:
    try:
        value, sign, pattern = float(row["value"]), int(row["sign"]), Pattern(row["pattern"])
    except (TypeError, ValueError) as error:
        raise UserError(f"{where}: {error}") from None
    if not math.isfinite(value) or sign not in (1, -1):
        raise UserError(f"{where}: value {row['value']}, sign {row['sign']}; expected a finite number, and 1 or -1")
    method = our_names().get(row["attention"], row["attention"])
    return Score(pattern, row["task"], row["metric"], sign, method, value, row["backbone"])
