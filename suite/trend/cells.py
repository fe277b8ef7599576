"""From stored runs to the values of items: which runs are a family's, where each stands, and what its items scored.

One cell a mode and condition; of the runs of a model, the newest that has the cell. A failed sample counts 0 for a
share that should be high, as in accuracy; of other scores, such as a loss, it has none, and its item drops out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from suite.errors import UserError, unknown
from suite.trend.axes import AXES, BY_CONDITION, Known, known_of, place
from suite.trend.contrast import Contrast

if TYPE_CHECKING:
    from suite.store import Store
    from suite.task import Sample

COMMON_SHARE = 0.9  # of the items of all points that every point must have
DATA_KEY = "revision"  # the key of a condition that names the data, which no curve mixes


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the runs.

    Attributes:
        task, family, axis: as `suite.trend.engine.trend` has them.
        metric: a sample score.
        where: values of the condition that samples must have.
        mode: None where the runs have but one.
        lower_is_better: the score should fall.
        allow_mixed: stages may share a curve.
        infer_from_name: sizes in models' names count where no other is known.
    """

    task: str
    family: str
    axis: str
    metric: str
    contrast: Contrast | None = None
    where: Mapping[str, Any] = field(default_factory=dict)
    mode: str | None = None
    lower_is_better: bool = False
    allow_mixed: bool = False
    infer_from_name: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """What the points of one curve have in common."""

    mode: str
    condition: tuple[tuple[str, Any], ...]

    def __str__(self) -> str:
        return " ".join(f"{key}={value}" for key, value in self.condition) or self.mode


@dataclass(frozen=True, slots=True)
class Asked:
    """A run's samples of one cell, by item.

    Attributes:
        x: its scale; how: how that is known.
    """

    run: Mapping[str, Any]
    x: float
    how: str
    docs: dict[str, list[Sample]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placed:
    """A run's point on a curve before it is summed up: the value of each item, and what it is of."""

    run: Mapping[str, Any]
    x: float
    how: str
    values: Mapping[str, float]
    samples: Mapping[str, Sequence[Sample]]
    is_share: bool


def runs_of(
    store: Store, task: str, family: str, known: Mapping[str, Known], *, allow_mixed: bool = False
) -> list[dict[str, Any]]:
    """The runs of the task by models of the family, oldest first.

    Raises:
        UserError: there is none, or they are of several stages.
    """
    found: list[dict[str, Any]] = []
    stages: dict[str, str] = {}
    for run in sorted(store.runs(task=task), key=lambda run: str(run["finished_at"])):
        entry = known_of(known, run["model"])
        if (entry is not None and entry.family == family) or fnmatchcase(run["model"], family):
            found.append(run)
            if entry is not None and entry.stage:
                stages.setdefault(entry.stage, run["model"])
    if not found:
        families = sorted({entry.family for entry in known.values()})
        raise UserError(
            f"no run of {task} is of family {family!r}; known families: {', '.join(families)}; a pattern of model "
            "names works too, e.g. --family 'hf/./checkpoints/*'"
        )
    if len(stages) > 1 and not allow_mixed:
        one, other = sorted(stages)[:2]
        raise UserError(
            f"family {family}: {stages[one]} is {one} and {stages[other]} is {other}; stages do not share a curve; "
            "choose by a pattern of names, or give --allow-mixed"
        )
    return found


def cells_of(
    store: Store, question: Question, runs: Sequence[Mapping[str, Any]], known: Mapping[str, Known], keys: Sequence[str]
) -> tuple[dict[Cell, list[Asked]], dict[str, str]]:
    """Cell -> the runs that have it; and the runs that have no place on the axis, with the reason.

    Args:
        keys: of the condition, that make a cell.

    Raises:
        UserError: no sample has the score, or the runs have several modes, or data of several revisions.
    """
    cells: dict[Cell, dict[Any, Asked]] = defaultdict(dict)
    left_out: dict[str, str] = {}
    modes: set[str] = set()
    scores: set[str] = set()
    by_condition = question.axis in BY_CONDITION
    models = {run["model"] for run in runs}
    for run in runs:
        samples = [sample for sample in store.samples_for_metrics(run["run_id"]) if _is_asked(sample, question)]
        tokens = sum(sample.completion_tokens for sample in samples) / len(samples) if samples else None
        entry = known_of(known, run["model"])
        x, how = place(question.axis, run, entry, tokens, infer_from_name=question.infer_from_name)
        for sample in samples:
            modes.add(sample.mode)
            scores |= sample.scores.keys()
            if question.metric not in sample.scores and sample.error is None:
                continue
            at = sample.condition.get(question.axis) if by_condition else x
            if not isinstance(at, int | float) or (at <= 0 and not AXES[question.axis][1]):
                left_out[run["run_id"]] = how
                continue
            own = tuple((key, sample.condition[key]) for key in keys if key in sample.condition)
            if by_condition and len(models) > 1:
                own = (("model", run["model"]), *own)  # along such an axis, every model has a curve
            places = cells[Cell(sample.mode, own)]
            identity = run["model"], run["model_fingerprint"], at if by_condition else None
            if identity not in places or places[identity].run["run_id"] != run["run_id"]:
                places[identity] = Asked(run, float(at), how)
            places[identity].docs.setdefault(sample.doc_id, []).append(sample)
    if len(modes) > 1:
        raise UserError(f"the runs have modes {', '.join(sorted(modes))}, which share no curve; choose one with --mode")
    if question.metric not in scores:
        raise unknown("score", question.metric, scores)
    found = {cell: list(places.values()) for cell, places in cells.items()}
    found = {cell: asked for cell, asked in found.items() if _has_score(asked, question.metric)}
    _check_revisions(found)
    return found, left_out


def placed(asked: Sequence[Asked], question: Question, cell: Cell) -> list[Placed]:
    """The value of every item of every run of a cell: a mean over its samples, or the contrast of two arms.

    Raises:
        UserError: a run has no item with both arms.
    """
    contrast, metric = question.contrast, question.metric
    raw = [sample.scores.get(metric) for one in asked for samples in one.docs.values() for sample in samples]
    is_share = all(0 <= value <= 1 for value in raw if value is not None)
    fails_as = 0.0 if is_share and not question.lower_is_better else None
    found = []
    for one in asked:
        values = {}
        for doc, samples in one.docs.items():
            if contrast is None:
                value = _mean(samples, metric, fails_as)
            else:
                sides = [[s for s in samples if contrast.side(s) == side] for side in (contrast.first, contrast.second)]
                first, second = (_mean(side, metric, fails_as) for side in sides)
                value = None if first is None or second is None else first - second
            if value is not None:
                values[doc] = value
        if not values:
            raise UserError(f"run {one.run['run_id']} {_lacking(question)} ({cell})")
        samples_of = {doc: one.docs[doc] for doc in values}
        found.append(Placed(one.run, one.x, one.how, values, samples_of, is_share))
    return found


def shared_items(rows: Sequence[Placed], cell: Cell) -> list[str]:
    """The items of all points, if they are nearly all.

    Raises:
        UserError: they are under 90 % of the items of any point.
    """
    items = [set(row.values) for row in rows]
    common, union = set.intersection(*items), set.union(*items)
    if len(common) < COMMON_SHARE * len(union):
        raise UserError(
            f"the runs share {len(common)} of {len(union)} items ({cell}); run all models with the same options, or "
            "narrow with --where"
        )
    return sorted(common)


def _lacking(question: Question) -> str:
    contrast = question.contrast
    if contrast is None:
        return f"has no item with a value of {question.metric}; repeat it, or leave it out with --where"
    key = contrast.key
    return f"has no item with both {key}={contrast.first} and {key}={contrast.second}; run the task with both"


def _is_asked(sample: Sample, question: Question) -> bool:
    has_all = all(str(sample.condition.get(key)) == str(value) for key, value in question.where.items())
    return has_all and question.mode in (None, sample.mode)


def _has_score(asked: Sequence[Asked], metric: str) -> bool:
    return any(s.scores.get(metric) is not None for one in asked for samples in one.docs.values() for s in samples)


def _check_revisions(cells: Mapping[Cell, Sequence[Asked]]) -> None:
    """Raises `UserError` where models of one curve were asked the same questions from different data."""
    models: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(dict)
    for cell, asked in cells.items():
        rest = str([pair for pair in cell.condition if pair[0] != DATA_KEY])
        revision = str(dict(cell.condition).get(DATA_KEY, ""))
        models[cell.mode, rest][revision] = {str(one.run["model"]) for one in asked}
    for by_revision in models.values():
        (first, ours), *others = sorted(by_revision.items())
        for revision, theirs in others:
            if not ours & theirs:
                raise UserError(
                    f"{', '.join(sorted(ours))} was asked data of {DATA_KEY} {first} and {', '.join(sorted(theirs))} "
                    f"of {revision}; these share no curve; narrow with --where {DATA_KEY}={first}"
                )


def _mean(samples: Sequence[Sample], metric: str, fails_as: float | None) -> float | None:
    values = [sample.scores.get(metric) if sample.error is None else fails_as for sample in samples]
    known = [float(value) for value in values if value is not None]
    return sum(known) / len(known) if known else None
