"""Our tasks inside lm-evaluation-harness: what is asked, what is refused, what its results and logs hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from harness_setup import TOY_TASKS, evaluate

from suite.errors import UserError
from suite.store import Store
from suite.task import Metric

pytest.importorskip("lm_eval")


def model(text: Any = "yes", logprob: float = -1.0, template: Any = None) -> Any:
    """A backend of the harness that always says `text`; it counts what it is asked."""
    from lm_eval.api.model import LM

    class Constant(LM):
        calls = 0
        tokenizer_name = "constant"

        def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
            type(self).calls += len(requests)
            return [(logprob * len(request.args[1]), False) for request in requests]

        def generate_until(self, requests: Sequence[Any]) -> list[Any]:
            type(self).calls += len(requests)
            return [text for _ in requests]

        def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
            raise NotImplementedError

        def apply_chat_template(self, chat_history: Any, add_generation_prompt: bool = True) -> Any:
            return template(chat_history)

    return Constant()


def toy(lm: Any, name: str = "unreason_toy_gen", options: Any = None, **further: Any) -> dict[str, Any]:
    return evaluate(lm, [name], {"toy": options or {}}, TOY_TASKS, **further)


def test_a_task_of_the_users_own_gives_its_headline_metrics_and_its_samples() -> None:
    found = toy(model("yes"), options={"n": 3})
    row = found["results"]["unreason_toy_gen"]
    assert (row["accuracy,none"], row["accuracy_stderr,none"], row["samples,none"]) == (1.0, "N/A", 6)
    assert found["higher_is_better"]["unreason_toy_gen"] == {"accuracy": True}
    assert found["versions"]["unreason_toy_gen"] == "1"
    assert found["n-samples"]["unreason_toy_gen"] == {"original": 3, "effective": 3}


def test_a_group_runs_both_modes() -> None:
    results = evaluate(model(), ["unreason_toy"], {"toy": {"n": 3}}, TOY_TASKS)["results"]
    assert {"unreason_toy_gen", "unreason_toy_ll"} <= results.keys()
    assert results["unreason_toy_ll"]["margin,none"] == pytest.approx(-1.0)  # " yes" is a character longer than " no"


def test_each_request_of_a_doc_is_asked_once() -> None:
    lm = model()
    toy(lm, options={"n": 3})
    assert lm.calls == 6  # a question of its own and the shared one, which two samples have


@pytest.mark.parametrize(
    ("text", "logprob", "name", "error"),
    [(None, -1.0, "unreason_toy_gen", "empty"), ("yes", float("nan"), "unreason_toy_ll", "nan")],
)
def test_what_the_backend_cannot_answer_is_a_failed_sample(text: Any, logprob: float, name: str, error: str) -> None:
    found = toy(model(text, logprob), name, {"n": 2}, log_samples=True)
    assert {row["error"] for line in found["samples"][name] for row in line["samples"]} == {error}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"m": 3}, r"unknown option of task toy 'm'"),
        ("three", "expected a mapping"),
        ({"n": 0}, "no docs with these options"),
    ],
)
def test_wrong_options_are_said_in_one_line(options: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        evaluate(model(), ["unreason_toy_gen"], {"toy": options}, TOY_TASKS)


def test_chat_models_get_turns_and_are_refused_log_probabilities_by_name_of_the_other_task() -> None:
    from lm_eval.models.api_models import JsonChatStr

    sent: list[Any] = []

    def template(turns: Any) -> JsonChatStr:
        sent.append(turns)
        return JsonChatStr(json.dumps(turns))

    toy(model(template=template), options={"n": 1}, apply_chat_template=True)
    assert [{"role": "user", "content": "0?"}] in sent
    lm = model(template=template)
    with pytest.raises(UserError, match="use unreason_toy_gen"):
        toy(lm, "unreason_toy_ll", {"n": 1}, apply_chat_template=True)
    assert lm.calls == 0


def test_prompts_are_not_changed_from_outside() -> None:
    with pytest.raises(UserError, match="leave out --system_instruction"):
        toy(model(), options={"n": 1}, system_instruction="Be brief.")
    found = toy(model(), options={"n": 2}, num_fewshot=3, log_samples=True)
    assert found["samples"]["unreason_toy_gen"][0]["arguments"][0][0] == "0?"


def test_generation_settings_of_the_command_line_are_added() -> None:
    found = toy(model(), options={"n": 1}, gen_kwargs="max_gen_toks=3,top_p=0.5", log_samples=True)
    settings = found["samples"]["unreason_toy_gen"][0]["arguments"][0][1]
    assert settings == {"until": [], "max_gen_toks": 3, "do_sample": False, "temperature": 0.0, "top_p": 0.5}


def test_the_harness_cache_answers_the_second_time(tmp_path: Path) -> None:
    cache, lm = str(tmp_path / "cache"), model()
    first = toy(lm, options={"n": 3}, use_cache=cache)
    asked = lm.calls
    second = toy(lm, options={"n": 3}, use_cache=cache)
    assert lm.calls == asked
    assert second["results"] == first["results"]


def test_metrics_of_one_name_are_told_apart_by_what_differs() -> None:
    from suite.lm_eval.task import shown
    from suite.registry import task_classes

    arms = [{"arm": "a,b", "k": 1}, {"arm": "c", "k": 1}]
    metrics = [Metric("acc", 1.0, condition=arm, headline=True) for arm in arms]
    found = shown(task_classes(TOY_TASKS)["toy"], [*metrics, Metric("cost", 0.5, condition=arms[0], headline=True)])
    assert list(found) == ["acc[arm=a b]", "acc[arm=c]", "cost"]


def test_a_log_of_samples_becomes_an_ordinary_run(tmp_path: Path) -> None:
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.utils import handle_non_serializable

    from suite.progress import Silent
    from suite.runner import run

    options = {"subtask": ["neqa"], "n": 3}
    tracker = EvaluationTracker(output_path=str(tmp_path / "out"))
    name = "unreason_inverse_scaling_neqa_ll"
    found = evaluate(model(), [name], {"inverse_scaling": options}, log_samples=True, evaluation_tracker=tracker)
    samples = found.pop("samples")
    json.dumps(found, default=handle_non_serializable)
    tracker.save_results_aggregated(found, samples)
    tracker.save_results_samples(name, samples[name])
    store = Store(tmp_path / "results")
    [imported] = store.import_(tmp_path / "out")
    assert store.import_(tmp_path / "out") == [imported], "twice is once"
    row = store.run(imported)
    assert (row["task"], row["mode"], row["status"], row["n_samples"], row["n_failed"]) == (
        *("inverse_scaling", "loglikelihood", "imported", 6, 0),
    )
    assert row["model"].startswith("lm-eval/")

    uniform = run(
        "inverse_scaling",
        "scripted/uniform",
        options=options,
        modes=["loglikelihood"],
        results=tmp_path / "ours",
        reporter=Silent(),
    )
    ours = Store(tmp_path / "ours")
    assert row["dataset_hash"] == ours.run(uniform.run_id)["dataset_hash"]
    theirs = {(m["name"], str(m["condition"])): m["value"] for m in store.metrics([imported])}
    accuracy = {key: value for key, value in theirs.items() if key[0] == "acc"}
    assert accuracy == {
        (m["name"], str(m["condition"])): m["value"] for m in ours.metrics([uniform.run_id]) if m["name"] == "acc"
    }
    stored = store.samples(imported, with_text=True)
    assert {sample["sample_id"] for sample in stored} == {row["sample_id"] for row in ours.samples(uniform.run_id)}
    assert stored[0]["requests"][0]["continuations"]
    assert len(stored[0]["responses"][0]["scores"]) == len(stored[0]["requests"][0]["continuations"])


@pytest.mark.slow
def test_every_task_loads_and_sums_up(tmp_path: Path) -> None:
    from suite.lm_eval import catalogue

    leaves = [name for name in catalogue.names() if (catalogue.include_path() / f"{name}.yaml").exists()]
    leaves = [name for name in leaves if name.endswith(("_ll", "_gen"))]
    found = evaluate(model("A"), leaves, limit=2, log_samples=True)
    for name in leaves:
        row = found["results"][name]
        assert row["samples,none"] > 0, name
        errors = {row["error"] for line in found["samples"][name] for row in line["samples"]}
        assert errors == {None}, name
