"""Curves out of stored runs: scales, shared items, what is refused, and what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from suite.errors import UserError
from suite.models.scripted import ScriptedModel
from suite.progress import Silent
from suite.runner import run
from suite.store import Store
from suite.task import ModelInfo
from suite.trend.axes import inferred_size, known_of, place, registry, transformed
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
        assert curve.flags == ("two_points", "few_items")
        assert all(point.how == "models.yaml" for point in curve.points)
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
        (
            {"family": "llama"},
            r"no run of inverse_scaling is of family 'llama'; known families: .*, opt, .*, toy; a pat",
        ),
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
    with pytest.raises(UserError, match=r"scripted/uniform is base and scripted/random is instruct; .*--allow-mixed"):
        trend("inverse_scaling", "toy", models=models, results=stored)
    found = trend("inverse_scaling", "toy", models=models, results=stored, allow_mixed=True)
    assert all("mixed_stages_allowed" in curve.flags for curve in found.curves)


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
    assert place("train_tokens", run_row, None, None) == (2000, "training.json")
    assert place("reasoning_tokens", run_row, None, 812.0) == (812, "measured")
    assert place("params_active", run_row, None, None)[0] is None
    mixture = {"model_info": {"parameters": 100, "extra": {"parameters_active": 30}}, "training": None}
    assert place("params_active", mixture, None, None) == (30, "counted")
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


def test_reasoning_that_was_measured_says_what_was_asked_for() -> None:
    run = {"model_info": {"extra": {"reasoning_effort": "low"}}, "training": None}
    assert place("reasoning_tokens", run, None, 812.0) == (812, "measured; 1024 asked for")


@pytest.mark.parametrize(
    ("size", "tokens", "flops"), [pytest.param(124e6, 28e9, 2.0832e19, id="6.11a"), (51.5e9, 400e9, 1.236e23)]
)
def test_flops_are_six_times_size_times_tokens(size: float, tokens: float, flops: float) -> None:
    """Example 11."""
    row = {"model_info": {"parameters": size}, "training": {"tokens_seen": tokens}}
    assert place("train_flops", row, None, None)[0] == pytest.approx(flops)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("hf/EleutherAI/pythia-70m", 70e6),
        ("hf/Qwen/Qwen2.5-0.5B-Instruct", 0.5e9),
        ("openai/llama-3.2-1b", 1e9),
        ("hf/mistralai/Mixtral-8x7B-v0.1", None),
        ("hf/bigscience/bloom-1b7", None),
        ("openai/gpt-5-mini", None),
        ("hf/x/distilled-70b-into-7b", None),
    ],
)
def test_a_size_in_a_name_counts_only_if_there_is_one_and_it_was_asked_for(name: str, size: float | None) -> None:
    row = {"model": name, "model_info": {}, "training": None}
    assert inferred_size(name) == size
    assert place("params_total", row, None, None)[0] is None
    assert place("params_total", row, None, None, infer_from_name=True)[0] == size


def test_a_counted_size_goes_before_one_in_the_name() -> None:
    row = {"model": "hf/x/pythia-70m", "model_info": {"parameters": 70_426_624}, "training": None}
    assert place("params_total", row, None, None, infer_from_name=True) == (70_426_624, "counted")


def test_a_checkpoint_has_not_seen_all_tokens_of_its_model(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(
        "- {model: EleutherAI/pythia-70m, revision: step1000, family: pythia, train_tokens: 2097152000}\n",
        encoding="utf-8",
    )
    known = registry(file)
    assert known_of(known, "hf/EleutherAI/pythia-70m").train_tokens == 299_892_736_000  # type: ignore[union-attr]
    assert known_of(known, "hf/EleutherAI/pythia-70m@main") == known["EleutherAI/pythia-70m"]
    assert known_of(known, "hf/EleutherAI/pythia-70m@step1000").train_tokens == 2_097_152_000  # type: ignore[union-attr]
    other = known_of(known, "hf/EleutherAI/pythia-70m@step2000")
    assert other is not None
    assert (other.family, other.train_tokens) == ("pythia", None)
    assert known_of(known, "hf/nobody/nothing@main") is None


def test_every_row_of_the_registry_has_a_source_and_a_number() -> None:
    import yaml

    rows = yaml.safe_load((Path(registry.__code__.co_filename).parent / "models.yaml").read_text(encoding="utf-8"))
    assert len({row["model"] for row in rows}) == len(rows)
    for row in rows:
        assert row["source"] and row["stage"]
        assert {"params_total", "train_tokens", "train_flops"} & set(row), row["model"]


def _stored(folder: Path, model: str | ScriptedModel, **options: Any) -> str:
    given = {"subtask": ["neqa"], "n": 40, **options}
    run_ = run("inverse_scaling", model, options=given, modes=["loglikelihood"], results=folder, reporter=Silent())
    return run_.run_id


def _liar(name: str, share: float) -> ScriptedModel:
    """Gives the first `share` of answers to the letter A with certainty, others to B, by the length of the question."""
    return ScriptedModel(
        name, share, logprob=lambda context, text: 0.0 if (text == " A") == (len(context) % 10 < 10 * share) else -3.0
    )


def test_shots_are_an_axis_along_which_every_model_has_a_curve(tmp_path: Path) -> None:
    for name, share in (("one", 0.2), ("two", 0.7)):
        _stored(tmp_path, _liar(name, share), shots=[0, 1, 5], variant=["trap"])
    found = trend("inverse_scaling", "scripted/*", "shots", results=tmp_path).curves
    assert [curve.condition["model"] for curve in found] == ["scripted/one", "scripted/two"]
    for curve in found:
        assert [point.x for point in curve.points] == [0, 1, 5]
        assert "shots" not in curve.condition
        assert "slope_excludes_zero" in curve.flags
        assert curve.slope is not None
        low, high = curve.points[1].value, curve.points[2].value
        assert curve.slope.slope == pytest.approx((high - low) / 0.69897)  # from 1 to 5 shots
    (alone,) = trend("inverse_scaling", "scripted/one", "shots", results=tmp_path).curves
    assert "model" not in alone.condition


class _Effort(ScriptedModel):
    """A model that was asked to reason so much, and did."""

    def __init__(self, effort: str, words: int) -> None:
        super().__init__("thinker", effort, text=lambda *_: "x" * words)
        card = self.info
        self.info = ModelInfo(
            card.name, card.provider, card.fingerprint, card.capabilities, extra={"reasoning_effort": effort}
        )


def test_one_model_with_several_efforts_has_a_curve(tmp_path: Path) -> None:
    for effort, words in (("none", 3), ("low", 50), ("medium", 200)):
        options = {"subtask": ["neqa"], "n": 30, "variant": ["trap"]}
        run("inverse_scaling", _Effort(effort, words), options=options, results=tmp_path, reporter=Silent())
    for axis, scales in (("reasoning_budget", [0, 1024, 4096]), ("reasoning_tokens", [3, 50, 200])):
        (curve,) = trend("inverse_scaling", "scripted/thinker", axis, results=tmp_path).curves
        assert [point.x for point in curve.points] == scales
        assert ("slope_excludes_zero" in curve.flags) == (0 in scales)
        assert curve.verdict.shape == "flat"


def test_runs_of_other_tasks_of_a_model_add_up_and_the_newest_of_the_same_counts(tmp_path: Path) -> None:
    first = _stored(tmp_path, "scripted/random", subtask=["neqa"], variant=["trap"])
    _stored(tmp_path, "scripted/random", subtask=["redefine"], variant=["trap"])
    again = _stored(tmp_path, "scripted/random", subtask=["neqa"], variant=["trap", "control"])
    assert first != again
    models = tmp_path / "m.yaml"
    models.write_text("- {model: random, family: toy, params_total: 10}\n", encoding="utf-8")
    curves = trend("inverse_scaling", "toy", models=models, results=tmp_path).curves
    at = {(curve.condition["subtask"], curve.condition["variant"]): curve.points[0].run_id for curve in curves}
    assert set(at) == {("neqa", "trap"), ("neqa", "control"), ("redefine", "trap")}
    assert at["neqa", "trap"] == again


def test_models_that_were_asked_data_of_several_revisions_do_not_share_a_curve(tmp_path: Path) -> None:
    for name, seed in (("one", 0), ("two", 1)):
        _stored(tmp_path, _liar(name, 0.5), data_seed=seed)
    with pytest.raises(UserError, match=r"one was asked data of revision generator-1-seed-0 and .*two of .*seed-1; "):
        trend("inverse_scaling", "scripted/*", "reasoning_tokens", results=tmp_path)


def test_failed_items_are_wrong_for_accuracy_and_have_no_loss(tmp_path: Path) -> None:
    from suite.models.scripted import load

    _stored(tmp_path, load("faulty", every=20), variant=["trap"])
    _stored(tmp_path, load("random"), variant=["trap"])
    models = tmp_path / "m.yaml"
    models.write_text(TOY.replace("uniform", "faulty"), encoding="utf-8")
    (accuracy,) = trend("inverse_scaling", "toy", models=models, results=tmp_path).curves
    (loss,) = trend("inverse_scaling", "toy", metric="loss", models=models, results=tmp_path).curves
    assert (accuracy.n, loss.n) == (40, 38)
    assert "incomplete_run" in accuracy.flags
    assert accuracy.points[0].value < accuracy.points[1].value  # the same model, but for the failures
    assert loss.points[0].value == pytest.approx(loss.points[1].value)


def test_any_score_of_any_task_has_a_trend(tmp_path: Path) -> None:
    from suite.models.scripted import load

    options = {"family": ["mcq"], "items": 12, "arms": ["cyclic"], "labels": ["slot"]}
    for seed in (1, 2):
        model = load("random", seed=seed)
        run("position_bias", model, options=options, modes=["loglikelihood"], results=tmp_path, reporter=Silent())
    scores = {name for row in Store(tmp_path).sql("SELECT json_keys(scores) AS k FROM samples") for name in row["k"]}
    assert "correct" in scores
    asked = {"family": "scripted/random", "axis": "reasoning_tokens", "merge": "mean", "results": tmp_path}
    for score in sorted(scores):
        for curve in trend("position_bias", metric=score, **asked).curves:  # type: ignore[arg-type]
            assert (curve.metric, curve.n, len(curve.points)) == (score, 12, 1)


def test_a_score_that_no_metric_speaks_of_is_taken_for_better_when_higher_and_says_so(stored: Path) -> None:
    models = stored / "models.yaml"
    (curve, *_) = trend("inverse_scaling", "toy", metric="tie", models=models, results=stored).curves
    assert "direction_assumed" in curve.flags
    (other, *_) = trend(
        "inverse_scaling", "toy", metric="tie", lower_is_better=True, models=models, results=stored
    ).curves
    assert "direction_assumed" not in other.flags
    assert other.verdict.max_drop == curve.verdict.max_gain


def test_modes_do_not_share_a_curve(tmp_path: Path) -> None:
    options = {"subtask": ["neqa"], "n": 30, "variant": ["trap"]}
    for modes in (["loglikelihood"], ["generate"]):
        run("inverse_scaling", "scripted/random", options=options, modes=modes, results=tmp_path, reporter=Silent())  # type: ignore[arg-type]
    asked = {"family": "scripted/random", "axis": "reasoning_tokens", "results": tmp_path}
    with pytest.raises(UserError, match=r"modes generate, loglikelihood, which share no curve; choose one with --mode"):
        trend("inverse_scaling", **asked)  # type: ignore[arg-type]
    (curve,) = trend("inverse_scaling", mode="generate", **asked).curves  # type: ignore[arg-type]
    assert curve.mode == "generate"
