"""What the tests of the task share: small data, models whose answers are known, and short ways to run them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from suite.models.scripted import ScriptedModel
from suite.progress import Silent
from suite.registry import load_task
from suite.results import RunResult
from suite.runner import run
from suite.task import Doc, Draft, ModelInfo, Prompt, Task

SMALL = {"data": "generated", "facts": 6, "train_templates": 12, "test_templates": 2}
LOCAL = ModelInfo("hf/any", "hf", "f1", frozenset({"generate", "loglikelihood"}))
CHAT = ModelInfo("openai/any", "openai", "f2", frozenset({"generate", "chat"}))
WORDS = replace(LOCAL, training={"scratch": True})
CELLS = {"none": 6, "fresh": 4}
BOTH_MODES = frozenset({"generate", "loglikelihood"})


def task(**options: Any) -> Task:
    return load_task("reversal_curse", options)


def drafts(made: Task, info: ModelInfo, modes: Iterable[str] = BOTH_MODES) -> list[tuple[Doc, Draft]]:
    return [(doc, draft) for doc in made.docs() for draft in made.requests(doc, info, frozenset(modes))]  # type: ignore[arg-type]


def executed(made: Task, model: ScriptedModel, folder: Path, limit: int | None = None) -> RunResult:
    return run(made, model, results=folder, limit=limit, reporter=Silent())


def oracle(made: Task, knows: Iterable[str] = ("n2d", "d2n")) -> ScriptedModel:
    """Knows every answer of the named directions, and says something else in the others."""
    known = set(knows)
    answers: dict[str, str] = {}
    for doc in made.docs():
        right = doc.data["direction"] in known
        answers[doc.data["prompt"]] = doc.data["target"] if right else "nobody in particular"

    def asked(prompt: Prompt) -> str:
        text = prompt if isinstance(prompt, str) else prompt[-1][1]
        return text.rpartition("\n")[2]

    def logprob(prompt: Prompt, continuation: str) -> float:
        return -1.0 if continuation == f" {answers.get(asked(prompt))}" else -30.0

    return ScriptedModel("oracle", text=lambda request, _: f" {answers[asked(request.prompt)]}.", logprob=logprob)


def values(result: RunResult, name: str, control: str = "none") -> dict[tuple[Any, Any], float | None]:
    """Value by (group, direction)."""
    return {
        (one.condition["group"], one.condition["direction"]): one.value
        for one in result.metrics
        if one.name == name and one.condition.get("control") == control and "template" not in one.condition
    }
