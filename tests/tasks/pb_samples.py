"""Makes samples of position_bias as its scorer leaves them, for the tests of its figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.task import Condition, Metric, Mode, Outcome, Sample
from tasks.position_bias.permutations import cyclic, written


def sample(doc_id: str, scores: dict[str, Any], condition: Condition, mode: Mode = "generate") -> Sample:
    """A sample whose outcome follows from its scores; without scores the call failed."""
    key = "/".join(str(value) for value in condition.values())
    error = None if scores else "timeout"
    outcome: Outcome = "error" if error else "correct" if scores.get("correct") else "wrong"
    answer = scores.get("answer")
    found = {name: value for name, value in scores.items() if name != "answer"}
    return Sample(
        f"{doc_id}/{key}", doc_id, mode, condition, doc_id, found, outcome, answer=answer, error=error, prompt_tokens=10
    )


def choice(
    doc_id: str,
    order: Sequence[int],
    gold: int,
    slot: int | None,
    mode: Mode = "generate",
    probabilities: Sequence[float] = (),
    **condition: Any,
) -> Sample:
    """An answer to a multiple-choice item: the slot that was chosen (None: unreadable)."""
    content = None if slot is None else order[slot]
    scores = {
        "correct": float(content == gold),
        "invalid": float(slot is None),
        "predicted_slot": slot,
        "predicted_content": content,
        **{f"p_slot_{at}": p for at, p in enumerate(probabilities)},
    }
    keys = {"family": "mcq", "source": "mcq_synth", "subset": "sum", "label_mode": "slot", "arm": "cyclic"} | condition
    gold_slot = list(order).index(gold)
    return sample(doc_id, scores, {**keys, "order": written(order), "gold_slot": gold_slot, "shots": 0}, mode)


def cyclic_item(doc_id: str, gold: int, slots: Sequence[int | None], **condition: Any) -> list[Sample]:
    """An item in all cyclic shifts, with the slot chosen in each."""
    orders = cyclic(len(slots))
    return [choice(doc_id, order, gold, slot, **condition) for order, slot in zip(orders, slots, strict=True)]


def pair(doc_id: str, quadrant: str, logits: Sequence[float] = (), subset: str = "count") -> list[Sample]:
    """A judged pair in both orders: CC, CW, AA, BB, or `other` (the second verdict is unreadable)."""
    first = {"CC": (0, 1), "CW": (1, 0), "AA": (0, 0), "BB": (1, 1), "other": (0, None)}[quadrant]
    rows = []
    for gold_slot, slot in enumerate(first):
        scores: dict[str, Any] = {"correct": float(slot == gold_slot), "invalid": float(slot is None)}
        scores["predicted_slot"] = slot
        scores["predicted_content"] = None if slot is None else slot ^ gold_slot
        if logits:
            scores["logit_first"] = logits[gold_slot]
        keys: dict[str, Any] = {"family": "judge", "source": "judge_synth", "subset": subset, "label_mode": "slot"}
        order = ("0-1", "1-0")[gold_slot]
        keys |= {"arm": f"o{gold_slot + 1}", "order": order, "gold_slot": gold_slot, "variant": "own"}
        rows.append(sample(doc_id, scores, keys))
    return rows


def curve_item(
    doc_id: str, right: dict[int, int], k: int, source: str = "docqa_synth", **condition: Any
) -> list[Sample]:
    """An item asked with gold in several slots; right: slot -> 0 or 1."""
    keys: dict[str, Any] = {
        "family": "docqa",
        "source": source,
        "subset": "x",
        "label_mode": "none",
        "arm": "move_gold",
    } | condition
    rows = []
    for slot, value in right.items():
        order = "-".join(str(at) for at in range(k))
        more = {"order": order, "gold_slot": slot, "k": k, "variant": "plain"}
        scores = {"correct": float(value), "invalid": 0.0, "best_subspan_em": float(value)}
        rows.append(sample(doc_id, scores, {**keys, **more}))
    return rows


def one(metrics: Sequence[Metric], name: str, **condition: Any) -> Metric:
    """The only metric of this name whose condition holds these values."""
    (found,) = [m for m in metrics if m.name == name and condition.items() <= m.condition.items()]
    return found
