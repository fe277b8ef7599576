"""``unreason lm-eval``: the harness's command with ours added, and what it says instead of tracebacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from harness_setup import TOY_TASKS, tiny_model

from suite.errors import UserError
from suite.lm_eval import wrapper

pytest.importorskip("lm_eval")


def harness(*words: str, tasks_dir: Path | None = None) -> None:
    wrapper.run_harness(words, tasks_dir)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(
            ["--model", "local-chat-completions", "--tasks", "unreason_reversal_curse_nd_ll"],
            "gives no log-probabilities, .* use unreason_reversal_curse_nd_gen",
            id="8-chat-model",
        ),
        pytest.param(
            ["--model", "hf", "--model_args", "pretrained=x,api_key=sk-abc", "--tasks", "unreason_gen"],
            "environment variable",
            id="7.1-secret",
        ),
    ],
)
def test_what_cannot_end_well_is_refused_before_anything_is_loaded(words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        harness("run", *words)
    assert "sk-abc" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "Tasks not found: unreason_revesal_curse",
            "did you mean .*unreason_reversal_curse.* Searched: .*my/tasks, our/tasks",
        ),
        ("Tasks not found: helaswag", "unknown task 'helaswag'; searched"),
        ("Unknown model 'unreson'. Did you mean: unreason?\nAvailable: a, b", "--model unreason"),
    ],
    ids=["8-our-task", "8-their-task", "model"],
)
def test_unknown_names_are_explained(said: str, message: str) -> None:
    args = Namespace(include_path=["my/tasks", "our/tasks"])
    with pytest.raises(UserError, match=message):
        raise wrapper._explained(ValueError(said), args, None)


def test_other_errors_stay_what_they_are() -> None:
    error = ValueError("of another kind")
    assert wrapper._explained(error, Namespace(include_path=[]), None) is error


def test_the_model_is_registered_beside_the_harness_own() -> None:
    from lm_eval.api.registry import model_registry

    wrapper._register()
    wrapper._register()
    from suite.lm_eval.model import UnreasonLM

    assert model_registry.get("unreason") is UnreasonLM
    assert len(model_registry) > 20, "registering too early hides the built-in ones"


@pytest.mark.slow
def test_end_to_end_on_a_tiny_model(tmp_path: Path) -> None:
    """Offline, with a task of the user's own, the harness's cache and its log of samples."""
    folder = tiny_model(tmp_path / "tiny-llama")
    words = (
        *("lm-eval", "--tasks-dir", str(TOY_TASKS), "run", "--model", "unreason"),
        *("--model_args", f"pretrained={folder},dtype=float32", "--tasks", "unreason_toy", "--limit", "4"),
        *("--output_path", str(tmp_path / "out"), "--log_samples", "--use_cache", str(tmp_path / "cache")),
    )
    done = subprocess.run(
        [sys.executable, "-m", "cli", *words],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "unreason_toy_ll" in done.stdout
    [results] = (tmp_path / "out").rglob("results_*.json")
    assert json.loads(results.read_text())["results"]["unreason_toy_gen"]["samples,none"] == 8
    assert len(list((tmp_path / "out").rglob("samples_*.jsonl"))) == 2


@pytest.mark.slow
def test_the_harness_own_command_finds_our_tasks(tmp_path: Path) -> None:
    from suite.lm_eval import catalogue

    folder = tiny_model(tmp_path / "tiny-llama")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "lm_eval", "run", "--model", "hf"),
            *("--model_args", f"pretrained={folder},dtype=float32", "--limit", "2", "--device", "cpu"),
            *("--tasks", "unreason_inverse_scaling_neqa_ll", "--include_path", str(catalogue.include_path())),
        ],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "acc[variant=trap]" in done.stdout
