"""Which orders and label modes an item is asked in. Arms are made one by one and held by nobody.

A condition has the keys `family`, `source`, `subset`, `label_mode`, `arm`, `order` and `gold_slot`, and where they
apply `k`, `shots`, `variant`, `tau` (as asked for) and `actual_tau`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from suite.errors import UserError
from suite.task import Scalar
from tasks.position_bias import permutations
from tasks.position_bias.items import IDENTICAL, Family, Item, fewer
from tasks.position_bias.permutations import Order
from tasks.position_bias.prompts import LabelMode, Wording

ArmSet = Literal[
    "canonical", "cyclic", "full", "sampled", "move_gold", "swap", "closed_book", "oracle", "tau", "condition_sweep"
]
ARM_SETS: Mapping[Family, tuple[ArmSet, ...]] = {
    "mcq": ("canonical", "cyclic", "full", "sampled", "move_gold"),
    "judge": ("canonical", "swap"),
    "docqa": ("canonical", "move_gold", "closed_book", "oracle"),
    "kv": ("canonical", "move_gold"),
    "needle": ("canonical", "move_gold"),
    "premise": ("canonical", "tau", "condition_sweep"),
}
_DEFAULT_SETS: Mapping[Family, tuple[ArmSet, ...]] = {
    "mcq": ("cyclic",),
    "judge": ("swap",),
    "docqa": ("move_gold", "closed_book", "oracle"),
    "kv": ("move_gold",),
    "needle": ("move_gold",),
    "premise": ("tau", "condition_sweep"),
}
LABEL_MODES: Mapping[Family, tuple[LabelMode, ...]] = {
    "mcq": ("slot", "travel", "none"),
    "judge": ("slot", "travel", "none"),
    "docqa": ("slot", "travel", "none"),
    "kv": ("none",),
    "needle": ("none",),
    "premise": ("none",),
}
_DEFAULT_K: Mapping[str, tuple[int, ...]] = {
    "docqa_synth": (10, 20),
    "docqa_nq_random": (10, 20),
    "kv_synth": (20, 50),
    "needle": (41, 161),
}
_PUBLISHED_SLOTS = {10: (0, 4, 9), 20: (0, 4, 9, 14, 19), 30: (0, 4, 9, 14, 19, 24, 29)}  # Liu et al.
BASELINES = ("closed_book", "oracle")
_DEPTHS, _PLACES = 11, 5


@dataclass(frozen=True, slots=True)
class Choices:
    """What the options say about arms; empty stands for each family's default.

    Attributes:
        k: segments of a prompt, for docqa, kv and needle.
        slots: of the gold segment, for arm move_gold.
        sampled: orders of arm sampled.
    """

    sets: Sequence[ArmSet] = ()
    labels: Sequence[LabelMode] = ()
    k: Sequence[int] = ()
    slots: Sequence[int] = ()
    taus: Sequence[float] = (1.0, 0.5, 0.0, -0.5, -1.0)
    sampled: int = 6
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to ask an item; the item has only the segments that are shown."""

    item: Item
    order: Order
    labels: LabelMode
    condition: Mapping[str, Scalar] = field(default_factory=dict)


def arms(item: Item, choices: Choices, wording: Wording) -> Iterator[Arm]:
    """The arms of an item, one after the other.

    Raises:
        UserError: an arm that the item cannot be asked in, named by its id.
    """
    sets = family_sets(item.family, choices.sets)
    for name in [name for name in sets if name in BASELINES]:  # have neither a size nor labels
        yield from _set(item, name, "none", choices, wording)
    for shown in _sizes(item, choices):
        for name in [name for name in sets if name not in BASELINES]:
            for labels in family_labels(item.family, choices.labels, wording):
                if item.template == IDENTICAL and labels == "none":
                    continue  # nothing would tell the two answers apart
                yield from _set(shown, name, labels, choices, wording)


def family_sets(family: Family, sets: Sequence[ArmSet]) -> list[ArmSet]:
    """The sets of orders of a family: those asked for that it has, else its default."""
    return [name for name in sets if name in ARM_SETS[family]] or list(_DEFAULT_SETS[family])


def family_labels(family: Family, labels: Sequence[LabelMode], wording: Wording) -> list[LabelMode]:
    """The label modes of a family: those asked for that it has, else all; `pair_v2` always names its assistants."""
    found = [mode for mode in labels or LABEL_MODES[family] if mode in LABEL_MODES[family]] or ["none"]
    return [mode for mode in found if mode != "none"] if _is_pair_v2(family, wording) else found


def slots_for(item: Item, slots: Sequence[int]) -> Sequence[int]:
    """The slots that the gold segment visits: as asked for, as published for this number, else evenly spread.

    Raises:
        UserError: a slot that the item has not got.
    """
    n = len(item.segments)
    if not slots:
        if item.family == "mcq":
            return range(n)
        if item.family == "docqa" and n in _PUBLISHED_SLOTS:
            return _PUBLISHED_SLOTS[n]
        count = _DEPTHS if item.family == "needle" else _PLACES
        return sorted({round(i * (n - 1) / (count - 1)) for i in range(count)})
    for slot in slots:
        if slot >= n:
            raise UserError(f"item {item.id!r}: gold slot {slot} of {n} segments; give --slots from 0 to {n - 1}")
    return slots


def _set(item: Item, name: ArmSet, labels: LabelMode, choices: Choices, wording: Wording) -> Iterator[Arm]:
    for arm, order, extra in _orders(item, name, choices):
        yield Arm(item, order, labels, _condition(item, arm, order, labels, wording) | extra)


def _sizes(item: Item, choices: Choices) -> Iterator[Item]:
    if item.family not in ("docqa", "kv", "needle"):
        yield item
        return
    for k in choices.k or _DEFAULT_K.get(item.meta["source"], (len(item.segments),)):
        if k > len(item.segments):
            raise UserError(f"item {item.id!r}: k={k}, but it has {len(item.segments)} segments; give a smaller --k")
        yield fewer(item, k)


def _orders(item: Item, name: ArmSet, choices: Choices) -> Iterator[tuple[str, Order, dict[str, Scalar]]]:
    """(arm, order, further keys) of one set."""
    n, gold = len(item.segments), item.gold_index or 0
    match name:
        case "canonical":
            yield "canonical", tuple(range(n)), {}
        case "cyclic":
            yield from (("cyclic", order, {}) for order in permutations.cyclic(n))
        case "full":
            try:
                yield from (("full", order, {}) for order in permutations.full(n))
            except ValueError as error:
                raise UserError(f"item {item.id!r}: {error}; use --arms sampled or cyclic") from None
        case "sampled":
            seed = f"{item.id}/{choices.seed}"
            yield from (("sampled", order, {}) for order in permutations.sampled(n, choices.sampled, seed))
        case "swap":
            yield from ((f"o{slot + 1}", permutations.inserted_at(2, gold, slot), {}) for slot in (0, 1))
        case "move_gold":
            move = permutations.swapped_to if item.family == "mcq" else permutations.inserted_at
            yield from (("move_gold", move(n, gold, slot), {}) for slot in slots_for(item, choices.slots))
        case "closed_book":
            yield "closed_book", (), {}
        case "oracle":
            yield "oracle", (gold,), {}
        case "tau":
            yield from _tau_orders(item, choices)
        case "condition_sweep":
            yield from _sweep(item)


def _tau_orders(item: Item, choices: Choices) -> Iterator[tuple[str, Order, dict[str, Scalar]]]:
    """Needed premises at a Kendall tau against the proof; distractors keep their slots."""
    needed = [index for index, segment in enumerate(item.segments) if segment.is_gold]
    if len(needed) < 2:
        raise UserError(f"item {item.id!r}: {len(needed)} needed premise(s); arm tau orders at least 2")
    for tau in choices.taus:
        rng = random.Random(f"{item.id}/{tau:g}/{choices.seed}")  # noqa: S311
        d = permutations.nearest_inversions(len(needed), tau)
        inner = permutations.order_at(len(needed), d, rng)
        order = list(range(len(item.segments)))
        for slot, premise in zip(needed, inner, strict=True):
            order[slot] = needed[premise]
        yield f"tau{tau:g}", tuple(order), {"tau": tau, "actual_tau": permutations.kendall_tau(inner)}


def _sweep(item: Item) -> Iterator[tuple[str, Order, dict[str, Scalar]]]:
    """One needed premise, drawn by the item's id, in every place; the others keep their order."""
    needed = [index for index, segment in enumerate(item.segments) if segment.is_gold]
    moved = random.Random(f"{item.id}/condition_sweep").choice(needed)  # noqa: S311
    for slot in range(len(item.segments)):
        yield "condition_sweep", permutations.inserted_at(len(item.segments), moved, slot), {"gold_slot": slot}


def _condition(item: Item, arm: str, order: Order, labels: LabelMode, wording: Wording) -> dict[str, Scalar]:
    gold = item.gold_index
    condition: dict[str, Scalar] = {
        "family": item.family,
        "source": item.meta["source"],
        "subset": item.template,
        "label_mode": labels,
        "arm": arm,
        "order": permutations.written(order),
        "gold_slot": order.index(gold) if gold in order else None,
    }
    if item.family in ("docqa", "kv", "needle"):
        condition["k"] = len(order)
    if item.family == "mcq":
        condition["shots"] = wording.shots
    variant = wording.variant(item.family)
    return condition | ({"variant": variant} if variant else {})


def _is_pair_v2(family: Family, wording: Wording) -> bool:
    return family == "judge" and wording.judge == "pair_v2"
