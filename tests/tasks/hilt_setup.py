"""Answerers of the task `hilt` whose index is known beforehand, and runs of them without a database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from suite.models.scripted import ScriptedModel
from suite.registry import load_task
from suite.task import Generate, Metric, Sample, seamless
from tasks.hilt.task import Hilt

Answer = Callable[[Mapping[str, Any], Mapping[str, Any]], str]  # item, line -> answer
INVENTED = {
    "number": "777777",
    "year": "1599",
    "place": "Ulvabrek",
    "person": "Henrik Ashdown",
    "acronym": "Keepers of Level Vessels",
    "quote": "I saw no ship that day and went home",
}


def gold(_: Mapping[str, Any], line: Mapping[str, Any]) -> str:
    return str(line["gold"]) if line["answerable"] else "UNKNOWN"


def echo(item: Mapping[str, Any], line: Mapping[str, Any]) -> str:
    return str(line["premise"]) if line["premise"] is not None else gold(item, line)


def fabricate(_: Mapping[str, Any], line: Mapping[str, Any]) -> str:
    return str(line["gold"]) if line["answerable"] else INVENTED[line["type"]]


def invent(_: Mapping[str, Any], line: Mapping[str, Any]) -> str:
    return INVENTED[line["type"]]


def unknown(*_: Mapping[str, Any]) -> str:
    return "UNKNOWN"


def hilt(**options: Any) -> Hilt:
    task = load_task("hilt", options)
    assert isinstance(task, Hilt)
    return task


def responder(task: Hilt, answer: Answer, form: str = "{n}. {answer}", name: str = "toy") -> ScriptedModel:
    """A chat model that fills in the lines of each item as `answer` says; a value is as likely as its length allows."""
    items = {doc.id: doc.data for doc in task.docs()}
    blank = ScriptedModel(name, text=lambda *_: "", logprob=lambda *_: 0.0)
    known: dict[str, str] = {}
    for doc in task.docs():
        for draft in task.requests(doc, blank.info, frozenset({"generate"})):
            request = draft.requests[0]
            assert isinstance(request, Generate)
            lines = items[doc.id]["lines"]
            rows = [form.format(n=line["n"], label=line["label"], answer=answer(doc.data, line)) for line in lines]
            known[repr(request.prompt)] = "\n".join(rows)
    return ScriptedModel(name, name, text=lambda request, _: known[repr(request.prompt)], logprob=_likelihood)


def silent(text: str = "I like turtles.") -> ScriptedModel:
    return ScriptedModel("turtles", text, text=lambda *_: text, logprob=_likelihood)


def answered(task: Hilt, model: ScriptedModel, modes: Sequence[Any] = ("generate",)) -> list[Sample]:
    """Every sample of a task, answered and scored."""
    samples = []
    for doc in task.docs():
        for draft in task.requests(doc, model.info, frozenset(modes)):
            responses = tuple(model.answer(draft.requests))
            scores = task.score(doc, draft, responses)
            samples.append(
                Sample(
                    draft.sample_id,
                    draft.doc_id,
                    draft.mode,
                    draft.condition,
                    draft.cluster,
                    scores.values,
                    scores.outcome,
                    scores.answer,
                    draft.target,
                    requests=draft.requests,
                    responses=responses,
                )
            )
    return samples


def figure(metrics: Sequence[Metric], name: str, **condition: Any) -> Metric:
    """The one metric of this name whose condition has these values, and no others but the cell's keys."""
    cell = {"track", "form", "variant", "shots", "data"}
    found = [
        metric
        for metric in metrics
        if metric.name == name
        and condition.items() <= dict(metric.condition).items()
        and set(metric.condition) - cell <= set(condition)
    ]
    assert len(found) == 1, f"{len(found)} metrics {name} with {condition}"
    return found[0]


def _likelihood(context: Any, continuation: str) -> float:
    """Nats of a continuation: one a character, less where the text before already has it."""
    return -0.1 * len(continuation) if continuation.strip() in str(seamless(context)) else -1.0 * len(continuation)
