"""Mitigations computed from the same answers, and interventions, beside the mean over all orders that were asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from suite.report.charts import Figure, dots_with_intervals, figure, placed
from suite.report.pages.position_bias.cells import Cell, cells, colours_of, row, together
from suite.report.pages.position_bias.interventions import Pair, pairs
from suite.report.queries import RunView

WORDS = {
    "none": "mean over orders",
    "canonical_order": "original order",
    "random_order": "one drawn order",
    "swap_avg": "both orders averaged",
    "cyclic_avg": "cyclic average",
    "full_avg": "average of all orders",
    "pride": "PriDe, 5 %",
}
BY_CONSTRUCTION = "consistent by construction"
_COLUMNS = ("mitigated_accuracy", "mitigation_gain", "mitigated_rstd", "passes_per_item", "tokens_per_item")


def mitigation_figures(runs: Sequence[RunView]) -> list[Figure]:
    """A figure a set of items and orders."""
    found: list[Figure] = []
    changed = pairs(runs)
    alike = {_id(pair.after) for pair in changed if pair.by_construction}  # all orders are one: nothing to mitigate
    for group in together([cell for cell in cells(runs, "mcq", "judge") if _id(cell) not in alike]).values():
        rows = [line for cell in group for line in (*_rows(cell), *_intervened(cell, changed))]
        if rows:
            caption = (
                "What simple remedies make of the same answers, and the same model under an intervention on the same "
                "items. The first line is the mean over all orders, against which each gain is counted: a single "
                "shuffle is no baseline. An asterisk marks what is consistent by construction, so that only its "
                "accuracy says anything. The table has gains and costs."
            )
            title = f"Mitigations: {group[0].asked}"
            order = [words for words in map(_line, WORDS) if words in {line["cell"] for line in rows}]
            chart = dots_with_intervals(rows, value="accuracy", colours=colours_of(rows), by="labels")
            found.append(figure(f"mitigations-{len(found) + 1}", title, caption, chart, rows, placed(rows, order)))
    return found


def _line(name: str) -> str:
    starred = name in ("canonical_order", "swap_avg", "cyclic_avg", "full_avg")
    return WORDS[name] + ("*" if starred else "")


def _intervened(cell: Cell, changed: Sequence[Pair]) -> Iterator[dict[str, Any]]:
    """The same model and items under each intervention."""
    for pair in changed:
        after, mean = pair.after.first("accuracy"), cell.first("accuracy")
        if _id(pair.before) != _id(cell) or after is None or mean is None:
            continue
        costs = {name: dict(pair.after.by(name, "mitigation")) for name in _COLUMNS[2:]}
        more = {
            "mean over orders": mean["value"],
            "gain over that mean": pair.gain.value,
            "gain, low": pair.gain.ci_low,
            "gain, high": pair.gain.ci_high,
            "RStd after it": _value(costs["mitigated_rstd"].get("canonical_order")),
            "passes an item": _value(costs["passes_per_item"].get("none")),
            "tokens an item": _value(costs["tokens_per_item"].get("none")),
            "consistent": "by construction" if pair.by_construction else "",
        }
        line = pair.name + ("*" if pair.by_construction else "")
        yield row(cell, line, after, "accuracy", **more)


def _id(cell: Cell) -> tuple[str, ...]:
    return (cell.run.run_id, *cell.key)


def _rows(cell: Cell) -> list[dict[str, Any]]:
    named = {name: dict(cell.by(name, "mitigation")) for name in _COLUMNS}
    mean = named["mitigated_accuracy"].get("none")
    rows = []
    for mitigation, metric in named["mitigated_accuracy"].items():
        if mitigation not in WORDS or mean is None:
            continue
        gain = named["mitigation_gain"].get(mitigation)
        more = {
            "mean over orders": mean["value"],
            "gain over that mean": _value(gain),
            "gain, low": gain["ci_low"] if gain else None,
            "gain, high": gain["ci_high"] if gain else None,
            "RStd after it": _value(named["mitigated_rstd"].get(mitigation)),
            "passes an item": _value(named["passes_per_item"].get(mitigation)),
            "tokens an item": _value(named["tokens_per_item"].get(mitigation)),
            "consistent": "by construction" if BY_CONSTRUCTION in str(metric["note"]) else "",
        }
        rows.append(row(cell, _line(mitigation), metric, "accuracy", **more))
    return rows


def _value(metric: Mapping[str, Any] | None) -> float | None:
    return None if metric is None else metric["value"]
