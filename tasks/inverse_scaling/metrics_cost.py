"""What the trap costs: control minus trap over the pairs of a run, with a paired standard error.

"Inverse on the trap, standard on the control" is the strong evidence of inverse scaling; inverse on both only means
that the models got worse at the form.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from suite.stats import mean_stderr, paired_binary_stderr
from suite.task import Metric, Sample

if TYPE_CHECKING:
    from tasks.inverse_scaling.metrics import Cell

# metric, score, and the sign that makes a cost positive
_COSTS = (("trap_cost", "acc", 1.0), ("trap_cost_loss", "loss", -1.0))


def trap_costs(cells: Sequence[Cell]) -> list[Metric]:
    """`trap_cost` (accuracy lost) and `trap_cost_loss` (nats added) wherever a run has both variants of a cell."""
    found = {(cell.mode, _without_variant(cell), cell.condition.get("variant")): cell for cell in cells}
    metrics = []
    for (mode, rest, variant), trap in found.items():
        control = found.get((mode, rest, "control"))
        if variant == "trap" and control is not None:
            costs = (_cost(trap, control, name, score, sign) for name, score, sign in _COSTS)
            metrics += [cost for cost in costs if cost is not None]
    return metrics


def paired_stderr(differences: Sequence[float], clusters: Sequence[str]) -> float | None:
    """Standard error of a mean difference over pairs.

    By cluster where pairs share one. Else, or where no pair differs: with pseudo-counts if both arms are right or
    wrong, and sd / sqrt(n) otherwise.
    """
    by_cluster = mean_stderr(differences, clusters) if 1 < len(set(clusters)) < len(clusters) else None
    if by_cluster:
        return by_cluster
    if all(value in (-1.0, 0.0, 1.0) for value in differences):
        return paired_binary_stderr(differences.count(1.0), differences.count(-1.0), len(differences))
    return mean_stderr(differences)


def _without_variant(cell: Cell) -> str:
    return str(sorted((key, value) for key, value in cell.condition.items() if key != "variant"))


def _cost(trap: Cell, control: Cell, name: str, score: str, sign: float) -> Metric | None:
    first, second = _by_doc(trap, score), _by_doc(control, score)
    docs = [doc for doc in first if doc in second]
    if not docs:
        return None
    differences = [sign * (second[doc][0] - first[doc][0]) for doc in docs]
    clusters = [first[doc][1] for doc in docs]
    value = math.fsum(differences) / len(docs)
    stderr = paired_stderr(differences, clusters)
    half = None if stderr is None else 1.96 * stderr
    return Metric(
        name,
        value,
        trap.mode,
        {key: value for key, value in trap.condition.items() if key != "variant"},
        stderr,
        None if half is None else value - half,
        None if half is None else value + half,
        len(docs),
        len(set(clusters)),
        higher_is_better=False,
        headline=score == "acc" or trap.condition.get("subtask") == "prompt-injection",
    )


def _by_doc(cell: Cell, score: str) -> Mapping[str, tuple[float, str]]:
    values: dict[str, tuple[float, str]] = {}
    for sample in cell.samples:
        value = _value(sample, score)
        if value is not None:
            values[sample.doc_id] = (value, sample.cluster)
    return values if any(sample.scores.get(score) is not None for sample in cell.samples) else {}


def _value(sample: Sample, score: str) -> float | None:
    return 0.0 if sample.error and score == "acc" else sample.scores.get(score)
