"""Figures of a run from its samples: cells by family, label mode and set of orders, each read by its family's file.

README.md lists them by name. Everything comes from scores, answers and conditions (spec section 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from suite.task import Metric, Sample
from tasks.position_bias.items import IDENTICAL, Family
from tasks.position_bias.metric_cells import Cell, cells
from tasks.position_bias.metrics_docqa import below_closed_book, docqa_metrics
from tasks.position_bias.metrics_judge import identical_metrics, judge_metrics
from tasks.position_bias.metrics_mcq import mcq_metrics
from tasks.position_bias.metrics_premise import premise_metrics

_OF_FAMILY: Mapping[Family, Callable[[Cell], Iterator[Metric]]] = {
    "mcq": mcq_metrics,
    "judge": judge_metrics,
    "docqa": docqa_metrics,
    "kv": docqa_metrics,
    "needle": docqa_metrics,
    "premise": premise_metrics,
}


def metrics(samples: Sequence[Sample]) -> list[Metric]:
    """Every figure of a run."""
    found = [metric for cell in cells(samples) for metric in _of(cell)(cell)]
    return below_closed_book(found)


def _of(cell: Cell) -> Callable[[Cell], Iterator[Metric]]:
    return identical_metrics if cell.arm == IDENTICAL else _OF_FAMILY[cell.condition["family"]]  # type: ignore[index]
