"""Curves out of stored runs: scales, shared items, what is refused, and what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from suite.errors import UserError
from suite.progress import Silent
from suite.runner import run
from suite.store import Store
from suite.trend.axes import place, registry, transformed
from suite.trend.engine import Contrast, trend
from suite.trend.power import power_table

TOY = """\
- {model: uniform, family: toy, params_total: 10, source: made up}
- {model: random, family: toy, params_total: 1000}
"""
OPTIONS: dict[str, Any] = {"subtask": ["neqa"], "n": 40}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two scripted models that a models file takes for sizes of one family."""
    folder = tmp_path_factory.mktemp("trend")
    (folder / "models.yaml").write_text(TOY, encoding="utf-8")
    for model in ("uniform", "random"):
        run(
            "inverse_scaling",
            f"scripted/{model}",
            options=OPTIONS,
            modes=["loglikelihood"],
            results=folder,
            reporter=Silent(),
        )
    return folder


def test_a_family_gives_a_curve_a_condition_on_the_same_items(stored: Path) -> None:
    found = trend("inverse_scaling", "toy", models=stored / "models.yaml", results=stored)
    assert [curve.condition["variant"] for curve in found.curves] == ["control", "trap"]
    for curve in found.curves:
        assert [point.x for point in curve.points] == [10, 1000]
        assert curve.points[0].value == 0.5  # equally likely answers: the first wins, and places are balanced
        assert curve.n == 40
        assert curve.chance == 0.5
        assert "two_points" in curve.verdict.flags
        assert curve.slope is not None
        assert curve.slope.slope == pytest.approx((curve.points[1].value - 0.5) / 2)  # two decades


def test_a_loss_is_turned_so_that_higher_is_better(stored: Path) -> None:
    (curve, *_) = trend("inverse_scaling", "toy", metric="loss", models=stored / "models.yaml", results=stored).curves
    first, last = curve.points[0].value, curve.points[1].value
    assert last > first  # random log-probabilities are worse than equal ones
    assert curve.slope is not None
    assert curve.slope.slope < 0
    assert curve.verdict.net == "lower"


def test_curves_are_stored_once_with_their_points(stored: Path) -> None:
    for _ in range(2):
        trend("inverse_scaling", "toy", models=stored / "models.yaml", results=stored)
    store = Store(stored)
    key = "WHERE metric = 'acc' AND family = 'toy' AND axis = 'params_total'"
    assert store.sql(f"SELECT count(*) AS n FROM curves {key}") == [{"n": 2}]
    assert store.sql(f"SELECT count(*) AS n FROM points {key}") == [{"n": 4}]


def test_a_pattern_of_names_is_a_family_and_runs_without_a_place_are_left_out(stored: Path) -> None:
    found = trend("inverse_scaling", "scripted/*", "params_non_embedding", results=stored)
    assert found.curves == []
    assert len(found.left_out) == 2
    assert all("not known; add it to a models file" in reason for reason in found.left_out.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"family": "llama"}, r"no run of inverse_scaling is of family 'llama'; known families: gpt2, opt, toy; a pat"),
        ({"axis": "size"}, "unknown axis 'size'"),
        ({"metric": "accuracy"}, "unknown score 'accuracy'"),
        ({"task": "inverse"}, "unknown task 'inverse'"),
        ({"delta": 0.0}, "--delta 0: expected a number above 0"),
        ({"alpha": 1.0}, "--alpha 1: expected a number between 0 and 1"),
    ],
)
def test_what_cannot_be_judged_is_said_in_one_line(stored: Path, arguments: dict[str, Any], message: str) -> None:
    given = {"task": "inverse_scaling", "family": "toy", **arguments}
    with pytest.raises(UserError, match=message):
        trend(**given, models=stored / "models.yaml", results=stored)


def test_two_runs_of_one_size_are_an_error_or_averaged(stored: Path, tmp_path: Path) -> None:
    models = tmp_path / "same.yaml"
    models.write_text(TOY.replace("1000", "10"), encoding="utf-8")
    with pytest.raises(UserError, match="two runs have params_total 10; average them with --merge mean"):
        trend("inverse_scaling", "toy", models=models, results=stored)
    found = trend("inverse_scaling", "toy", models=models, results=stored, merge="mean")
    assert all(curve.verdict.shape == "insufficient" and len(curve.points) == 1 for curve in found.curves)


def test_stages_do_not_share_a_curve(stored: Path, tmp_path: Path) -> None:
    models = tmp_path / "stages.yaml"
    models.write_text(
        "- {model: uniform, family: toy, stage: base, params_total: 1}\n"
        "- {model: random, family: toy, stage: instruct, params_total: 2}\n",
        encoding="utf-8",
    )
    with pytest.raises(UserError, match="scripted/uniform is base and scripted/random is instruct"):
        trend("inverse_scaling", "toy", models=models, results=stored)


def test_models_that_were_asked_other_items_do_not_share_a_curve(stored: Path, tmp_path: Path) -> None:
    for model, n in (("uniform", 40), ("random", 30)):
        run(
            "inverse_scaling",
            f"scripted/{model}",
            options={**OPTIONS, "n": n},
            modes=["loglikelihood"],
            results=tmp_path,
            reporter=Silent(),
        )
    with pytest.raises(UserError, match=r"the runs share 30 of 40 items .*; run all models with the same options"):
        trend("inverse_scaling", "toy", models=stored / "models.yaml", results=tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- {model: a}\n", "row 1: expected model and family"),
        ("- {model: a, family: b, size: 3}\n", "row 1: expected model and family, and of"),
        ("- {model: a, family: b, params_total: many}\n", "model a: params_total 'many' is no number above 0"),
        ("- {model: a, family: b, params_total: -1}\n", "no number above 0"),
        ("{", "cannot be read as YAML"),
    ],
)
def test_bad_model_files_are_named(content: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        registry(file)


def test_scales_come_from_the_registry_the_card_or_the_training_record() -> None:
    run_row = {"model_info": {"parameters": 100}, "training": {"steps": 50, "tokens_seen": 2000}}
    known = registry()["gpt2"]
    assert place("params_total", run_row, known, None) == (124_439_808, "models.yaml")
    assert place("params_total", run_row, None, None) == (100, "counted")
    assert place("train_steps", run_row, None, None) == (50, "training.json")
    assert place("train_flops", run_row, None, None) == (6 * 100 * 2000, "estimated as 6 N D")
    assert place("reasoning_tokens", run_row, None, 812.0) == (812, "measured")
    assert place("params_total", {"model_info": {}, "training": None}, None, None)[0] is None


def test_nothing_has_a_place_at_zero_on_a_logarithmic_axis() -> None:
    assert transformed([0, 10, 1000]) == [None, 1.0, 3.0]


def test_the_power_table_shows_that_few_items_find_little() -> None:
    rows = {(row["items"], row["scales"]): row for row in power_table(sizes=(100, 1000), scales=(4,))}
    assert rows[100, 4]["fall of .10 found"] < 0.5 < 0.9 < rows[1000, 4]["fall of .10 found"]
    assert all(row["false alarm"] < 0.1 for row in rows.values())


def test_a_contrast_is_the_cost_of_an_arm_item_by_item(stored: Path) -> None:
    contrast = Contrast.parse("variant=control,trap")
    [curve] = trend("inverse_scaling", "toy", contrast=contrast, models=stored / "models.yaml", results=stored).curves
    plain = trend("inverse_scaling", "toy", models=stored / "models.yaml", results=stored).curves
    means = {one.condition["variant"]: [point.value for point in one.points] for one in plain}
    assert [point.value for point in curve.points] == pytest.approx(
        [control - trap for control, trap in zip(means["control"], means["trap"], strict=True)]
    )
    assert "variant" not in curve.condition
    assert curve.chance is None
    rows = Store(stored).sql("SELECT metric FROM curves WHERE metric LIKE '%minus%'")
    assert [row["metric"] for row in rows] == ["acc, control minus trap"]


def test_a_rising_cost_is_a_fall() -> None:
    """Costs are turned, so that a trap that costs larger models more is called inverse."""
    import numpy as np

    from suite.trend.verdict import decide, paired_stderrs

    costs = np.repeat([[0.0], [0.3], [0.6]], 400, axis=1)
    costs[:, ::2] += 0.01
    verdict = decide((-costs).mean(axis=1).tolist(), paired_stderrs(-costs, [str(n) for n in range(400)]), n=400)
    assert verdict.shape == "inverse"


@pytest.mark.parametrize("text", ["variant", "variant=trap", "variant=trap,trap", "=a,b", "variant=a,"])
def test_a_contrast_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"expected KEY=FIRST,SECOND"):
        Contrast.parse(text)


def test_a_contrast_without_both_arms_is_refused(stored: Path) -> None:
    with pytest.raises(UserError, match=r"no item with both variant=control and variant=none"):
        trend(
            "inverse_scaling",
            "toy",
            contrast=Contrast.parse("variant=control,none"),
            models=stored / "models.yaml",
            results=stored,
        )


@pytest.mark.parametrize(
    ("effort", "budget"), [("low", 1024), ("medium", 4096), ("high", 8192), ("2048", 2048), (None, None), ("x", None)]
)
def test_reasoning_that_was_asked_for_is_an_axis(effort: str | None, budget: float | None) -> None:
    run = {"model_info": {"extra": {"reasoning_effort": effort}}, "training": None}
    assert place("reasoning_budget", run, None, None)[0] == budget
