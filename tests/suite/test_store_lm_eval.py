"""Results and sample logs of lm-evaluation-harness as runs of ours: numbers as numbers, keys blanked.

The slow test lets lm-eval itself write the files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from suite.errors import UserError
from suite.store import Store
from suite.store.redaction import Redactor
from suite.task import Generate, Loglikelihood, request_from_json

KEY = "planted-key-4711"
TIME = "2026-05-01T10-00-00.123456"


def results_json(**changes: Any) -> dict[str, Any]:
    metadata = {"version": 2, "api_key": KEY, "pretrained": "my/model"}
    return {
        "results": {
            "mc": {"name": "mc", "alias": "mc", "sample_len": 2, "acc,none": 0.5, "acc_stderr,none": 0.25},
            "gen": {"alias": "gen", "exact_match,strict": 1.0, "exact_match_stderr,strict": "N/A"},
            "both": {"alias": "both", "acc,none": 0.5, "acc_stderr,none": "N/A"},
        },
        "groups": {"both": {"alias": "both", "acc,none": 0.5}},
        "configs": {
            "mc": {"task": "mc", "output_type": "multiple_choice", "metadata": metadata},
            "gen": {"task": "gen", "output_type": "generate_until", "metadata": metadata, "pad_token": "<pad>"},
        },
        "versions": {"mc": 2, "gen": "1.5", "both": 1},
        "n-shot": {"mc": 5, "gen": 0},
        "higher_is_better": {"mc": {"acc": True}, "gen": {"exact_match": True}, "both": {"acc": True}},
        "n-samples": {"mc": {"original": 9, "effective": 2}, "gen": {"original": 9, "effective": 1}},
        "config": {
            "model": "local-completions",
            "model_args": f"model=my/model,api_key={KEY},base_url=http://127.0.0.1/v1",
            "batch_size": 1,
        },
        "git_hash": "abc1234",
        "date": 1_777_629_600.5,
        "lm_eval_version": "0.4.13",
        "transformers_version": "5.0",
        "task_hashes": {"mc": "hash-mc"},
        "total_evaluation_time_seconds": "12.25",
    } | changes


def mc_line(doc_id: int, **changes: Any) -> dict[str, Any]:
    call = {"arg_0": f"Q: which {doc_id}?\nA:"}
    return {
        "doc_id": doc_id,
        "doc": {"q": "which?"},
        "target": "0",
        "arguments": {"gen_args_0": {**call, "arg_1": " red"}, "gen_args_1": {**call, "arg_1": " blue"}},
        "resps": [[["-8.27", "False"]], [["-0.5", "True"]]],
        "filtered_resps": [["-8.27", "False"], ["-0.5", "True"]],
        "filter": "none",
        "metrics": ["acc", "acc_norm"],
        "prompt_hash": "p",
        "acc": 0.0,
        "acc_norm": 1.0,
    } | changes


def gen_line(doc_id: int = 0, **changes: Any) -> dict[str, Any]:
    settings = {"until": ["\n"], "max_gen_toks": 8, "do_sample": False}
    return {
        "doc_id": doc_id,
        "target": "red",
        "arguments": {"gen_args_0": {"arg_0": f"Say red. {KEY}", "arg_1": settings}},
        "resps": [["Red!", "red"]],
        "filtered_resps": ["red"],
        "filter": "strict",
        "metrics": ["exact_match"],
        "exact_match": 1.0,
    } | changes


def write_logs(folder: Path, results: dict[str, Any] | None = None, **samples: list[dict[str, Any]]) -> Path:
    """An output folder of lm-eval; returns the results file."""
    place = folder / "my__model"
    place.mkdir(parents=True, exist_ok=True)
    for task, lines in samples.items():
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (place / f"samples_{task}_{TIME}.jsonl").write_text(text, encoding="utf-8")
    file = place / f"results_{TIME}.json"
    file.write_text(json.dumps(results if results is not None else results_json()), encoding="utf-8")
    return file


def by_task(store: Store) -> dict[str, dict[str, Any]]:
    return {row["task"]: row for row in store.runs()}


def test_a_folder_of_logs_becomes_a_run_a_task(tmp_path: Path) -> None:
    write_logs(tmp_path / "logs", mc=[mc_line(0), mc_line(1, acc=1.0)], gen=[gen_line()])
    store = Store(tmp_path / "results")
    assert len(store.import_(tmp_path / "logs")) == 3
    runs = by_task(store)
    mc = runs["mc"]
    assert (mc["status"], mc["mode"], mc["task_version"], mc["dataset_hash"]) == (
        *("imported", "loglikelihood", "2", "hash-mc"),
    )
    assert mc["model"].startswith("lm-eval/local-completions:model=my/model")
    assert (mc["n_docs"], mc["n_samples"], mc["n_failed"], mc["seconds"]) == (2, 2, 0, 12.25)
    assert mc["started_at"] == "2026-05-01T10:00:00.500000+00:00"
    assert mc["libraries"] == {"lm-eval": "0.4.13", "transformers": "5.0"}
    assert mc["options"]["num_fewshot"] == 5
    assert runs["gen"]["mode"] == "generate"
    assert runs["both"]["n_samples"] is None  # a group: metrics alone


def test_metrics_get_the_interval_of_lm_evals_standard_error(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    store.import_(write_logs(tmp_path))
    runs = by_task(store)
    (acc,) = store.metrics([runs["mc"]["run_id"]])
    assert (acc["name"], acc["value"], acc["stderr"], acc["n"]) == ("acc", 0.5, 0.25, 2)
    assert acc["ci_low"] == pytest.approx(0.5 - 1.959964 * 0.25)
    assert acc["ci_high"] == pytest.approx(0.5 + 1.959964 * 0.25)
    (exact,) = store.metrics([runs["gen"]["run_id"]])
    assert (exact["condition"], exact["stderr"], exact["ci_low"]) == ({"filter": "strict"}, None, None)
    assert exact["higher_is_better"]


def test_choices_of_a_context_are_one_request_and_text_becomes_numbers(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    store.import_(write_logs(tmp_path, mc=[mc_line(0)]))
    (row,) = store.samples(by_task(store)["mc"]["run_id"], with_text=True)
    (request,) = [request_from_json(value) for value in row["requests"]]
    assert request == Loglikelihood("Q: which 0?\nA:", (" red", " blue"))
    assert row["request_ids"] == [request.id]
    assert row["responses"] == [{"request_id": request.id, "scores": [[-8.27, 0, False], [-0.5, 0, True]]}]
    assert (row["doc_id"], row["target"], row["answer"], row["outcome"]) == ("0", "0", "blue", "wrong")
    assert row["scores"] == {"acc": 0.0, "acc_norm": 1.0}


def test_generations_keep_their_repeats_and_settings(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    store.import_(write_logs(tmp_path, gen=[gen_line(), gen_line(filter="loose", exact_match=0.0)]))
    strict, loose = sorted(
        store.samples(by_task(store)["gen"]["run_id"], with_text=True), key=lambda row: row["outcome"]
    )
    (request,) = [request_from_json(value) for value in strict["requests"]]
    assert request == Generate("Say red. [redacted]", stop=("\n",), max_tokens=8, n=2)
    assert strict["responses"][0]["texts"] == [["Red!", "stop"], ["red", "stop"]]
    assert (strict["answer"], strict["outcome"], strict["condition"]) == ("red", "correct", {"filter": "strict"})
    assert (loose["outcome"], loose["condition"]) == ("wrong", {"filter": "loose"})


def test_rolling_likelihoods_have_an_empty_context_and_no_verdict(tmp_path: Path) -> None:
    rolling = {"arguments": {"gen_args_0": {"arg_0": "A text."}}, "resps": [["-3.5"]], "filtered_resps": ["-3.5"]}
    line = mc_line(0, **rolling, metrics=["word_perplexity"], word_perplexity=[-3.5, 2])
    store = Store(tmp_path / "results")
    store.import_(write_logs(tmp_path, mc=[line]))
    (row,) = store.samples(by_task(store)["mc"]["run_id"], with_text=True)
    assert row["requests"][0] == {"type": "loglikelihood", "context": "", "continuations": ["A text."]}
    assert (row["outcome"], row["answer"], row["scores"]) == ("scored", None, {})


def test_no_key_reaches_the_store(tmp_path: Path) -> None:
    other = "sk-" + "a1B2" * 6
    file = write_logs(
        tmp_path,
        results_json(config={"model": "openai", "model_args": {"api_key": KEY, "hf_token": "tok-778899", "x": other}}),
        gen=[gen_line()],
        mc=[mc_line(0, target="tok-778899")],
    )
    store = Store(tmp_path / "results")
    store.import_(file)
    store.export(None, tmp_path / "out")
    everything = json.dumps([store.runs(), *(store.samples(row["run_id"], with_text=True) for row in store.runs())])
    for secret in (KEY, other, "tok-778899"):
        assert secret not in everything
        for path in [*(tmp_path / "results").rglob("*"), *(tmp_path / "out").iterdir()]:
            assert path.is_dir() or secret.encode() not in path.read_bytes()
    assert by_task(store)["gen"]["options"]["pad_token"] == "<pad>"


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ({"model_args": "a=1,api_key=x y"}, {"model_args": "a=1,api_key=[redacted] y"}),
        ({"model_args": "token=abc,max_tokens=5"}, {"model_args": "token=[redacted],max_tokens=5"}),
        ({"header": "Authorization: Bearer abc.def"}, {"header": "Authorization: Bearer [redacted]"}),
        ({"Authorization": "x"}, {"Authorization": "[redacted]"}),
        ({"eos_token": "</s>", "tokenizer": "gpt2"}, {"eos_token": "</s>", "tokenizer": "gpt2"}),
        ({"doc_to_text": "the password: {{x}}"}, {"doc_to_text": "the password: {{x}}"}),
        ([{"OPENAI_API_KEY": ""}], [{"OPENAI_API_KEY": ""}]),
    ],
)  # fmt: skip
def test_secrets_are_known_by_name_and_shape(value: Any, clean: Any) -> None:
    assert Redactor.of(value).clean(value) == clean


def test_importing_twice_changes_nothing(tmp_path: Path) -> None:
    file = write_logs(tmp_path, mc=[mc_line(0), mc_line(1)])
    store = Store(tmp_path / "results")
    ids = store.import_(file)
    before = [store.run(run_id) for run_id in ids]
    assert store.import_(file.parent.parent) == ids
    assert [store.run(run_id) for run_id in ids] == before
    assert len(store.samples(by_task(store)["mc"]["run_id"])) == 2


def test_a_sample_file_brings_its_run_and_works_alone(tmp_path: Path) -> None:
    results = write_logs(tmp_path, mc=[mc_line(0)], gen=[gen_line()])
    samples = results.with_name(f"samples_mc_{TIME}.jsonl")
    store = Store(tmp_path / "a")
    assert len(store.import_(samples)) == 1
    assert store.run("latest")["task_version"] == "2"
    results.unlink()
    alone = Store(tmp_path / "b")
    alone.import_(samples)
    row = alone.run("latest")
    assert (row["task"], row["model"], row["n_samples"], row["status"]) == ("mc", "lm-eval/my__model", 1, "imported")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x/results_2026-05-01T10-00-00.json", "{", "cannot be read"),
        ("x/results_2026-05-01T10-00-00.json", "{}", "no key 'results'"),
        ("x/results_2026-05-01T10-00-00.json", '{"results": {"t": 3}}', "not the layout of lm-eval"),
        ("x/other.txt", "", "neither an export of unreason"),
        ("x/other.txt/", "", "neither an export of unreason"),
    ],
)
def test_what_is_none_of_lm_evals_is_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=said) as caught:
        Store(tmp_path / "results").import_(tmp_path / "x")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("line", [{"doc_id": 1}, {}, mc_line(0, resps=[[["much", "False"]]] * 2), mc_line(0, resps=[])])
def test_a_broken_sample_line_is_named_and_its_run_is_not_stored(tmp_path: Path, line: dict[str, Any]) -> None:
    file = write_logs(tmp_path, mc=[mc_line(0), line])
    with pytest.raises(UserError, match=rf"samples_mc_{TIME}\.jsonl:2: no sample of lm-eval"):
        Store(tmp_path / "results").import_(file)
    assert Store(tmp_path / "results").runs() == []


@pytest.mark.slow
def test_what_lm_eval_writes_today_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lm_eval = pytest.importorskip("lm_eval")
    from lm_eval.api.model import LM
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    data = [{"q": f"which {number}?", "label": number % 2} for number in range(4)]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in data))
    head = f"dataset_path: json\ndataset_kwargs: {{data_files: {{test: {tmp_path}/data.jsonl}}}}\ntest_split: test\n"
    head += 'doc_to_text: "Q: {{q}}\\nA:"\nmetadata: {version: 3}\n'
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "mc.yaml").write_text(
        head + "task: tiny_mc\noutput_type: multiple_choice\ndoc_to_choice: [red, blue]\n"
        "doc_to_target: '{{label}}'\nmetric_list: [{metric: acc}]\n"
    )
    (tmp_path / "tasks" / "gen.yaml").write_text(
        head + "task: tiny_gen\noutput_type: generate_until\ndoc_to_target: red\n"
        "generation_kwargs: {until: ['\\n'], max_gen_toks: 8}\n"
        "metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]\n"
    )

    class Fixed(LM):
        tokenizer_name = ""

        def loglikelihood(self, requests: list[Any], **_: Any) -> list[tuple[float, bool]]:
            return [(-1.0 if request.args[1] == " red" else -2.0, False) for request in requests]

        def generate_until(self, requests: list[Any], **_: Any) -> list[str]:
            return ["red" for _ in requests]

        def loglikelihood_rolling(self, requests: list[Any], **_: Any) -> list[float]:
            raise NotImplementedError

    tracker = EvaluationTracker(output_path=str(tmp_path / "logs"))
    results = lm_eval.simple_evaluate(
        model=Fixed(),
        tasks=["tiny_mc", "tiny_gen"],
        task_manager=TaskManager(include_path=str(tmp_path / "tasks"), include_defaults=False),
        evaluation_tracker=tracker,
        metadata={"api_key": KEY},
        bootstrap_iters=0,
    )
    samples = results.pop("samples")
    tracker.save_results_aggregated(results, samples)
    for task, rows in samples.items():
        tracker.save_results_samples(task, rows)

    store = Store(tmp_path / "results")
    assert len(store.import_(tmp_path / "logs")) == 2
    runs = by_task(store)
    assert [row["value"] for row in store.metrics([runs["tiny_mc"]["run_id"]])] == [0.5]
    rows = store.samples(runs["tiny_mc"]["run_id"], with_text=True)
    assert [(row["answer"], row["outcome"]) for row in rows] == [("red", "correct"), ("red", "wrong")] * 2
    assert rows[0]["responses"][0]["scores"] == [[-1.0, 0, False], [-2.0, 0, False]]
    assert {row["answer"] for row in store.samples(runs["tiny_gen"]["run_id"])} == {"red"}
    assert KEY not in json.dumps(store.runs())
