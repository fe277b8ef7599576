"""What all families have: accuracy, unreadable and missing answers, accuracy by place, whether the place matters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from suite.task import Metric
from tasks.position_bias.metric_cells import Cell, gold_slot, is_invalid, is_right, metric, order_of, plain, share
from tasks.position_bias.position_tests import cochran_q


def rates(cell: Cell) -> Iterator[Metric]:
    """Accuracy, accuracy of readable answers, share of unreadable ones, and calls that failed."""
    answered = {item: [one for one in own if one.error is None] for item, own in cell.items.items()}
    right = share({item: [is_right(sample) for sample in own] for item, own in cell.items.items()})
    valid = share({item: [is_right(one) for one in own if not is_invalid(one)] for item, own in answered.items()})
    invalid = share({item: [is_invalid(sample) for sample in own] for item, own in answered.items()})
    if right is not None:
        notes = ["no answer could be read"] if invalid is not None and invalid.value == 1 else []
        if _has_one_gold_label(cell):
            notes.append("the right one always has the same label, so that a liking for it counts as knowledge")
        yield replace(metric(cell, "accuracy", right, note="; ".join(notes)), headline=True)
    if valid is not None:
        yield metric(cell, "accuracy_valid", valid)
    if invalid is not None:
        yield metric(cell, "invalid", invalid, better=False)
    yield missing(cell)


def missing(cell: Cell) -> Metric:
    """Calls that failed, and the items that paired figures leave out for them."""
    failed = sum(sample.error is not None for sample in cell.samples)
    absent = len(cell.items) - len(cell.complete)
    note = f"calls without an answer; {absent} of {len(cell.items)} items lack an arm" if absent else ""
    return plain(cell, "missing", failed, len(cell.samples), note)


def at_slots(cell: Cell, score: str = "correct", name: str = "accuracy_at") -> Iterator[Metric]:
    """A score, and the share of unreadable answers, by the slot of the gold segment."""
    places = sorted({gold_slot(sample) for sample in cell.samples})
    for slot in places:
        here = {item: [one for one in own if gold_slot(one) == slot] for item, own in cell.items.items()}
        found = share({item: [is_right(one, score) for one in own] for item, own in here.items()})
        if found is not None:
            yield metric(cell, name, found, gold_slot=slot)
        answered = {item: [is_invalid(one) for one in own if one.error is None] for item, own in here.items()}
        unread = share(answered) if name == "accuracy_at" else None
        if unread is not None:
            yield metric(cell, "invalid_at", unread, better=False, gold_slot=slot)


def position_effect(cell: Cell, slots: Sequence[int]) -> Iterator[Metric]:
    """Cochran's Q over the slots of the gold segment, of items asked exactly once in each."""
    table = []
    for own in cell.complete.values():
        by_slot = {gold_slot(sample): int(is_right(sample)) for sample in own}
        if len(own) == len(by_slot) == len(slots):
            table.append([by_slot[slot] for slot in slots])
    if not table:
        return
    found = cochran_q(table)
    if found is None:
        yield plain(cell, "position_p", None, len(table), "not defined: no item differs between slots")
        return
    how = "exact" if found.is_exact else "10,000 drawn"
    note = f"{how} permutations within items; chi-square alone would say {found.p_chi_square:.4g}"
    yield plain(cell, "position_q", found.q, len(table), "Cochran's Q, right answers by gold slot")
    yield plain(cell, "position_p", found.p, len(table), note)


def _has_one_gold_label(cell: Cell) -> bool:
    """Whether letters travel and the gold content has the same one in all items, as rows from elsewhere may have it."""
    is_lettered = cell.condition["family"] in ("mcq", "judge")  # where a content's number tells its label
    if cell.condition["label_mode"] != "travel" or not is_lettered or len(cell.items) < 2:
        return False
    return len({order_of(one)[gold_slot(one)] for one in cell.samples}) == 1
