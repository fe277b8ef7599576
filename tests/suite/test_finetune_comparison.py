"""Objectives side by side: what is trained, what is left out, and the arithmetic over seeds."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from finetune_toys import micro_preset

from suite.costs import efficiencies
from suite.errors import UserError
from suite.finetune.comparison import compare_objectives
from suite.finetune.plan import Stage, recipes, variant
from suite.registry import load_task
from suite.report import build_report
from suite.seeds import labels, over_seeds
from suite.stats import student_interval
from suite.task import TrainingDoc

OPTIONS = {"data": "generated", "style": "demo", "facts": 2, "test_templates": 1, "controls": "none"}


def _docs() -> list[TrainingDoc]:
    return list(load_task("reversal_curse", OPTIONS).training_docs())


def _training(seed: int, objective: str = "ntp", **recipe: Any) -> dict[str, Any]:
    settings = {"objective": objective, "objective_options": {}, "seed": seed, **recipe}
    cost = {"tokens_seen": 100 + seed, "steps": 10, "epochs": 1.5, "seconds": 2.0, "cpu_seconds": 1.0, "device": "cpu"}
    return {"objective": objective, "seed": seed, **cost, "settings": settings}


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
    assert (first.values, first.cost.tokens) == ([0.0, 0.1, 0.2], 101)
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
    chosen, left_out = recipes(_docs(), ["all"], ["steps"], {"scratch": micro_preset(tmp_path / "presets")})
    assert "bico" in {recipe.name for recipe in chosen}
    assert left_out["mlm"] == "objective mlm trains masked models; gpt2 is a causal one"
    with_encoder, none = recipes(_docs(), ["all"], ["steps"], {"scratch": "tiny-gpt2"})
    presets = {recipe.name: recipe.training["scratch"] for recipe in with_encoder}
    assert (presets["mlm"], presets["ntp"], none) == ("tiny-bert", "tiny-gpt2", {})


def test_an_objective_is_named_with_its_options() -> None:
    one = variant("reverse:kind=word:marker=back")
    assert (one.objective, one.options) == ("reverse", {"kind": "word", "marker": "back"})
    with pytest.raises(UserError, match="--objective reverse:word: expected NAME:KEY=VALUE"):
        variant("reverse:word")


def test_objectives_that_show_facts_twice_are_trained_for_equal_tokens_and_for_equal_epochs() -> None:
    training = {"scratch": "tiny-gpt2", "steps": 100}
    found, _ = recipes(_docs(), ["ntp", "reverse", "masked", "mlm"], ["tokens", "epochs"], training)
    steps = {recipe.name: recipe.training["steps"] for recipe in found}
    assert {name: steps[name] for name in ("ntp-100", "reverse-100", "reverse-200", "masked-200", "mlm-100")} == {
        **{"ntp-100": 100, "reverse-100": 100, "reverse-200": 200, "masked-200": 200, "mlm-100": 100},
    }
    (equal_tokens,) = (steps[name] for name in steps if name.startswith("masked") and name != "masked-200")
    assert 55 <= equal_tokens <= 75  # half of its rows hold the text twice: a row is about 1.5 times as long


def test_an_unknown_budget_is_refused() -> None:
    with pytest.raises(UserError, match="unknown budget 'epoch'; did you mean epochs"):
        recipes(_docs(), ["ntp"], ["epoch"], {"scratch": "tiny-gpt2"})


def test_facts_of_a_first_stage_are_asked_again_after_the_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suite.finetune.comparison._cores", lambda: 1)  # no further process
    found = compare_objectives(
        "reversal_curse",
        OPTIONS,
        objectives=["ntp", "masked"],  # rows and words that the first stage has not seen
        seeds=2,
        before=Stage({"group": "both"}, steps=40),
        tie_embeddings=True,
        lora=True,
        steps=2,
        output=tmp_path / "models",
        results=tmp_path / "results",
        scratch=micro_preset(tmp_path / "presets"),
    )
    assert {path.name for path in (tmp_path / "models").iterdir()} == {
        *(f"before-micro-{seed}" for seed in (0, 1)),
        *(f"{name}-{seed}" for name in ("ntp", "masked") for seed in (0, 1)),
    }
    lines = {one.label: one for one in found.efficiencies()}
    assert set(lines) == {"ntp", "masked"}  # seeds of one recipe are put together across stages
    for line in lines.values():
        assert line.seeds == 2
        assert line.retained is not None
    both = [row for row in found.rows if row.name == "em" and row.condition.get("group") == "both"]
    kept = {labels(found.rows)[row.recipe_key]: [] for row in both}
    for row in both:
        kept[labels(found.rows)[row.recipe_key]].append(row.value)
    for name, values in kept.items():
        assert lines[name].retained == pytest.approx(sum(values) / len(values))
    record = json.loads((tmp_path / "models" / "ntp-1" / "training.json").read_text())
    assert record["lora"] and record["tie_word_embeddings"]
    assert record["settings"]["notes"] == {"learned_before": {"group": "both"}}
    assert record["word_level"] and not record["scratch"]
    assert record["settings"]["start"]["trained"]["seed"] == 1
    assert record["documents"] == 2 * 2 * 12  # the one-way groups alone


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (
            {"group": "all"},
            "--before group=all: no document of the task is so, .*told apart by: direction, group, template",
        ),
        ({}, "every document"),
    ],
)
def test_a_first_stage_must_leave_something_for_both(where: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        compare_objectives(
            "reversal_curse",
            OPTIONS,
            objectives=["ntp"],
            before=Stage(where),
            output=tmp_path / "m",
            scratch=micro_preset(tmp_path / "presets"),
        )


def test_efficiency_is_the_reverse_score_by_cost() -> None:
    training = {**_training(0), "tokens_seen": 2_000_000, "steps": 500, "cpu_seconds": 30.0, "seconds": 99.0}
    twice = {**_training(0, "reverse"), "tokens_seen": 2_000_000, "steps": 500, "epochs": 0.75}
    conditions = [("n2d_only", "same", 1.0), ("n2d_only", "reverse", 0.2), ("d2n_only", "reverse", 0.6)]
    metrics = [
        {"name": "em", "mode": "generate", "value": value, "ci_low": 0.0, "note": "", "condition": condition}
        for group, seen, value in [*conditions, ("both", "same", 0.9)]
        for condition in [{"group": group, "seen": seen, "control": "none"}]
    ]
    runs = [{"run_id": "a", "training": training}, {"run_id": "b", "training": twice}]
    ntp, reverse = efficiencies(over_seeds(runs, {"a": metrics, "b": metrics}, ["em"]), ["em"])
    assert (ntp.same, ntp.reverse, ntp.retained) == (1.0, pytest.approx(0.4), None)
    assert ntp.per_million_tokens == pytest.approx(0.2)
    assert ntp.per_thousand_steps == pytest.approx(0.8)
    assert ntp.per_minute == pytest.approx(0.8)  # of the processor
    assert replace(ntp, cost=replace(ntp.cost, device="cuda")).per_minute == pytest.approx(0.4 / 1.65)
    assert (ntp.budget, reverse.budget) == ("steps, tokens, epochs", "steps, tokens")
