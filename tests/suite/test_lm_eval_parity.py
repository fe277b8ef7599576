"""Our tasks in the harness give the numbers of `unreason run`, on one tiny model: every family, every mode."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness_setup import evaluate, tiny_model

from suite.models import hf
from suite.progress import Silent
from suite.registry import task_classes
from suite.runner import run
from suite.store import Store
from suite.task import Mode

pytest.importorskip("lm_eval")

LIMIT = 3  # docs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def ours(folder: Path) -> Any:
    return hf.load(str(folder), dtype="float32", chat=False)


def cases() -> Iterator[Any]:
    from suite.lm_eval.catalogue import SUFFIXES

    for name, task in task_classes().items():
        for mode, suffix in SUFFIXES.items():
            first, subtask = next(iter(task.subtasks.items()), ("", None))
            if task.demo_options is not None and mode in ((subtask and subtask.modes) or task.modes):
                leaf = "_".join(["unreason", name, *([first.replace("-", "_")] if first else []), suffix])
                marks = () if name == "inverse_scaling" else pytest.mark.slow
                yield pytest.param(name, mode, leaf, dict(task.demo_options), id=leaf, marks=marks)


@pytest.mark.parametrize(("name", "mode", "leaf", "options"), list(cases()))
def test_the_headline_numbers_are_those_of_unreason_run(
    name: str, mode: Mode, leaf: str, options: dict[str, Any], ours: Any, folder: Path, tmp_path: Path
) -> None:
    from suite.lm_eval.model import UnreasonLM
    from suite.lm_eval.task import shown

    result = run(name, ours, options=options, modes=[mode], limit=LIMIT, results=tmp_path, reporter=Silent())
    expected = shown(task_classes()[name], result.metrics)
    backend = UnreasonLM(str(folder), dtype="float32", chat=False)
    found = evaluate(backend, [leaf], {name: options}, limit=LIMIT, log_samples=True)
    row = found["results"][leaf]
    assert row["samples,none"] == result.n_samples
    assert expected
    for label, metric in expected.items():
        assert same(row[f"{label},none"], metric.value), label
        assert same(row[f"{label}_stderr,none"], metric.stderr), label
    logged = {sample["sample_id"]: sample for line in found["samples"][leaf] for sample in line["samples"]}
    assert logged.keys() == set(result.samples().sample_id)


def test_prompts_that_are_cut_are_cut_alike_and_counted_in_the_harness_too(tmp_path: Path) -> None:
    from tiny_hf import causal, save, tokenizer

    from suite.lm_eval.model import UnreasonLM

    folder = save(tmp_path / "narrow", causal("llama", positions=256), tokenizer())
    options, leaf = {"n": 3, "variant": ["trap"]}, "unreason_inverse_scaling_hindsight_neglect_ll"
    asked = {**options, "subtask": ["hindsight-neglect"]}
    model = hf.load(str(folder), dtype="float32")
    own = run("inverse_scaling", model, options=asked, modes=["loglikelihood"], results=tmp_path, reporter=Silent())
    expected = {sample.sample_id: sample.scores for sample in Store(tmp_path).samples_for_metrics(own.run_id)}
    found = evaluate(UnreasonLM(str(folder), dtype="float32"), [leaf], {"inverse_scaling": options}, log_samples=True)
    logged = {row["sample_id"]: row["scores"] for line in found["samples"][leaf] for row in line["samples"]}
    assert logged.keys() == expected.keys()
    for name, scores in logged.items():
        assert scores["truncated"] == 1.0
        assert scores["loss"] == pytest.approx(expected[name]["loss"], abs=1e-4)


def same(shown: float | str, expected: float | None) -> bool:
    if expected is None:
        return shown == "N/A"
    return not isinstance(shown, str) and math.isclose(shown, expected, abs_tol=1e-6)
