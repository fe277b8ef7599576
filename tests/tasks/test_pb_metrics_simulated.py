"""Simulated responders through the whole task: prompts, scoring and figures give the closed-form results."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pb_samples import one

from suite.task import ContinuationScore, Draft, Loglikelihood, Metric, ModelInfo, Response, Sample
from tasks.position_bias.permutations import read
from tasks.position_bias.task import PositionBias

MODEL = ModelInfo("m", "scripted", "f", frozenset(["generate", "loglikelihood"]))
Utility = Callable[[bool], float]  # of a content: is it the right one?


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.position_bias.metric_cells.RESAMPLES", 300)


def answered(prior: Sequence[float], utility: Utility, **options: Any) -> list[Metric]:
    """Figures of the responder softmax(utility of content + log prior of slot), with labels that stay at places."""
    task = PositionBias(PositionBias.options_model()(labels=["slot"], **options))
    samples = []
    for doc in task.docs():
        for draft in task.requests(doc, MODEL, frozenset(["loglikelihood"])):
            response = _response(draft, prior, utility)
            scores = task.score(doc, draft, [response])
            samples.append(
                Sample(
                    *(draft.sample_id, doc.id, draft.mode, draft.condition, doc.cluster),
                    *(scores.values, scores.outcome, scores.answer),
                )
            )
    return task.metrics(samples)


def _response(draft: Draft, prior: Sequence[float], utility: Utility) -> Response:
    (request,) = draft.requests
    assert isinstance(request, Loglikelihood)
    order = read(str(draft.condition["order"]))
    gold = draft.condition["gold_slot"]
    logs = [math.log(prior[slot]) + utility(slot == gold) for slot in range(len(order))]
    total = math.log(sum(map(math.exp, logs)))
    nats = {"ABCD"[slot]: value - total for slot, value in enumerate(logs)}
    scores = [ContinuationScore(nats[text.strip()], 1, False) for text in request.continuations]
    return Response(request.id, scores=tuple(scores))


def test_always_first() -> None:
    found = answered([0.97, 0.01, 0.01, 0.01], lambda right: 0.0, items=40)
    assert one(found, "accuracy").value == 0.25
    assert one(found, "rstd").value == pytest.approx(43.3013, abs=1e-4)
    assert one(found, "consistency").value == 0


def test_oracle() -> None:
    found = answered([0.25] * 4, lambda right: 5.0 * right, items=40)
    assert [one(found, name).value for name in ("accuracy", "rstd", "consistency")] == [1, 0, 1]


def test_utility_and_slot_prior_are_told_apart_by_pride() -> None:
    found = answered([0.7, 0.1, 0.1, 0.1], lambda right: 1.5 * right, items=40)
    assert one(found, "mitigated_accuracy", mitigation="none").value == 0.25
    assert one(found, "mitigated_accuracy", mitigation="pride").value == 1
    assert one(found, "mitigated_rstd", mitigation="pride").value == 0


def test_a_judge_of_delta_and_beta_is_recovered() -> None:
    """The log-odds of the first answer are beta plus or minus delta; the two answers differ by delta in utility."""
    beta, delta = 1.2, 0.4
    prior = [1 / (1 + math.exp(-beta)), 1 / (1 + math.exp(beta))]
    found = answered(prior, lambda right: delta * right, family=["judge"], items=33)
    assert one(found, "beta").value == pytest.approx(beta) and one(found, "delta").value == pytest.approx(delta)
    assert one(found, "quadrant", quadrant="AA").value == 1
    assert one(found, "mitigated_accuracy", mitigation="swap_avg").value == 1
    assert one(found, "identical_beta").value == pytest.approx(beta)
    assert one(found, "identical_first").value == 1
