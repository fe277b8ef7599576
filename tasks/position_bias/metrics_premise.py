"""Premises in other orders: accuracy by Kendall's tau against the proof, drops, agreement, slope.

After Chen et al., "Premise Order Matters in Reasoning with Large Language Models", arXiv 2402.08939.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from statistics import fmean

from suite.stats import holm, mcnemar_exact
from suite.task import Metric, Sample
from tasks.position_bias.metric_cells import Cell, Means, column, estimates, is_right, metric, plain, share
from tasks.position_bias.metrics_accuracy import at_slots, rates
from tasks.position_bias.metrics_docqa import curve


def premise_metrics(cell: Cell) -> Iterator[Metric]:
    """All figures of the orders at several tau, or of one premise that moves through all places."""
    yield from rates(cell)
    if cell.arm == "condition_sweep":
        yield from at_slots(cell)
        yield from curve(cell)
    if cell.arm == "tau":
        yield from _by_tau(cell)
        if cell.complete and cell.n_arms > 1:
            yield from _drops(cell)
            yield from _agreement(cell)


def _tau(sample: Sample) -> float:
    tau = sample.condition["tau"]
    assert isinstance(tau, int | float)
    return float(tau)


def _actual(sample: Sample) -> float:
    tau = sample.condition.get("actual_tau", sample.condition["tau"])
    assert isinstance(tau, int | float)
    return float(tau)


def _by_tau(cell: Cell) -> Iterator[Metric]:
    for tau in sorted({_tau(sample) for sample in cell.samples}, reverse=True):
        here = {item: [one for one in own if _tau(one) == tau] for item, own in cell.items.items()}
        found = share({item: [is_right(one) for one in own] for item, own in here.items()})
        if found is not None:
            actual = fmean(_actual(one) for own in here.values() for one in own)
            yield metric(cell, "accuracy_at", found, note=f"tau {actual:.3f} on average", tau=tau)


def _drops(cell: Cell) -> Iterator[Metric]:
    """What accuracy loses against the order of the proof, paired by item."""
    right = [{_tau(one): is_right(one) for one in own} for own in cell.complete.values()]
    taus = sorted(right[0], reverse=True)
    if 1.0 not in taus:
        return
    others = [tau for tau in taus if tau != 1.0]
    found = estimates(
        [{str(tau): own[1.0] - own[tau] for tau in others} for own in right],
        {str(tau): column(str(tau)) for tau in others},
    )
    up_down = [(sum(own[1.0] > own[tau] for own in right), sum(own[1.0] < own[tau] for own in right)) for tau in others]
    p_values = [mcnemar_exact(*pair) for pair in up_down]
    for tau, p, corrected, (up, down) in zip(others, p_values, holm(p_values), up_down, strict=True):
        yield metric(cell, "drop", found[str(tau)], better=False, note="accuracy at tau 1 less that here", tau=tau)
        note = f"exact McNemar, {up} against {down} items; Holm over {len(others)} orders: {corrected:.4g}"
        yield plain(cell, "drop_p", p, len(right), note, tau=tau)


def _agreement(cell: Cell) -> Iterator[Metric]:
    """How often two orders of an item get the same answer, and the slope of accuracy on the actual tau."""
    import numpy as np

    rows = []
    for own in cell.complete.values():
        pairs = list(combinations([one.answer for one in own], 2))
        row = {"agreement": sum(a is not None and a == b for a, b in pairs) / len(pairs), "n": float(len(own))}
        x, y = np.array([_actual(one) for one in own]), np.array([is_right(one) for one in own])
        rows.append({**row, "x": x.sum(), "y": y.sum(), "xx": (x * x).sum(), "xy": (x * y).sum()})
    found = estimates(rows, {"answer_agreement": lambda m: m["agreement"], "tau_slope": _slope})
    note = f"over {cell.n_arms} orders; read it beside accuracy only"
    yield metric(cell, "answer_agreement", found["answer_agreement"], is_share=True, note=note)
    yield metric(cell, "tau_slope", found["tau_slope"], better=None, note="of accuracy on the actual tau")


def _slope(m: Means) -> object:
    """Least-squares slope from the sums of x, y, xx and xy."""
    import numpy as np

    top = m["n"] * m["xy"] - m["x"] * m["y"]
    bottom = m["n"] * m["xx"] - m["x"] ** 2
    return top / np.where(bottom > 1e-12, bottom, np.nan)
