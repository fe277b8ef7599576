"""From local models to a verdict and a picture: `unreason run`, `trend` and `report` on two sizes of one family."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_hf import save, tokenizer

SIZES = {"small": 1, "large": 3}  # layers


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with runs of two random models that differ in size."""
    import torch
    import transformers as t

    from suite.progress import Silent
    from suite.runner import run

    folder = tmp_path_factory.mktemp("family")
    for name, layers in SIZES.items():
        torch.manual_seed(layers)
        config = t.LlamaConfig(
            vocab_size=400,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=layers,
            num_attention_heads=4,
            max_position_embeddings=1024,
            initializer_range=0.2,
        )
        save(folder / name, t.AutoModelForCausalLM.from_config(config).eval(), tokenizer(bos=True))
        for task, options in (
            ("inverse_scaling", {"subtask": ["neqa"], "n": 30}),
            ("position_bias", {"family": ["mcq"], "items": 12, "arms": ["cyclic"]}),
        ):
            given: dict[str, Any] = {"modes": ["loglikelihood"], "results": folder / "results", "reporter": Silent()}
            run(task, f"hf/{folder / name}", options=options, **given)
    return folder / "results"


def _unreason(*words: str) -> str:
    from typer.testing import CliRunner

    from cli import app

    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done.output


def _trend(results: Path, *words: str) -> list[dict[str, Any]]:
    family = ("--family", f"hf/{results.parent}/*", "--results", str(results), "--json")
    found: dict[str, Any] = json.loads(_unreason("trend", *family, *words))
    assert found["left_out"] == {}
    return list(found["curves"])


@pytest.mark.parametrize("axis", ["params_total", "params_non_embedding", "params_active"])
def test_sizes_are_counted_from_the_models(results: Path, axis: str) -> None:
    for curve in _trend(results, "--axis", axis):
        small, large = curve["points"]
        assert 0 < small["x"] < large["x"]
        assert (small["how"], large["how"]) == ("counted", "counted")
        assert (Path(small["model"]).name, Path(large["model"]).name) == ("small", "large")
        assert "two_points" in curve["flags"]
        assert curve["verdict"]["shape"] in ("flat", "standard", "inverse")


def test_another_task_goes_the_same_way_and_both_are_drawn(results: Path) -> None:
    asked = ("--task", "position_bias", "--metric", "correct", "--where", "label_mode=slot")
    curves = _trend(results, *asked)
    assert curves
    assert {curve["task"] for curve in curves} == {"position_bias"}
    _trend(results)
    _trend(results, "--contrast", "variant=control,trap")
    out = results / "pages"
    _unreason("report", "--results", str(results), "--out", str(out))
    for task in ("position_bias", "inverse_scaling"):
        page = (out / f"task-{task}.html").read_text(encoding="utf-8")
        assert "by parameters" in page
        assert "Verdicts and slopes" in page
        assert (out / "charts" / f"task-{task}-verdicts.svg").exists()
    assert "Trap cost in accuracy by parameters" in (out / "task-inverse_scaling.html").read_text(encoding="utf-8")


def test_the_table_names_scales_values_and_the_next_step(results: Path) -> None:
    said = _unreason("trend", "--family", f"hf/{results.parent}/*", "--results", str(results))
    assert "net level" in said or "net lower" in said or "net higher" in said
    assert "few_items: under 300" in said
    assert "`unreason report` draws the curves" in said


def test_the_power_table_comes_without_any_run(tmp_path: Path) -> None:
    rows = json.loads(_unreason("trend", "--power", "--results", str(tmp_path), "--json"))
    assert {"items", "scales", "false alarm", "fall of .10 found"} <= set(rows[0])
