"""Published result files of the REAL track: rows become samples, `real_metrics` computes the figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from suite.errors import UserError
from suite.task import Doc, Metric, Mode, Sample
from tasks.reversal_curse.celebrity import read_csv, read_pairs
from tasks.reversal_curse.real import DIRECTIONS, real_docs
from tasks.reversal_curse.real_metrics import real_metrics

Scores = dict[str, float | None]


def score_result_csv(path: Path) -> dict[str, Metric]:
    """The figures of a result file, by ``direction name``, e.g. ``reverse mean``.

    Reads ``*_can_find_parent``/``*_can_find_child`` (shares of right samples), ``*_parent_logprob``/``*_child_logprob``
    (nats), or the ``can_reverse`` of the pairs file. Every row counts, duplicates and exemplars too, as in the
    published figures; "gap", "cond_reverse majority" and "cond_reverse half" stand under their own names.

    Raises:
        UserError: the file has none of these columns, or a row has a value that is no share or log-probability.
    """
    figures = {}
    for metric in real_metrics(list(_samples(path))):
        if "last_word" not in metric.condition and metric.name != "excluded":
            words = (metric.condition.get("direction"), metric.name, metric.condition.get("forward"))
            figures[" ".join(str(word) for word in words if word)] = metric
    return figures


def _samples(path: Path) -> Iterator[Sample]:
    pairs, rows = read_pairs(path), [row for _, row in read_csv(path, ())]
    layout = next((each for each in _LAYOUTS if rows and all(_column(rows[0], end) for end in each.endings)), None)
    if layout is None and any(pair.can_reverse is None for pair in pairs):
        wanted = ", ".join(f"*{end}" for each in _LAYOUTS for end in each.endings)
        raise UserError(f"{path}: no results in it; expected columns {wanted}, or can_reverse")
    for pair, doc, row in zip(pairs, real_docs(pairs), rows, strict=True):
        if layout is None:  # one verdict a pair, by the rule behind the published figure of GPT-4
            yield _sample(doc, "generate", "reverse", {"any_original": float(bool(pair.can_reverse))})
            continue
        for direction, end in zip(DIRECTIONS, layout.endings, strict=True):
            column = _column(row, end)
            try:
                yield _sample(doc, layout.mode, direction, layout.read(float(row[column])))
            except ValueError:
                raise UserError(
                    f"{path}: row {pair.row}: {column} is {row[column]!r}; expected {layout.wants}"
                ) from None


def _column(row: Mapping[str, str], ending: str) -> str:
    return next((name for name in row if name.endswith(ending)), "")


def _shares(share: float) -> Scores:
    if not 0 <= share <= 1:
        raise ValueError(share)
    return {"mean": share, "any": float(share > 0), "majority": float(share > 0.5)}


def _probability(logprob: float) -> Scores:
    if not -math.inf < logprob <= 0:
        raise ValueError(logprob)
    return {"logprob": logprob, "prob": math.exp(logprob)}


def _sample(doc: Doc, mode: Mode, direction: str, scores: Scores) -> Sample:
    """Each row is its own unit: the published figures are means over rows, not over pairs."""
    condition = {"track": "real", "direction": direction}
    return Sample(f"{doc.id}/{direction}", doc.id, mode, condition, doc.id, scores, "scored")


class _Layout(NamedTuple):
    """Columns of one kind of result file, for the forward and the reverse direction."""

    endings: tuple[str, str]
    mode: Mode
    read: Callable[[float], Scores]
    wants: str


_LAYOUTS = (
    _Layout(("_can_find_parent", "_can_find_child"), "generate", _shares, "a share between 0 and 1"),
    _Layout(("_parent_logprob", "_child_logprob"), "loglikelihood", _probability, "a log-probability, not above 0"),
)
