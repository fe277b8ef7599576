"""Figures of track nd from its samples: accuracy, ranking, choice, and the controls beside them.

All intervals are over facts. A cell is a group in a direction under a control; see README.md for every name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from statistics import fmean

from suite.task import Metric, Mode, Sample
from tasks.reversal_curse.cells import Cell, bare, cells_of, mean_metric, undefined
from tasks.reversal_curse.metrics_accuracy import accuracy_metrics
from tasks.reversal_curse.metrics_ranking import ranking_metrics

READABLE_FROM = 0.8  # under this score of the both-control the reverse score means nothing
NOT_APPLICABLE = "not applicable to this model"


def nd_metrics(samples: Sequence[Sample], controls: Collection[str]) -> list[Metric]:
    """Every figure of track nd.

    Args:
        samples: of one run; those of other tracks are passed over.
        controls: that the run was to have; a row says so where one does not apply to the model.
    """
    cells = cells_of(samples)
    flags = {id(cell): _flag(cell, cells) for cell in cells}
    asked = [cell for cell in cells if not cell.is_control("mc_letter")]
    out = accuracy_metrics([cell for cell in asked if cell.mode == "generate"], flags)
    out += ranking_metrics([cell for cell in asked if cell.mode == "loglikelihood"], flags)
    for cell in cells:
        if cell.is_control("mc_letter"):
            out += _letters(cell)
    out += _not_applicable(cells, controls)
    out += [_failed(cell.mode, cells) for cell in _one_a_mode(cells)]
    return out


def _flag(cell: Cell, cells: Sequence[Cell]) -> str:
    """Why the row of a reverse test can't be read, if the wordings and scorer fail where they should not."""
    if not cell.is_reverse_test:
        return ""
    score = "em" if cell.mode == "generate" else "hits1"
    for other in cells:
        same = all(other.condition[key] == cell.condition[key] for key in ("kind", "direction", "control"))
        if same and other.mode == cell.mode and other.condition["group"] == "both":
            value = fmean(other.fact_means(score, failed=0.0).values() or [0.0])
            if value < READABLE_FROM:
                return f"uninterpretable: the both-control is {value:.2f}, under {READABLE_FROM}"
            return ""
    return "no both-control in this run"


def _letters(cell: Cell) -> list[Metric]:
    note = "the options let a model use the trained direction; read it beside the open score"
    return [
        mean_metric("mc_letter", cell, "mc_letter", failed=0.0, note=note),
        mean_metric("mc_letter_all", cell, "mc_letter_all", failed=0.0, note="right in all four orders"),
        bare("mc_letter_chance", 0.25, cell),
    ]


def _not_applicable(cells: Sequence[Cell], controls: Collection[str]) -> Iterator[Metric]:
    """Rows without a number for the controls that a word-level model was not asked; 0 would be a lie.

    Every reverse query comes with its context, and a fresh query comes first of all, so where the bare query was asked
    and these were not, the model is the reason.
    """
    there = {(cell.mode, cell.condition["control"]) for cell in cells}
    for control in ("ctx", "ctx_k", "fresh"):
        for cell in cells:
            one_way = cell.is_control("none") and cell.condition["group"] != "both"
            wanted = one_way if control == "fresh" else cell.is_reverse_test
            if control in controls and wanted and (cell.mode, control) not in there:
                name = "em" if cell.mode == "generate" else "mrr"
                empty = replace(cell, condition={**cell.condition, "control": control}, samples=())
                yield undefined(name, empty, NOT_APPLICABLE)


def _failed(mode: Mode, cells: Sequence[Cell]) -> Metric:
    samples = [sample for cell in cells if cell.mode == mode for sample in cell.samples]
    whole = Cell(mode, {"track": "nd"}, samples)
    return bare("failed", whole.n_failed, whole, "items without an answer: wrong for accuracy, left out of ranks")


def _one_a_mode(cells: Sequence[Cell]) -> list[Cell]:
    return list({cell.mode: cell for cell in cells}.values())
