"""From answers to scores: the judge `slots` on numbered lines, counts of sentences in free text, and the probe."""

from __future__ import annotations

from collections.abc import Sequence

from suite.task import Doc, Draft, Generate, Response, Scores
from tasks.hilt.answers import encode, outcome_of
from tasks.hilt.slots import SlotsJudge, without_thought
from tasks.hilt.units import units_of


def score_answer(doc: Doc, draft: Draft, response: Response) -> Scores:
    """Counts of verdicts for `slots`; of sentences for free text, which judges label later."""
    request, answer = draft.requests[0], response.texts[0]
    assert isinstance(request, Generate)
    units = units_of(doc.data, draft.sample_id, draft.condition, request.prompt, answer.text)
    is_truncated = answer.finish == "length" and not without_thought(answer.text).strip()
    values: dict[str, float | None] = {"truncated": float(is_truncated)}
    if draft.condition["form"] != "slots":
        values["sentences"] = float(len(units))
        return Scores(values, "scored" if units else "truncated" if is_truncated else "no_answer")
    labels = list(next(iter(SlotsJudge().label([units]))))
    verdicts = [label.verdict for label in labels]
    answerable = [bool(unit.item["line"]["answerable"]) for unit in units]
    right = [verdict == ("supported" if can else "abstain") for verdict, can in zip(verdicts, answerable, strict=True)]
    values |= {
        "right_share": sum(right) / len(right),
        **{name: float(verdicts.count(name)) for name in ("supported", "hallucinated", "abstain", "no_claim")},
        "intrinsic": float(sum(label.split == "intrinsic" for label in labels)),
    }
    return Scores(values, outcome_of(labels, answerable, is_truncated), encode(units, labels))


def score_probe(doc: Doc, response: Response) -> Scores:
    """`ll_acc`: the right value has the highest log-probability a character, alone; `d`: the false one's advantage."""
    values: Sequence[str] = doc.data["probe"]
    rates = [score.logprob / len(value) for score, value in zip(response.scores, values, strict=True)]
    is_right = all(rates[0] > other for other in rates[1:])
    best = values[max(range(len(values)), key=rates.__getitem__)]
    return Scores({"ll_acc": float(is_right), "d": rates[1] - rates[0]}, "correct" if is_right else "wrong", best)
