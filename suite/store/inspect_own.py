"""Answers that inspect_ai has got to our own prompts, scored by our own task.

A log matches a task of ours if it bears its name, its arguments are options of the task, and every sample asks a prompt
that the task asks too, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from suite.errors import UserError
from suite.identity import digest
from suite.plan import survey
from suite.registry import load_task, task_classes
from suite.session import SCORING, answered, scored
from suite.store.inspect_logs import response_of, turns_of
from suite.store.journal import row_of
from suite.task import Doc, Draft, Generate, ModelInfo, Sample, Scores, Task, seamless

_ASKS = ModelInfo("this model", "inspect", "", frozenset({"generate", "chat"}))


def own_run(
    run: Mapping[str, Any], samples: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], list[Any], list[dict[str, Any]]] | None:
    """(columns of `runs`, rows of `metrics`, rows of `samples`); None if the log is of no task of ours."""
    if run["task"] not in task_classes() or not samples:
        return None
    try:
        task = load_task(run["task"], run["options"])
        asked = _asked(task)
        found = [asked[turns_of(sample)] for sample in samples]
    except (UserError, KeyError):
        return None
    if len({draft.sample_id for _, draft in found}) < len(found):
        return None
    ours = [_scored(task, doc, draft, sample) for (doc, draft), sample in zip(found, samples, strict=True)]
    ours.sort(key=lambda sample: sample.sample_id)
    changed = {
        "run_id": f"{task.name}-inspect-{digest(run['run_id'], 10)}",
        "task_version": task.version,
        "dataset_hash": survey(task, None).sha256,
        "options": task.options.model_dump(mode="json"),
        "n_failed": sum(sample.error is not None for sample in ours),
    }
    return {**run, **changed}, [metric.to_json() for metric in task.metrics(ours)], [row_of(sample) for sample in ours]


def _asked(task: Task) -> dict[Any, tuple[Doc, Draft]]:
    """Turns -> the sample that asks them, of samples of one written answer."""
    found: dict[Any, tuple[Doc, Draft]] = {}
    for doc in task.docs():
        for draft in task.requests(doc, _ASKS, frozenset({"generate"})):
            (request, *more) = draft.requests
            if not more and isinstance(request, Generate) and request.n == 1:
                plain = seamless(request.prompt)
                found.setdefault((("user", plain),) if isinstance(plain, str) else plain, (doc, draft))
    return found


def _scored(task: Task, doc: Doc, draft: Draft, sample: Mapping[str, Any]) -> Sample:
    (request,) = draft.requests
    assert isinstance(request, Generate)
    response = response_of(sample, request)
    error: str | None = response.error
    scores = Scores({}, "error")
    if error is None:
        try:
            scores = scored(task, doc, draft, (response,))
        except Exception:  # as in a run: one answer must not cost all the others
            error = SCORING
    return answered(draft, (response,), scores, error)
