"""Pairwise judging: both orders of each pair, in four quadrants; log-odds; RewardBench's sections.

CC right in both orders, CW wrong in both, AA the first slot both times, BB the second both times, the rest `other`
(an answer could not be read). With no such rest, accuracy_first - accuracy_second = signed_bias.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

from suite.stats import mcnemar_exact
from suite.task import Metric, Sample
from tasks.position_bias.metric_cells import (
    Cell,
    Statistic,
    column,
    estimates,
    gold_slot,
    index_score,
    is_invalid,
    is_right,
    metric,
    plain,
    share,
)
from tasks.position_bias.metrics_accuracy import missing, rates
from tasks.position_bias.mitigations import swap_mitigations

QUADRANTS = ("CC", "CW", "AA", "BB", "other")
_SCORINGS = {"official": 0.5, "strict": 0.0}  # what an unreadable verdict counts as
_PLACES = ("first", "second", "both")  # where the better answer stands


def judge_metrics(cell: Cell) -> Iterator[Metric]:
    """All figures of pairs with a better answer under one label mode."""
    yield from rates(cell)
    for slot, name in enumerate(("accuracy_first", "accuracy_second")):
        found = share(
            {item: [is_right(one) for one in own if gold_slot(one) == slot] for item, own in cell.items.items()}
        )
        if found is not None:
            yield metric(cell, name, found, note=f"the better answer stands {'first' if slot == 0 else 'second'}")
    both = [own for own in cell.complete.values() if len(own) == 2]
    if not both or cell.arm != "swap":
        return
    yield from _quadrants(cell, both)
    yield from _log_odds(cell, both)
    yield from swap_mitigations(cell)
    yield from _sections(cell, both)


def identical_metrics(cell: Cell) -> Iterator[Metric]:
    """Pairs of two identical answers, which measure pure bias: how often the first one wins."""
    first = {
        item: [float(slot == 0) for one in own if (slot := index_score(one, "predicted_slot")) is not None]
        for item, own in cell.items.items()
    }
    found = share(first)
    if found is not None:
        yield metric(cell, "identical_first", found, better=None, note="of readable verdicts; 0.5 without bias")
    logits = [
        [one.scores["logit_first"] or 0.0 for one in own if "logit_first" in one.scores] for own in cell.items.values()
    ]
    known = [{"beta": fmean(own)} for own in logits if own]
    if known:
        estimate = estimates(known, {"beta": column("beta")})["beta"]
        yield metric(cell, "identical_beta", estimate, better=None, note="log-odds of the first slot; 0 without bias")
    yield missing(cell)


def quadrant(own: Sequence[Sample]) -> str:
    """The quadrant of a pair from its two samples."""
    if any(is_invalid(sample) for sample in own):
        return "other"
    right = {gold_slot(sample): bool(is_right(sample)) for sample in own}
    return {(True, True): "CC", (False, False): "CW", (True, False): "AA", (False, True): "BB"}[right[0], right[1]]


def _quadrants(cell: Cell, both: Sequence[Sequence[Sample]]) -> Iterator[Metric]:
    found = [quadrant(own) for own in both]
    counts = {name: found.count(name) for name in QUADRANTS}
    statistics: dict[str, Statistic] = {
        "signed_bias": lambda m: m["AA"] - m["BB"],
        "first_given_conflict": lambda m: m.over("AA", "conflict"),
    }
    rows = [{name: 1.0, "conflict": float(name in ("AA", "BB"))} for name in found]
    biased = estimates(rows, statistics)
    for name, count in counts.items():
        yield _share_of(cell, "quadrant", count, len(both), None, quadrant=name)
    read = "read it beside accuracy only"
    yield _share_of(cell, "consistency", counts["CC"] + counts["CW"], len(both), True, read)
    yield _share_of(cell, "conflict", counts["AA"] + counts["BB"], len(both), False)
    yield _share_of(cell, "conservative", counts["CC"], len(both), True, "right in both orders")
    yield metric(cell, "signed_bias", biased["signed_bias"], better=None, note="positive: the first slot is preferred")
    yield metric(cell, "first_given_conflict", biased["first_given_conflict"], better=None)
    note = f"exact McNemar of {counts['AA']} pairs with the first slot twice against {counts['BB']} with the second"
    yield plain(cell, "swap_p", mcnemar_exact(counts["AA"], counts["BB"]), len(both), note)


def _share_of(cell: Cell, name: str, count: int, n: int, better: bool | None, note: str = "", **more: Any) -> Metric:
    found = share({str(at): [float(at < count)] for at in range(n)})
    assert found is not None
    return metric(cell, name, found, better=better, note=note, **more)


def _log_odds(cell: Cell, both: Sequence[Sequence[Sample]]) -> Iterator[Metric]:
    """Bias beta = (z1 + z2) / 2 and preference for the better answer delta = (z1 - z2) / 2, in log-odds."""
    rows = []
    for own in both:
        z = {gold_slot(one): one.scores.get("logit_first") for one in own}
        if z[0] is not None and z[1] is not None:
            rows.append({"beta": (z[0] + z[1]) / 2, "delta": (z[0] - z[1]) / 2})
    if rows:
        found = estimates(rows, {"beta": column("beta"), "delta": column("delta")})
        yield metric(cell, "beta", found["beta"], better=None, note="log-odds of the first slot; 0 without bias")
        yield metric(cell, "delta", found["delta"], note="log-odds for the better answer, bias taken out")


def _sections(cell: Cell, both: Sequence[Sequence[Sample]]) -> Iterator[Metric]:
    """RewardBench's four sections: weighted means of subsets, by where the better answer stands, and of both."""
    by_subset: dict[str, list[Sequence[Sample]]] = {}
    for own in both:
        by_subset.setdefault(str(own[0].condition.get("subset")), []).append(own)
    for section, weights in section_weights().items():
        here = {subset: by_subset[subset] for subset in weights if subset in by_subset}
        absent = len(weights) - len(here)
        note = f"{absent} of {len(weights)} subsets are absent" if absent else ""
        for scoring, unread in _SCORINGS.items() if here else ():
            rows = [_section_columns(subset, own, unread) for subset, pairs in here.items() for own in pairs]
            kept = {subset: weights[subset] for subset in here}
            for place, found in estimates(rows, {name: _weighted(kept, name) for name in _PLACES}).items():
                yield metric(cell, "section_accuracy", found, note=note, section=section, scoring=scoring, stands=place)


def _section_columns(subset: str, own: Sequence[Sample], unread: float) -> dict[str, float]:
    """Credit of a pair by where the better answer stands; an unreadable verdict counts as `unread`."""
    credit = {gold_slot(one): unread if is_invalid(one) else is_right(one) for one in own}
    values = dict(zip(_PLACES, (credit[0], credit[1], (credit[0] + credit[1]) / 2), strict=True))
    return {f"{subset}/{place}": value for place, value in values.items()} | {f"{subset}/n": 1.0}


def _weighted(weights: Mapping[str, int], place: str) -> Statistic:
    total = sum(weights.values())
    return lambda m: sum(w * m.over(f"{subset}/{place}", f"{subset}/n") for subset, w in weights.items()) / total


@cache
def section_weights() -> Mapping[str, Mapping[str, int]]:
    """Section -> subset -> weight: the subset's pairs, but math-prm weighs as much as all code."""
    file = Path(__file__).with_name("reward_bench.json")
    found: Mapping[str, Mapping[str, int]] = json.loads(file.read_text("utf-8"))["sections"]
    return found
