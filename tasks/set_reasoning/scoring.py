"""Scores of one answered set against the truth, and against what each shortcut would have answered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from suite.task import Outcome, Response, Scores, Text
from tasks.set_reasoning.parsing import Parsed, normal, read_set

_WITHHELD = ("refusal", "content_filter")
MATCH = 0.8


def score_text(problem: Mapping[str, Any], text: Text) -> Scores:
    """Scores of a written answer; what cannot be read scores 0 everywhere and stays in the denominator."""
    parsed = read_set(text.text, problem["candidates"], cut_off=text.finish == "length")
    if text.finish in _WITHHELD or parsed.failure is not None:
        return _unread(problem, text, parsed)
    return score_set(problem, parsed.items, {"duplicates": float(parsed.duplicates), "parse_failure": 0.0})


def score_membership(problem: Mapping[str, Any], responses: Sequence[Response], calibrated: bool) -> Scores:
    """Scores of yes-or-no questions on every candidate, by the larger log-probability; yes needs to be larger.

    Args:
        responses: one a candidate; with `calibrated` as many again, asked with empty sets, whose difference is
            subtracted.
    """
    count = len(problem["candidates"])
    margins = [response.scores[0].logprob - response.scores[1].logprob for response in responses]
    if calibrated:
        margins = [shown - emptied for shown, emptied in zip(margins[:count], margins[count:], strict=True)]
    chosen = frozenset(normal(item) for item, margin in zip(problem["candidates"], margins, strict=False) if margin > 0)
    return score_set(problem, chosen, {})


def score_set(problem: Mapping[str, Any], predicted: frozenset[str], further: Mapping[str, float]) -> Scores:
    """Scores of a set: em, jaccard, precision, recall, f1, match80, element_accuracy, precision_in, precision_out,
    foreign (elements that were no candidates), positives (share of the candidates that are right), base_rate_in (of
    the listed ones), and ``sc_RULE``: 1 where the answer is a shortcut's and not the truth's,
    None where that shortcut is right.
    """
    truth = frozenset(normal(item) for item in problem["answer"])
    candidates = [normal(item) for item in problem["candidates"]]
    listed = {normal(item) for items in problem["sets"].values() for item in items}
    hit = predicted & truth
    jaccard = len(hit) / len(predicted | truth) if predicted | truth else 1.0
    precision, recall = _share(hit, predicted, truth), _share(hit, truth, predicted)
    inside, beyond = predicted & listed, predicted - listed
    values: dict[str, float | None] = {
        "em": float(predicted == truth),
        "jaccard": jaccard,
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        "match80": float(jaccard >= MATCH),
        "element_accuracy": sum((item in predicted) == (item in truth) for item in candidates) / len(candidates),
        "precision_in": _share(hit, inside, truth),
        "precision_out": _share(hit, hit | beyond, truth),
        "foreign": float(len(predicted - set(candidates))),
        **_shares(truth, candidates, listed),
        **further,
    }
    values |= _agreement(problem, predicted, truth)
    answer = json.dumps(sorted(predicted), ensure_ascii=False)
    return Scores(values, "correct" if predicted == truth else "wrong", answer)


def _agreement(problem: Mapping[str, Any], predicted: frozenset[str], truth: frozenset[str]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for rule, items in problem["shortcut_answers"].items():
        shortcut = frozenset(map(normal, items))
        found[f"sc_{rule}"] = None if shortcut == truth else float(predicted == shortcut)
    return found


def _shares(truth: frozenset[str], candidates: Sequence[str], listed: set[str]) -> dict[str, float]:
    return {"positives": len(truth) / len(candidates), "base_rate_in": len(truth) / len(listed)}


def _share(hit: frozenset[str], of: frozenset[str], other: frozenset[str]) -> float:
    """`hit` as a share of `of`; of nothing, 1 if the other side is nothing too."""
    return len(hit) / len(of) if of else float(not other)


def _unread(problem: Mapping[str, Any], text: Text, parsed: Parsed) -> Scores:
    names = (
        *("em", "jaccard", "precision", "recall", "f1", "match80", "element_accuracy"),
        *("precision_in", "precision_out"),
    )
    truth = frozenset(map(normal, problem["answer"]))
    values: dict[str, float | None] = dict.fromkeys(names, 0.0)
    listed = {normal(item) for items in problem["sets"].values() for item in items}
    values |= {"parse_failure": 1.0, **_shares(truth, problem["candidates"], listed)}
    values |= {
        name: None if value is None else 0.0 for name, value in _agreement(problem, frozenset("\0"), truth).items()
    }
    if text.finish in _WITHHELD:
        return Scores(values, "refusal")
    outcomes: Mapping[str, Outcome] = {"empty_response": "no_answer", "truncated": "truncated"}
    return Scores(values, outcomes.get(str(parsed.failure), "unparsed"), parsed.failure)
