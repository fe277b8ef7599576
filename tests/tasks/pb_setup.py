"""What the tests of the task share: models, and short ways to ask and to run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from suite.models.scripted import ScriptedModel
from suite.progress import Silent
from suite.registry import load_task
from suite.results import RunResult
from suite.runner import run
from suite.store import Store
from suite.task import Loglikelihood, ModelInfo, Prompt, Sample, Task, seamless

LOCAL = ModelInfo("hf/any", "hf", "f1", frozenset({"generate", "loglikelihood"}))
BOTH = frozenset({"generate", "loglikelihood"})
ALL = "mcq,judge,docqa,kv,needle,premise"


def task(**options: Any) -> Task:
    return load_task("position_bias", options)


def asked(made: Task, model: ModelInfo = LOCAL, modes: frozenset[Any] = BOTH) -> list[Any]:
    return [(doc, draft) for doc in made.docs() for draft in made.requests(doc, model, modes)]


def executed(made: Task, model: ScriptedModel, folder: Path, mode: str | None = None) -> tuple[RunResult, list[Sample]]:
    result = run(made, model, modes=[mode] if mode else None, results=folder, reporter=Silent())
    return result, list(Store(folder).samples_for_metrics(result.run_id))


def flat(prompt: Prompt) -> str:
    """The text of a prompt, or of its last turn."""
    whole = seamless(prompt)
    return whole if isinstance(whole, str) else whole[-1][1]


def prompt_of(draft: Any) -> Prompt:
    (request,) = draft.requests
    return request.context if isinstance(request, Loglikelihood) else request.prompt
