"""Figures of a run from its samples: cells by family, label mode and set of orders, each read by its family's file.

README.md lists them by name. Everything comes from scores, answers and conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from suite.task import Metric, Sample
from tasks.position_bias.items import IDENTICAL, Family
from tasks.position_bias.metric_cells import Cell, cells, is_invalid
from tasks.position_bias.metrics_docqa import SHAPES, below_closed_book, docqa_metrics
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
_UNDEFINED: Mapping[str, Any] = {
    **dict.fromkeys(("value", "stderr", "ci_low", "ci_high")),
    "note": "not defined: no answer could be read",
}


_OF_BIAS = {  # which answers that nobody could read say nothing about
    *("rstd", "letter_rstd", "mitigated_rstd", "slot_share", "letter_share", "preference_tv", "preference_kl"),
    *("consistency", "fluctuation", "gap", "position_q", "position_p", *SHAPES),
    *("conflict", "signed_bias", "first_given_conflict", "swap_p"),
    *("answer_agreement", "tau_slope", "drop", "drop_p"),
}


def metrics(samples: Sequence[Sample]) -> list[Metric]:
    """Every figure of a run."""
    found = [metric for cell in cells(samples) for metric in _of_cell(cell)]
    return below_closed_book(found)


def _of_cell(cell: Cell) -> list[Metric]:
    """Its figures; where no answer could be read, those of bias have no value: it would be 0, as without bias."""
    found = list(_of(cell)(cell))
    if not all(is_invalid(sample) for sample in cell.samples if sample.error is None):
        return found
    return [replace(one, **_UNDEFINED) if one.name in _OF_BIAS else one for one in found]


def _of(cell: Cell) -> Callable[[Cell], Iterator[Metric]]:
    return identical_metrics if cell.arm == IDENTICAL else _OF_FAMILY[cell.condition["family"]]  # type: ignore[index]
