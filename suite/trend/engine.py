"""Curves out of stored runs: the points of a family along an axis, on the same items, with the verdict of each curve.

One curve a mode and condition. Values are means of a sample score over items, so that differences between two scales
can be paired; a failed sample counts 0, as in accuracy. A contrast is the difference of a score between two arms of
the same item, such as what a trap costs (accuracy on the control minus accuracy on the trap).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from suite.errors import UserError, unknown
from suite.trend.axes import AXES, BY_CONDITION, Known, bare_name, place, registry, transformed
from suite.trend.verdict import ALPHA, DELTA_NATS, DELTA_SHARE, Verdict, decide, paired_stderrs

if TYPE_CHECKING:
    from suite.store import Store
    from suite.task import Sample
    from suite.trend.slopes import Slope

COMMON_SHARE = 0.9  # of the items of all points that every point must have


@dataclass(frozen=True, slots=True)
class Contrast:
    """The score under ``key=first`` minus that under ``key=second``, item by item: a cost, of which less is better."""

    key: str
    first: str
    second: str

    @classmethod
    def parse(cls, text: str) -> Contrast:
        """From ``KEY=FIRST,SECOND``.

        Raises:
            UserError: it has another form.
        """
        key, _, values = text.partition("=")
        first, _, second = values.partition(",")
        if not (key and first and second) or first == second:
            raise UserError(f"--contrast {text}: expected KEY=FIRST,SECOND, e.g. variant=control,trap")
        return cls(key, first, second)

    def side(self, sample: Sample) -> str | None:
        """Which arm a sample is of; None for neither."""
        value = str(sample.condition.get(self.key))
        return value if value in (self.first, self.second) else None


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
    """A metric of a task along an axis, under one mode and condition."""

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

    @property
    def note(self) -> str:
        """Net direction, valley or peak, and flags, in words."""
        found = self.verdict
        at = {"valley": found.valley, "peak": found.peak}
        places = [f"{name} at {self.points[index].x:.4g}" for name, index in at.items() if index is not None]
        return "; ".join([f"net {found.net}", *places, *found.flags])

    def to_json(self) -> dict[str, Any]:
        """Everything as a JSON object."""
        return {
            **{name: getattr(self, name) for name in ("task", "metric", "family", "axis", "mode", "n", "chance")},
            "condition": dict(self.condition),
            "points": [asdict(point) for point in self.points],
            "verdict": {**asdict(self.verdict), "flags": list(self.verdict.flags)},
            "slope": asdict(self.slope) if self.slope else None,
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
        models: YAML file of further models.

    Raises:
        UserError: unknown task, axis or score; no run; mixed modes, stages or items; values out of range.
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
    runs = _runs(store, task, family, known)
    keys = [key for key in classes[task].cell_keys if contrast is None or key != contrast.key]
    grouped, left_out = _grouped(store, runs, known, axis, name, where or {}, mode, keys)
    lower = {row["name"]: row["higher_is_better"] is False for row in store.metrics([run["run_id"] for run in runs])}
    told = f"{name}, {contrast.first} minus {contrast.second}" if contrast else name
    is_lower = contrast is not None or lower.get(name, False)
    how = (contrast is not None, is_lower, delta, alpha, merge)
    curves = [
        _curve(task, told, family, axis, cell, _items(placed, name, contrast, cell), *how)
        for cell, placed in sorted(grouped.items(), key=str)
    ]
    store.replace_trends(task, family, axis, told, [curve.to_json() for curve in curves])
    return Trend(curves, left_out)


def _runs(store: Store, task: str, family: str, known: Mapping[str, Known]) -> list[dict[str, Any]]:
    """The newest run of each model of the family; asked for other reasoning, a model is another one."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    stages: dict[str, str] = {}
    for run in sorted(store.runs(task=task), key=lambda run: str(run["finished_at"])):
        entry = known.get(bare_name(run["model"]))
        if (entry is not None and entry.family == family) or fnmatchcase(run["model"], family):
            found[run["model"], run["model_fingerprint"]] = run
            if entry is not None and entry.stage:
                stages.setdefault(entry.stage, run["model"])
    if not found:
        families = sorted({entry.family for entry in known.values()})
        raise UserError(
            f"no run of {task} is of family {family!r}; known families: {', '.join(families)}; a pattern of model "
            "names works too, e.g. --family 'hf/./checkpoints/*'"
        )
    if len(stages) > 1:
        one, other = sorted(stages)[:2]
        raise UserError(
            f"family {family}: {stages[one]} is {one} and {stages[other]} is {other}; stages do not share a curve"
        )
    return list(found.values())


Cell = tuple[str, tuple[tuple[str, Any], ...]]  # mode, condition
Placed = dict[tuple[float, str], tuple[dict[str, Any], str, dict[str, list["Sample"]]]]


@dataclass(frozen=True, slots=True)
class _Row:
    """A run's place on a curve: how its scale is known, and the value of each of its items."""

    run: Mapping[str, Any]
    how: str
    values: Mapping[str, float]
    samples: Mapping[str, Sequence[Sample]]
    is_share: bool


def _grouped(
    store: Store,
    runs: Sequence[Mapping[str, Any]],
    known: Mapping[str, Known],
    axis: str,
    metric: str,
    where: Mapping[str, Any],
    mode: str | None,
    cell_keys: Sequence[str],
) -> tuple[dict[Cell, Placed], dict[str, str]]:
    """Cell -> (scale, run id) -> the run, how its scale is known, and its samples by doc."""
    grouped: dict[Cell, Placed] = defaultdict(dict)
    left_out: dict[str, str] = {}
    modes: set[str] = set()
    scores: set[str] = set()
    for run in runs:
        samples = [
            sample
            for sample in store.samples_for_metrics(run["run_id"])
            if (mode is None or sample.mode == mode)
            and all(str(sample.condition.get(key)) == str(value) for key, value in where.items())
        ]
        modes |= {sample.mode for sample in samples}
        scores |= {score for sample in samples for score in sample.scores}
        tokens = sum(sample.completion_tokens for sample in samples) / len(samples) if samples else None
        x, how = place(axis, run, known.get(bare_name(run["model"])), tokens)
        for sample in samples:
            if metric not in sample.scores and sample.error is None:
                continue
            at = sample.condition.get(axis) if axis in BY_CONDITION else x
            if not isinstance(at, int | float) or (at <= 0 and not AXES[axis][1]):
                left_out[run["run_id"]] = how
                continue
            keys = [key for key in cell_keys if key in sample.condition and key != axis]
            cell = sample.mode, tuple((key, sample.condition[key]) for key in keys)
            docs = grouped[cell].setdefault((float(at), run["run_id"]), (dict(run), how, {}))[2]
            docs.setdefault(sample.doc_id, []).append(sample)
    if len(modes) > 1:
        raise UserError(f"the runs have modes {', '.join(sorted(modes))}, which share no curve; choose one with --mode")
    if metric not in scores:
        raise unknown("score", metric, scores)
    return grouped, left_out


def _items(placed: Placed, metric: str, contrast: Contrast | None, cell: Cell) -> dict[tuple[float, str], _Row]:
    """The value of every item of every run: a mean over its samples, or the contrast of two."""
    found = {}
    for place_, (run, how, docs) in placed.items():
        values = {}
        for doc, samples in docs.items():
            if contrast is None:
                values[doc] = _mean(samples, metric)
                continue
            sides = [[s for s in samples if contrast.side(s) == side] for side in (contrast.first, contrast.second)]
            if all(sides):
                values[doc] = _mean(sides[0], metric) - _mean(sides[1], metric)
        if not values:
            assert contrast is not None
            said = " ".join(f"{key}={value}" for key, value in cell[1])
            raise UserError(
                f"run {run['run_id']} has no item with both {contrast.key}={contrast.first} and "
                f"{contrast.key}={contrast.second} ({said or cell[0]}); run the task with both"
            )
        raw = [sample.scores.get(metric) for samples in docs.values() for sample in samples]
        is_share = all(0 <= value <= 1 for value in raw if value is not None)
        found[place_] = _Row(run, how, values, {doc: docs[doc] for doc in values}, is_share)
    return found


def _curve(
    task: str,
    metric: str,
    family: str,
    axis: str,
    cell: Cell,
    placed: Mapping[tuple[float, str], _Row],
    is_contrast: bool,
    lower_is_better: bool,
    delta: float | None,
    alpha: float,
    merge: str | None,
) -> Curve:
    """One curve; the items that all points share decide."""
    import numpy as np

    from suite.stats import agresti_coull, mean_stderr
    from suite.trend.slopes import describe

    scales = sorted({x for x, _ in placed})
    if len(scales) < len(placed) and merge is None:
        twice = next(x for x in scales if sum(x == other for other, _ in placed) > 1)
        raise UserError(f"two runs have {axis} {twice:g}; average them with --merge mean, or leave one out")
    docs = _shared([set(row.values) for row in placed.values()], cell)
    rows = [[row for (x, _), row in placed.items() if x == scale] for scale in scales]
    items = np.array([[sum(row.values[doc] for row in own) / len(own) for doc in docs] for own in rows])
    any_row = next(iter(placed.values()))
    clusters = [any_row.samples[doc][0].cluster for doc in docs]
    is_share = all(row.is_share for row in placed.values())
    asked = [sample for row in placed.values() for doc in docs for sample in row.samples[doc]]
    chance = None if is_contrast else _chance(asked)
    oriented = -items if lower_is_better else items
    stderrs = []
    for row in items:
        binary = bool(np.isin(row, (0.0, 1.0)).all()) and len(set(clusters)) == len(clusters)
        stderrs.append(agresti_coull(float(row.sum()), len(row))[0] if binary else mean_stderr(row.tolist(), clusters))
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
        for x, row, stderr, own in zip(scales, items, stderrs, rows, strict=True)
    ]
    return Curve(task, metric, family, axis, cell[0], dict(cell[1]), len(docs), chance, points, verdict, slope)


def _shared(items: Sequence[set[str]], cell: Cell) -> list[str]:
    """The items of all points, if they are nearly all."""
    common, union = set.intersection(*items), set.union(*items)
    if len(common) < COMMON_SHARE * len(union):
        said = " ".join(f"{key}={value}" for key, value in cell[1])
        raise UserError(
            f"the runs share {len(common)} of {len(union)} items ({said or cell[0]}); run all models with the same "
            "options, or narrow with --where"
        )
    return sorted(common)


def _mean(samples: Sequence[Sample], metric: str) -> float:
    values = [sample.scores.get(metric) if sample.error is None else 0.0 for sample in samples]
    known = [float(value) for value in values if value is not None]
    return sum(known) / len(known) if known else 0.0


def _chance(samples: Sequence[Sample]) -> float | None:
    values = [sample.scores.get("chance") for sample in samples if sample.error is None]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
