"""Objectives side by side: what is trained, what is left out, and the arithmetic over seeds."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from finetune_toys import micro_preset

from suite.errors import UserError
from suite.finetune.comparison import compare_objectives
from suite.report import build_report
from suite.seeds import labels, over_seeds
from suite.stats import student_interval

OPTIONS = {"data": "generated", "style": "demo", "facts": 2, "test_templates": 1, "controls": "none"}


def _training(seed: int, objective: str = "ntp", **recipe: Any) -> dict[str, Any]:
    settings = {"objective": objective, "objective_options": {}, "seed": seed, **recipe}
    return {"objective": objective, "seed": seed, "tokens_seen": 100 + seed, "seconds": 2.0, "settings": settings}


def _measured(values: dict[str, list[float]]) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    runs, metrics = [], {}
    for objective, of_seeds in values.items():
        for seed, value in enumerate(of_seeds):
            run_id = f"{objective}-{seed}"
            runs.append({"run_id": run_id, "training": _training(seed, objective)})
            metrics[run_id] = [
                {"name": "em", "mode": "generate", "condition": {"a": 1}, "value": value, "ci_low": 0.0, "note": ""}
            ]
    return runs, metrics


def test_the_interval_over_seeds_is_students() -> None:
    mean, low, high = student_interval([0.2, 0.4, 0.6])
    half = 4.302652729911275 * 0.2 / math.sqrt(3)  # the 97.5 % point of t with 2 degrees of freedom
    assert (mean, low, high) == pytest.approx((0.4, 0.4 - half, 0.4 + half))
    assert student_interval([0.3]) == (0.3, None, None)


def test_runs_of_one_recipe_are_put_together_and_shares_stay_within_bounds() -> None:
    first, second = over_seeds(*_measured({"ntp": [0.0, 0.1, 0.2], "bico": [1.0]}), names=["em"])
    assert (first.value, first.lowest, first.highest, first.n_seeds) == (pytest.approx(0.1), 0.0, 0.2, 3)
    assert first.ci_low == 0.0  # Student's would go below
    assert first.tokens == 101
    assert (second.value, second.ci_low, second.n_seeds) == (1.0, None, 1)


def test_other_recipes_are_kept_apart_and_named_by_what_differs() -> None:
    runs, metrics = _measured({"ntp": [0.0, 0.1]})
    runs[1]["training"] = _training(1, hyperparameters={"steps": 50})
    runs[0]["training"] = _training(0, hyperparameters={"steps": 20})
    rows = over_seeds(runs, metrics, names=["em"])
    assert sorted(labels(rows).values()) == ["ntp (steps=20)", "ntp (steps=50)"]


def test_models_without_a_training_record_are_passed_over() -> None:
    assert over_seeds([{"run_id": "x", "training": None}], {"x": []}, names=["em"]) == []


def test_two_objectives_and_two_seeds_give_four_models_and_one_figure(tmp_path: Path) -> None:
    said: list[str] = []
    arguments: dict[str, Any] = {
        "objectives": ["ntp", "both_orders"],
        "seeds": 2,
        "output": tmp_path / "models",
        "results": tmp_path / "results",
        "scratch": micro_preset(tmp_path / "presets"),
        "say": said.append,
    }
    found = compare_objectives("reversal_curse", OPTIONS, **arguments)
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [
        *("both_orders-0", "both_orders-1", "ntp-0", "ntp-1"),
    ]
    assert len(said) == 4
    assert {row["objective"] for row in found.table()} == {"ntp", "both_orders"}
    assert {row["seeds"] for row in found.table()} == {2}
    assert compare_objectives("reversal_curse", OPTIONS, **arguments).table() == found.table()  # nothing anew

    page = build_report(tmp_path / "results", out=tmp_path / "report")
    assert "Objectives: exact match" in (page.parent / "task-reversal_curse.html").read_text()


def test_an_objective_that_was_named_and_cannot_train_this_model_is_an_error(tmp_path: Path) -> None:
    preset = micro_preset(tmp_path / "presets")
    with pytest.raises(UserError, match="objective mlm trains masked models; gpt2 is a causal one"):
        compare_objectives("reversal_curse", OPTIONS, objectives=["ntp", "mlm"], output=tmp_path / "m", scratch=preset)
    assert not (tmp_path / "m").exists()


def test_of_all_objectives_those_that_cannot_are_left_out_with_the_reason(tmp_path: Path) -> None:
    from suite.finetune.comparison import _trainable

    chosen, left_out = _trainable("reversal_curse", OPTIONS, ["all"], {"scratch": micro_preset(tmp_path / "presets")})
    assert "bico" in chosen
    assert left_out["mlm"] == "objective mlm trains masked models; gpt2 is a causal one"
    with_encoder, _ = _trainable("reversal_curse", OPTIONS, ["all"], {"scratch": "tiny-gpt2"})
    assert with_encoder["mlm"]["scratch"] == "tiny-bert"
    assert with_encoder["ntp"]["scratch"] == "tiny-gpt2"
