"""Which steps of a problem an answer solves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from statistics import fmean
from typing import Any

from suite.task import Doc, Draft, Generate, Loglikelihood, Request, Response, Scores
from tasks.forward_chaining.questions import read_value


def score(doc: Doc, draft: Draft, responses: Sequence[Response]) -> Scores:
    """Scores of one sample, each 0 to 1.

    steps_solved: share of the steps that are solved before the first that is not; solved: whether all are.
    Arm parametric: retrieved, computed: share of the questions for a variable, and for a value, that are right.
    Arm context: computed alone.
    """
    steps = doc.data["steps"]
    answers = [_said(request, response) for request, response in zip(draft.requests, responses, strict=True)]
    if draft.condition["arm"] == "context":
        retrieved: list[bool] = []
        computed = [
            _is_value(answer, step["value"], isinstance(request, Generate) and not isinstance(request.prompt, str))
            for answer, step, request in zip(answers, steps, draft.requests, strict=True)
        ]
        solved = computed
    else:
        retrieved = [_is_name(answer, step["name"]) for answer, step in zip(answers[::2], steps, strict=True)]
        computed = [_is_value(answer, step["value"], False) for answer, step in zip(answers[1::2], steps, strict=True)]
        solved = [name and value for name, value in zip(retrieved, computed, strict=True)]
    values: dict[str, float | None] = {
        "steps_solved": leading(solved) / len(steps),
        "solved": float(all(solved)),
        "computed": fmean(computed),
    }
    if retrieved:
        values["retrieved"] = fmean(retrieved)
    return Scores(values, "correct" if all(solved) else "wrong", " | ".join(answers))


def leading(solved: Iterable[bool]) -> int:
    """How many are true before the first that is not."""
    return sum(takewhile(bool, solved))


def _said(request: Request, response: Response) -> str:
    """The text of an answer; of likelihoods, the candidate that is ahead of all others, or none."""
    if isinstance(request, Loglikelihood):
        logprobs = [one.logprob for one in response.scores]
        best = max(logprobs)
        return request.continuations[logprobs.index(best)].strip() if logprobs.count(best) == 1 else ""
    return response.texts[0].text.strip()


def _is_name(answer: str, name: Any) -> bool:
    words = answer.casefold().split()
    return bool(words) and words[0].strip(".,;:") == name


def _is_value(answer: str, value: str, is_reasoned: bool) -> bool:
    if is_reasoned:
        return str(read_value(answer)) == value
    words = answer.split()
    return bool(words) and words[0].strip(".,;:") == value
