"""Multiple choice: recall by slot, preference for slots, consistency over orders, position test."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from string import ascii_uppercase

from suite.task import Metric, Sample
from tasks.position_bias.metric_cells import (
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
    share,
)
from tasks.position_bias.metrics_accuracy import at_slots, position_effect, rates
from tasks.position_bias.mitigations import choice_mitigations
from tasks.position_bias.permutations import cyclic
from tasks.position_bias.slot_statistics import recall_sd, slot_columns, slot_statistics


def mcq_metrics(cell: Cell) -> Iterator[Metric]:
    """All figures of one set of orders under one label mode."""
    yield from rates(cell)
    yield from at_slots(cell)
    if not cell.complete:
        return
    n = max(len(order_of(sample)) for sample in cell.samples)
    yield from _bias(cell, n)
    if cell.condition["label_mode"] != "none":
        yield from _letters(cell, n)
    if cell.n_arms > 1:
        yield from _consistency(cell, n)
        yield from choice_mitigations(cell, n)
    yield from position_effect(_cyclic_part(cell, n), range(n))


def _bias(cell: Cell, n: int) -> Iterator[Metric]:
    """Spread of the recalls, and which slots are chosen against where gold stands."""
    note = f"{cell.n_arms} orders of each item" if cell.n_arms > 1 else "the original order only"
    found = estimates([slot_columns(own, n) for own in cell.complete.values()], slot_statistics(n))
    for name in ("rstd", "preference_tv", "preference_kl"):
        yield metric(cell, name, found[name], better=False, note=note)
    for slot in range(n):
        yield metric(cell, "slot_share", found[f"slot_share_{slot}"], better=None, is_share=True, gold_slot=slot)


def _letters(cell: Cell, n: int) -> Iterator[Metric]:
    """Recall and share of answers by letter. Letters that travel are those of the contents: label bias alone."""
    travel = cell.condition["label_mode"] == "travel"
    score = "predicted_content" if travel else "predicted_slot"
    letters = [ascii_uppercase[at] for at in range(n)]
    rows = [_letter_columns(own, travel, score) for own in cell.complete.values()]
    shares = {f"chosen_{at}": over(f"chosen_{at}", "chosen") for at in range(n)}
    found = estimates(rows, {**shares, "letter_rstd": lambda m: recall_sd(m, n)})
    for at, letter in enumerate(letters):
        recall = share({item: _right_at(own, at, travel) for item, own in cell.complete.items()})
        if recall is not None:
            yield metric(cell, "recall", recall, letter=letter)
        yield metric(cell, "letter_share", found[f"chosen_{at}"], better=None, is_share=True, letter=letter)
    yield metric(cell, "letter_rstd", found["letter_rstd"], better=False, note="RStd of the recalls by letter")


def _gold_letter(sample: Sample, travel: bool) -> int:
    return order_of(sample)[gold_slot(sample)] if travel else gold_slot(sample)


def _right_at(own: Sequence[Sample], at: int, travel: bool) -> list[float]:
    return [is_right(sample) for sample in own if _gold_letter(sample, travel) == at]


def _letter_columns(own: Sequence[Sample], travel: bool, score: str) -> dict[str, float]:
    columns: defaultdict[str, float] = defaultdict(float)
    for sample in own:
        gold = _gold_letter(sample, travel)
        columns[f"right_{gold}"] += is_right(sample)
        columns[f"gold_{gold}"] += 1
        chosen = index_score(sample, score)
        if chosen is not None:
            columns[f"chosen_{chosen}"] += 1
            columns["chosen"] += 1
    return columns


def _consistency(cell: Cell, n: int) -> Iterator[Metric]:
    rows = [_agreement_columns(own) for own in cell.complete.values()]
    statistics: dict[str, Statistic] = {name: column(name) for name in ("consistency", "fluctuation", "best", "worst")}
    found = estimates(rows, {**statistics, "gap": lambda m: m["best"] - m["worst"]})
    arms = f"over {cell.n_arms} orders"
    yield metric(cell, "consistency", found["consistency"], is_share=True, note=f"{arms}; read it beside accuracy only")
    chance = f"{arms}; {1 - 1 / n:.3f} if answers were drawn at random"
    yield metric(cell, "fluctuation", found["fluctuation"], is_share=True, better=False, note=chance)
    yield metric(cell, "best", found["best"], is_share=True, note=f"right in at least one of {cell.n_arms} orders")
    yield metric(cell, "worst", found["worst"], is_share=True, note=f"right in all {cell.n_arms} orders")
    yield metric(cell, "gap", found["gap"], better=False, note=f"best - worst, {arms}: grows with their number")


def _agreement_columns(own: Sequence[Sample]) -> dict[str, float]:
    contents = [index_score(sample, "predicted_content") for sample in own]
    right = [is_right(sample) for sample in own]
    pairs = list(combinations(contents, 2))
    differ = sum(a is None or a != b for a, b in pairs)  # an invalid answer differs from everything, itself included
    return {
        "consistency": float(not differ),
        "fluctuation": differ / len(pairs),
        "best": max(right),
        "worst": min(right),
    }


def _cyclic_part(cell: Cell, n: int) -> Cell:
    """The cell with the cyclic shifts only: in the full set, gold visits each slot several times."""
    if cell.arm != "full":
        return cell
    shifts = set(cyclic(n))
    items = {item: [one for one in own if order_of(one) in shifts] for item, own in cell.items.items()}
    return Cell(cell.mode, cell.condition, items)
