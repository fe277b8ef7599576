"""Curves out of stored runs: the points of a family along an axis, on the same items, with the verdict of each curve.

One curve a mode and condition. Values are means of a sample score over items (`cells`), so that differences between
two scales can be paired.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from suite.errors import UserError, unknown
from suite.trend.axes import AXES, ESTIMATED, INFERRED, registry, transformed
from suite.trend.cells import Cell, Placed, Question, cells_of, placed, runs_of, shared_items
from suite.trend.contrast import Contrast
from suite.trend.verdict import ALPHA, DELTA_NATS, DELTA_SHARE, Verdict, decide, paired_stderrs

if TYPE_CHECKING:
    import numpy as np

    from suite.store import Store
    from suite.task import Sample
    from suite.trend.slopes import Slope

__all__ = ["Contrast", "Curve", "Point", "Trend", "trend"]

FEW_ITEMS = 300  # under that, a fall of .10 is missed more often than found


@dataclass(frozen=True, slots=True)
class Point:
    """One scale of a curve: `x` as it is, before the logarithm; `value` as the score is, before orientation."""

    x: float
    value: float
    stderr: float | None
    model: str
    run_id: str
    how: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A metric of a task along an axis, under one mode and condition.

    Attributes:
        n: items that all points share.
        flags: the verdict's, and: "few_items" (under 300), "slope_excludes_zero", "incomplete_run" (over 2 % of a run
            failed), "cut_prompts" (some did not fit a model's window and lost their beginning), "estimated" and
            "inferred" (how a scale is known), "mixed_stages_allowed", "direction_assumed" (no metric of the score's
            name says whether more is better).
    """

    task: str
    metric: str
    family: str
    axis: str
    mode: str
    condition: Mapping[str, Any]
    n: int
    chance: float | None
    points: Sequence[Point]
    verdict: Verdict
    slope: Slope | None
    flags: tuple[str, ...]

    @property
    def note(self) -> str:
        """Net direction, valley or peak, and flags, in words."""
        found = self.verdict
        at = {"valley": found.valley, "peak": found.peak}
        places = [f"{name} at {self.points[index].x:.4g}" for name, index in at.items() if index is not None]
        return "; ".join([f"net {found.net}", *places, *self.flags])

    def to_json(self) -> dict[str, Any]:
        """Everything as a JSON object."""
        return {
            **{name: getattr(self, name) for name in ("task", "metric", "family", "axis", "mode", "n", "chance")},
            "condition": dict(self.condition),
            "points": [asdict(point) for point in self.points],
            "verdict": {**asdict(self.verdict), "flags": list(self.verdict.flags)},
            "slope": asdict(self.slope) if self.slope else None,
            "flags": list(self.flags),
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Trend:
    """The curves, and the runs that have no place on the axis, each with the reason."""

    curves: Sequence[Curve]
    left_out: Mapping[str, str]


def trend(
    task: str,
    family: str,
    axis: str = "params_total",
    *,
    metric: str | None = None,
    contrast: Contrast | None = None,
    where: Mapping[str, Any] | None = None,
    mode: str | None = None,
    delta: float | None = None,
    alpha: float = ALPHA,
    merge: Literal["mean"] | None = None,
    lower_is_better: bool | None = None,
    allow_mixed: bool = False,
    infer_from_name: bool = False,
    models: Path | None = None,
    results: Path = Path("results"),
) -> Trend:
    """Verdicts on how a metric of `task` changes along `axis` within `family`; curves and points are stored.

    Args:
        family: of the registry of models, or a pattern for model names, such as ``hf/./checkpoints/*``.
        axis: one of `AXES`.
        metric: a sample score; default the task's first headline score.
        contrast: judge the difference of the score between two arms instead.
        where: values of the condition that samples must have.
        mode: needed where the runs have several; modes never share a curve.
        delta: least change that matters; default .03 for shares, .10 for nats.
        merge: "mean" averages points of equal scale; otherwise they are an error.
        lower_is_better: whether the score should fall; None: as the task's metric of that name says.
        allow_mixed: let base and instruct models share a curve.
        infer_from_name: take sizes from models' names where nothing else says them; such curves are flagged.
        models: YAML file of further models.

    Raises:
        UserError: unknown task, axis or score; no run; mixed modes, stages, data or items; values out of range.
    """
    from suite.registry import task_classes
    from suite.store import Store

    if axis not in AXES:
        raise unknown("axis", axis, AXES)
    if delta is not None and not delta > 0:
        raise UserError(f"--delta {delta:g}: expected a number above 0")
    if not 0 < alpha < 1:
        raise UserError(f"--alpha {alpha:g}: expected a number between 0 and 1")
    classes = task_classes()
    if task not in classes:
        raise unknown("task", task, classes, "`unreason list` shows them.")
    name = metric or next(iter(classes[task].headline_scores), "")
    store, known = Store(results), registry(models)
    runs = runs_of(store, task, family, known, allow_mixed=allow_mixed)
    said = None if contrast is not None else _direction(store, runs, name)
    lower = lower_is_better if lower_is_better is not None else bool(said)
    question = Question(task, family, axis, name, contrast, where or {}, mode, lower, allow_mixed, infer_from_name)
    keys = [key for key in classes[task].cell_keys if key != axis and (contrast is None or key != contrast.key)]
    cells, left_out = cells_of(store, question, runs, known, keys)
    assumed = contrast is None and lower_is_better is None and said is None
    curves = [
        _curve(question, cell, placed(asked, question, cell), delta, alpha, merge)
        for cell, asked in sorted(cells.items(), key=lambda item: str(item[0]))
    ]
    if assumed:
        curves = [replace(curve, flags=(*curve.flags, "direction_assumed")) for curve in curves]
    store.replace_trends(task, family, axis, _told(question), [curve.to_json() for curve in curves])
    return Trend(curves, left_out)


def _direction(store: Store, runs: Sequence[Mapping[str, Any]], score: str) -> bool | None:
    """Whether the score should fall, as the stored metric of its name says; None if there is none."""
    rows = store.metrics([run["run_id"] for run in runs])
    said = {row["higher_is_better"] is False for row in rows if row["name"] == score}
    return next(iter(said)) if len(said) == 1 else None


def _told(question: Question) -> str:
    contrast = question.contrast
    return f"{question.metric}, {contrast.first} minus {contrast.second}" if contrast else question.metric


def _curve(
    question: Question, cell: Cell, rows: Sequence[Placed], delta: float | None, alpha: float, merge: str | None
) -> Curve:
    """One curve; the items that all points share decide."""
    import numpy as np

    from suite.stats import agresti_coull
    from suite.trend.slopes import describe

    scales = sorted({row.x for row in rows})
    if len(scales) < len(rows) and merge is None:
        twice = next(x for x in scales if sum(x == row.x for row in rows) > 1)
        raise UserError(f"two runs have {question.axis} {twice:g}; average them with --merge mean, or leave one out")
    docs = shared_items(rows, cell)
    groups = [[row for row in rows if row.x == scale] for scale in scales]
    items = np.array([[sum(row.values[doc] for row in own) / len(own) for doc in docs] for own in groups])
    clusters = [rows[0].samples[doc][0].cluster for doc in docs]
    is_share = all(row.is_share for row in rows)
    chance = None if question.contrast else _chance(rows, docs)
    oriented = -items if question.lower_is_better or question.contrast else items
    stderrs = _stderrs(items, clusters)
    means = oriented.mean(axis=1).tolist()
    last_high = agresti_coull(float(items[-1].sum()), len(docs))[2] if is_share and chance is not None else None
    verdict = decide(
        means,
        paired_stderrs(oriented, clusters),
        n=len(docs),
        delta=delta or (DELTA_SHARE if is_share else DELTA_NATS),
        alpha=alpha,
        chance=chance,
        last_high=last_high,
    )
    places = transformed(scales)
    on_axis = [at for at, x in enumerate(places) if x is not None]
    slope = describe(
        [x for x in places if x is not None],
        [means[at] for at in on_axis],
        [stderrs[at] for at in on_axis],
        oriented[on_axis],
    )
    points = [
        Point(x, float(row.mean()), stderr, str(own[0].run["model"]), str(own[0].run["run_id"]), own[0].how)
        for x, row, stderr, own in zip(scales, items, stderrs, groups, strict=True)
    ]
    flags = (*verdict.flags, *_flags(question, rows, docs, places))
    head = question.task, _told(question), question.family, question.axis, cell.mode, dict(cell.condition)
    return Curve(*head, len(docs), chance, points, verdict, slope, flags)


def _stderrs(items: np.ndarray, clusters: Sequence[str]) -> list[float | None]:
    """Standard error of each point, (K,), from items (K, N)."""
    import numpy as np

    from suite.stats import agresti_coull, mean_stderr

    is_independent = len(set(clusters)) == len(clusters)
    return [
        agresti_coull(float(row.sum()), len(row))[0]
        if is_independent and bool(np.isin(row, (0.0, 1.0)).all())
        else mean_stderr(row.tolist(), clusters)
        for row in items
    ]


def _flags(
    question: Question, rows: Sequence[Placed], docs: Sequence[str], places: Sequence[float | None]
) -> list[str]:
    ways = {row.how for row in rows}
    found = {
        "few_items": len(docs) < FEW_ITEMS,
        "slope_excludes_zero": None in places,
        "incomplete_run": any(row.run["status"] == "incomplete" for row in rows),
        "cut_prompts": any(sample.scores.get("truncated") for sample in _asked(rows, docs)),
        "estimated": ESTIMATED in ways,
        "inferred": INFERRED in ways,
        "mixed_stages_allowed": question.allow_mixed,
    }
    return [flag for flag, holds in found.items() if holds]


def _chance(rows: Sequence[Placed], docs: Sequence[str]) -> float | None:
    asked = (sample for sample in _asked(rows, docs) if sample.error is None)
    known = [value for sample in asked if (value := sample.scores.get("chance")) is not None]
    return sum(known) / len(known) if known else None


def _asked(rows: Sequence[Placed], docs: Sequence[str]) -> Iterator[Sample]:
    return (sample for row in rows for doc in docs for sample in row.samples[doc])
