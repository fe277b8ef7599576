"""Evaluates our tasks through lm-evaluation-harness in this process, on a tiny random model; used by its tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tiny_hf

from suite.lm_eval import catalogue

TOY_TASKS = Path(__file__).parent / "toy_tasks"


def tiny_model(folder: Path, template: bool = False) -> Path:
    """A random Llama with room for any prompt, whose tokenizer adds no token of its own."""
    return tiny_hf.save(folder, tiny_hf.causal("llama", positions=8192), tiny_hf.tokenizer(template=template))


def evaluate(
    model: Any,
    names: list[str],
    options: Mapping[str, Any] | None = None,
    tasks_dir: Path | None = None,
    **further: Any,
) -> dict[str, Any]:
    """What the harness finds: its results, and its log of samples."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    place = catalogue.include_path(tasks_dir)
    manager = TaskManager(include_path=str(place), include_defaults=False, metadata=dict(options or {}))
    found: dict[str, Any] = simple_evaluate(model=model, tasks=names, task_manager=manager, **further)
    return found
