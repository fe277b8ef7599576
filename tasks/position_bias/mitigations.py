"""Mitigations that stored samples allow: averages over orders, one fixed or drawn order, PriDe.

Each is held against the mean over all orders that were asked, never against one shuffle, and names its cost. An
average over orders needs probabilities to gain anything over that mean; of written answers it is a vote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import factorial
from statistics import fmean

from suite.task import Metric, Sample
from tasks.position_bias.metric_cells import (
    BY_CONSTRUCTION,
    Cell,
    Statistic,
    column,
    estimates,
    gold_slot,
    index_score,
    is_right,
    metric,
    order_of,
    over,
    plain,
)
from tasks.position_bias.permutations import Order, cyclic
from tasks.position_bias.slot_statistics import recall_sd

PRIDE_ALPHA, PRIDE_SEEDS = 0.05, 5
_PRIDE_LEAST = 20  # items of which 5 % are one
_TIE = 1e-12  # probabilities that differ by less are equal
_AGAINST_MEAN = "against the mean over all orders"


@dataclass(frozen=True, slots=True)
class Mitigation:
    """What a mitigation makes of the complete items of a cell, in their order.

    Attributes:
        right: credit of each item, 0 to 1.
        passes, tokens: of an item, on average.
        others: credit and count of each item where it was not used for estimation (PriDe).
    """

    name: str
    right: Sequence[float]
    passes: float
    tokens: float
    note: str = ""
    others: Sequence[tuple[float, float]] = field(default_factory=tuple)


def choice_mitigations(cell: Cell, n: int) -> Iterator[Metric]:
    """Mitigated accuracies of a multiple-choice cell, with the mean over its orders beside each."""
    yield from _reported(cell, _choice_mitigations(cell, n), n)
    if cell.mode == "loglikelihood" and _has_cycles(cell, n) and len(cell.complete) < _PRIDE_LEAST:
        note = f"needs {_PRIDE_LEAST} items to estimate the prior on {PRIDE_ALPHA:.0%} of them"
        yield plain(cell, "mitigated_accuracy", None, len(cell.complete), note, mitigation="pride")


def swap_mitigations(cell: Cell) -> Iterator[Metric]:
    """The average of a judge's two orders; right iff the log-odds of the orders differ in favour of the better one."""
    items = list(cell.complete.values())
    right = [averaged(own, range(2)) for own in items]
    swap = Mitigation("swap_avg", right, 2, _tokens(items), BY_CONSTRUCTION)
    yield from _reported(cell, [_mean(items), swap], 0)


def averaged(own: Sequence[Sample], contents: Sequence[int]) -> float:
    """Credit of the content with the highest mean probability over the samples; equal means share it."""
    scores = {content: fmean(_probability(sample, content) for sample in own) for content in contents}
    top = max(scores.values())
    if top == 0:  # no answer could be read
        return 0.0
    tied = [content for content, score in scores.items() if score >= top - _TIE]
    return (order_of(own[0])[gold_slot(own[0])] in tied) / len(tied)


def _probability(sample: Sample, content: int) -> float:
    """Of a content; a written answer has 1 on what it chose."""
    found = sample.scores.get(f"p_slot_{order_of(sample).index(content)}")
    return float(index_score(sample, "predicted_content") == content) if found is None else found


def _choice_mitigations(cell: Cell, n: int) -> Iterator[Mitigation]:
    items = list(cell.complete.values())
    orders = [_by_order(own) for own in items]
    identity, shifts = tuple(range(n)), list(cyclic(n))
    yield _mean(items)
    if all(identity in own for own in orders):
        one = [[own[identity]] for own in orders]
        note = f"the row's own order; {BY_CONSTRUCTION}"
        yield Mitigation("canonical_order", [is_right(own[0]) for own in one], 1, _tokens(one), note)
    drawn = [[min(own, key=_drawn)] for own in items]
    yield Mitigation("random_order", [is_right(own[0]) for own in drawn], 1, _tokens(drawn), "one order an item")
    if _has_cycles(cell, n):
        cycles = [[own[shift] for shift in shifts] for own in orders]
        note = f"{BY_CONSTRUCTION} over the cyclic shifts"
        yield Mitigation("cyclic_avg", [averaged(own, identity) for own in cycles], n, _tokens(cycles), note)
        if cell.mode == "loglikelihood" and len(items) >= _PRIDE_LEAST:
            yield _pride(cycles, n)
    if all(len(own) == factorial(n) for own in orders) and n > 2:
        right = [averaged(own, identity) for own in items]
        yield Mitigation("full_avg", right, factorial(n), _tokens(items), BY_CONSTRUCTION)


def _mean(items: Sequence[Sequence[Sample]]) -> Mitigation:
    right = [fmean(is_right(sample) for sample in own) for own in items]
    tokens = _tokens(items) / len(items[0])
    return Mitigation("none", right, 1, tokens, f"mean over {len(items[0])} orders")


def _pride(cycles: Sequence[Sequence[Sample]], n: int) -> Mitigation:
    """PriDe at 5 %, over five draws of the items that it is estimated on."""
    import numpy as np

    from tasks.position_bias.pride import pride

    rows = np.array([[[one.scores[f"p_slot_{slot}"] for slot in range(n)] for one in own] for own in cycles])
    gold = [gold_slot(own[0]) for own in cycles]  # in the identity, slots are contents
    found = [pride(rows, PRIDE_ALPHA, seed) for seed in range(PRIDE_SEEDS)]
    right = np.array(
        [[chosen == at for chosen, at in zip(one.chosen, gold, strict=True)] for one in found], dtype=float
    )
    rest = np.array([[at not in one.estimated for at in range(len(gold))] for one in found], dtype=float)
    share = (found[0].cost - 1) / (n - 1)  # of items asked in all shifts
    tokens = share * _tokens(cycles) + (1 - share) * _tokens([own[:1] for own in cycles])
    accuracies = right.mean(axis=1)
    note = f"mean of {PRIDE_SEEDS} seeds, which range over {np.ptp(accuracies):.3f}"
    others = list(zip((right * rest).sum(axis=0), rest.sum(axis=0), strict=True))
    return Mitigation("pride", [float(one) for one in right.mean(axis=0)], found[0].cost, tokens, note, others)


def _reported(cell: Cell, mitigations: Iterator[Mitigation] | Sequence[Mitigation], n: int) -> Iterator[Metric]:
    """Accuracy, gain over the mean, RStd on the original order, and cost of each; the first is no mitigation.

    Args:
        n: slots of multiple choice; 0: no RStd.
    """
    every = list(mitigations)
    items = list(cell.complete.values())
    statistics: dict[str, Statistic] = {}
    for one in every:
        statistics |= {f"{one.name}/accuracy": column(one.name), f"{one.name}/gain": _gain(one.name)}
        if one.others:
            statistics[f"{one.name}/others"] = over("others_right", "others_n")
        if n and one.name not in ("none", "random_order"):
            statistics[f"{one.name}/rstd"] = _rstd(one.name, n)
    found = estimates([_columns(every, at, own) for at, own in enumerate(items)], statistics)
    for one in every:
        yield metric(
            cell, "mitigated_accuracy", found[f"{one.name}/accuracy"], is_share=True, note=one.note, mitigation=one.name
        )
        if one.name != "none":
            gain = found[f"{one.name}/gain"]
            yield metric(cell, "mitigation_gain", gain, note=_AGAINST_MEAN, mitigation=one.name)
        if one.others:
            rest = found[f"{one.name}/others"]
            note = "items that the prior was not estimated on"
            yield metric(cell, "mitigated_accuracy_others", rest, is_share=True, note=note, mitigation=one.name)
        if (spread := found.get(f"{one.name}/rstd")) is not None:
            note = "the original order's gold slots"
            yield metric(cell, "mitigated_rstd", spread, better=False, note=note, mitigation=one.name)
        yield plain(cell, "passes_per_item", one.passes, len(items), mitigation=one.name)
        yield plain(cell, "tokens_per_item", one.tokens, len(items), mitigation=one.name)


def _columns(mitigations: Sequence[Mitigation], at: int, own: Sequence[Sample]) -> dict[str, float]:
    """The credit that each mitigation gives an item, in all and by the gold slot of its original order."""
    first = own[0]
    slot = order_of(first)[gold_slot(first)]  # where a content stands in the original order is its number
    columns = {f"gold_{slot}": 1.0}
    for one in mitigations:
        columns |= {one.name: one.right[at], f"{one.name}_{slot}": one.right[at]}
        if one.others:
            columns |= {"others_right": one.others[at][0], "others_n": one.others[at][1]}
    return columns


def _gain(name: str) -> Statistic:
    return lambda means: means[name] - means["none"]


def _rstd(name: str, n: int) -> Statistic:
    return lambda means: recall_sd(means, n, right=name)


def _has_cycles(cell: Cell, n: int) -> bool:
    """Whether every item was asked in all cyclic shifts."""
    return all(_by_order(own).keys() >= set(cyclic(n)) for own in cell.complete.values())


def _by_order(own: Sequence[Sample]) -> Mapping[Order, Sample]:
    return {order_of(sample): sample for sample in own}


def _drawn(sample: Sample) -> str:
    """A place in a draw that depends on the item and the order alone, so that it can be made again."""
    return sha256(f"{sample.doc_id}/{sample.condition['order']}".encode()).hexdigest()


def _tokens(items: Sequence[Sequence[Sample]]) -> float:
    """Tokens read and written for an item, on average."""
    return fmean(sum(sample.prompt_tokens + sample.completion_tokens for sample in own) for own in items)
