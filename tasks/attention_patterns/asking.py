"""Experiments as docs, their parts as conditions, and the answers as scores.

A doc's `asked` is what is sent to the mechanism. A training is shared by all that reads it: the cell of `lm_periodic`
and its curve beyond the training length are one request, answered once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from suite.task import Condition, Doc, ModelInfo, Outcome, Response, Scores
from tasks.attention_patterns.twins import EXTRAPOLATED, FACTORS, LOGITS, PATTERNS, REVISION, TWINS

if TYPE_CHECKING:
    from tasks.attention_patterns.options import AttentionOptions

_TRAINED = ("pattern", "task", "size", "data")
EXPERIMENTS: Mapping[str, Sequence[str]] = {  # what their conditions say, beside the seed
    "support": ("pattern",),
    "cost": ("pattern", "length"),
    "quality": _TRAINED,
    "extrapolation": (*_TRAINED, "positions", "factor"),
}
SPENT = ("train_s", "seconds", "tokens_per_s", "parameters", "extra_parameters", "validation_loss", "best_step")
COSTS = ("time_s", "time_low_s", "time_high_s", "peak_bytes", "device_peak_bytes", "flops")
LOST = ("timeout", "diverged", "skipped")  # trainings without a result
_OUTCOMES: Mapping[str, Outcome] = {
    "pass": "correct",
    "control": "correct",
    "FAIL": "wrong",
    "done": "scored",
    "timeout": "truncated",
    "diverged": "wrong",
    "skipped": "no_answer",
}


def docs(options: AttentionOptions) -> Iterator[Doc]:
    """The experiments, quick ones first."""
    if "support" in options.experiments:
        for pattern in PATTERNS:
            yield _doc(f"support/{pattern}", "support", {"experiment": "support", "pattern": pattern})
    if "cost" in options.experiments:
        for pattern in PATTERNS:
            asked = {"experiment": "cost", "pattern": pattern, "lengths": options.lengths}
            yield _doc(f"cost/{pattern}", "cost", asked)
    if "quality" in options.experiments:
        for cell in options.cells:
            pattern, _, task = cell.partition("/")
            yield _doc(f"quality/{cell}", "quality", _training(options, pattern, task))
    if "extrapolation" in options.experiments:
        for scheme in options.positions:
            asked = {**_training(options, "CS", EXTRAPOLATED), "positions": scheme}
            yield _doc(f"extrapolation/{scheme}", "extrapolation", asked)


def refusal(asked: Mapping[str, Any], model: ModelInfo) -> str:
    """Why a mechanism is not asked; "" if it is."""
    name, scheme = model.extra["mechanism"], asked.get("positions")
    if asked["pattern"] not in model.extra["patterns"]:
        return "not declared"
    if scheme == "alibi" and name not in LOGITS:
        return "alibi needs logits that a softmax is taken of"
    return ""


def conditions(doc: Doc, seed: int) -> list[Condition]:
    """The conditions under which a doc's answer is read."""
    asked, experiment = doc.data["asked"], doc.data["experiment"]
    base: dict[str, Any] = {"experiment": experiment, "pattern": asked["pattern"]}
    if experiment == "support":
        return [base]
    if experiment == "cost":
        return [{**base, "length": length} for length in asked["lengths"]]
    base |= {"task": asked["task"], "size": asked["size"], "data": asked["data"] or "generated"}
    if experiment == "extrapolation":
        return [{**base, "positions": asked["positions"], "factor": factor, "seed": seed} for factor in FACTORS]
    return [{**base, "seed": seed}]


def scores(condition: Condition, responses: Sequence[Response]) -> Scores:
    """The numbers that an answer has for a condition; without a response, the mechanism was not asked."""
    if not responses:
        return Scores({}, "no_answer", "-")
    found = json.loads(responses[0].texts[0].text)
    outcome = _OUTCOMES[found["status"]]
    said = ": ".join(filter(None, (found["status"], str(found.get("reason", "")))))
    if condition["experiment"] == "support":
        return Scores({"passed": float(outcome == "correct")}, outcome, said)
    if outcome != "scored":
        return Scores({"seconds": found.get("seconds")}, outcome, said)
    if condition["experiment"] == "cost":
        row = next((row for row in found["costs"] if row["length"] == condition["length"]), None)
        if row is None:
            return Scores({}, "no_answer", "refused this length")
        return Scores({name: row[name] for name in COSTS}, outcome, said)
    if condition["experiment"] == "extrapolation":
        row = next(row for row in found["lengths"] if row["factor"] == condition["factor"])
        trained = next(row for row in found["lengths"] if row["factor"] == 1)
        if row["ppl"] is None:
            is_beyond = condition["positions"] == "learned" and row["factor"] > 1
            reason = "a learned encoding ends at the training length" if is_beyond else "no token is scored"
            return Scores({"length": row["length"]}, "no_answer", reason)
        ratio = row["ppl"] / trained["ppl"] if trained["ppl"] else None
        return Scores({"ppl": row["ppl"], "ppl_ratio": ratio, "length": row["length"]}, outcome, said)
    return Scores({**found["measures"], **{name: found[name] for name in SPENT}}, outcome, said)


def _doc(name: str, experiment: str, asked: Mapping[str, Any]) -> Doc:
    return Doc(name, {"experiment": experiment, "asked": asked}, name)


def _training(options: AttentionOptions, pattern: str, task: str) -> dict[str, Any]:
    """Everything that decides a training but the mechanism and the seed."""
    twin = TWINS[task]
    return {
        "experiment": "training",
        "revision": REVISION,
        "pattern": pattern,
        "task": task,
        "size": options.size,
        "data": options.data.get(task),
        "positions": twin.positions,
        "training": twin.training[options.size].to_json(),
        "budget_s": options.budget,
    }
