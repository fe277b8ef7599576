"""Logs of inspect_ai as runs of ours, in both formats; answers to our own prompts are scored by our own task."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from suite.errors import UserError
from suite.progress import Silent
from suite.registry import load_task
from suite.runner import run
from suite.store import Store
from suite.task import Generate, ModelInfo, seamless

KEY = "planted-key-4711"
OPTIONS = {"subtask": ["neqa"], "n": 2}


def sample(number: str, asked: Any = "Capital of Italy?", said: str = "Rome", **changes: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": said}
    return {
        "id": number,
        "epoch": 1,
        "uuid": f"u-{number}",
        "input": asked,
        "target": ["Rome"],
        "output": {
            "choices": [{"message": message, "stop_reason": "stop"}],
            "usage": {"input_tokens": 5, "output_tokens": 2},
            "time": 0.5,
        },
        "scores": {"match": {"value": "C" if said == "Rome" else "I", "answer": said}, "length": {"value": len(said)}},
        "attachments": {},
    } | changes


def log(*samples: dict[str, Any], task: str = "capitals", **task_args: Any) -> dict[str, Any]:
    metrics = {name: {"name": name, "value": value} for name, value in (("accuracy", 0.5), ("stderr", 0.25))}
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "run_id": "r1",
            "task_id": "t1",
            "created": "2026-05-01T10:00:00+00:00",
            "task": f"package/{task}",
            "task_version": 3,
            "task_args": task_args,
            "model": "openai/some-model",
            "model_args": {"api_key": KEY},
            "packages": {"inspect_ai": "0.3.285"},
        },
        "results": {
            "completed_samples": len(samples),
            "scores": [{"name": "match", "scorer": "match", "scored_samples": len(samples), "metrics": metrics}],
        },
        "stats": {"started_at": "2026-05-01T10:00:00+00:00", "completed_at": "2026-05-01T10:00:09+00:00"},
        "samples": list(samples),
    }


def as_json(folder: Path, content: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "2026-05-01T10-00-00-00-00_capitals_t1.json"
    file.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return file


def as_eval(folder: Path, content: dict[str, Any], zstandard: bool) -> Path:
    """A zip as inspect_ai writes it; zipfile itself writes no zstandard, so the member's method is set afterwards."""
    import pyarrow

    folder.mkdir(parents=True, exist_ok=True)
    header = {key: value for key, value in content.items() if key != "samples"}
    members = {"_journal/start.json": {}, "header.json": header}
    members |= {f"samples/{one['id']}_epoch_1.json": one for one in content["samples"]}
    file = folder / "2026-05-01T10-00-00-00-00_capitals_t1.eval"
    with zipfile.ZipFile(file, "w") as archive:
        for name, value in members.items():
            raw = json.dumps(value).encode()
            if not zstandard:
                archive.writestr(name, raw, zipfile.ZIP_DEFLATED)
                continue
            archive.writestr(name, pyarrow.compress(raw, codec="zstd", asbytes=True))
            info = archive.getinfo(name)
            info.compress_type, info.file_size = 93, len(raw)
    return file


@pytest.mark.parametrize("form", ["json", "deflated", "zstandard"])
def test_a_log_becomes_a_run_in_either_format(form: str, tmp_path: Path) -> None:
    content = log(sample("a"), sample("b", said=f"Milan {KEY}"))
    file = as_json(tmp_path, content) if form == "json" else as_eval(tmp_path, content, form == "zstandard")
    store = Store(tmp_path / "results")
    [run_id] = store.import_(file)
    assert store.import_(tmp_path) == [run_id], "a folder holds the same log; twice is once"
    row = store.run(run_id)
    assert (row["task"], row["task_version"], row["model"], row["status"], row["mode"]) == (
        *("capitals", "3", "inspect/openai/some-model", "imported", "generate"),
    )
    [metric] = store.metrics([run_id])
    assert (metric["name"], metric["value"], metric["stderr"], metric["n"]) == ("accuracy", 0.5, 0.25, 2)
    assert metric["note"].startswith("imported from inspect_ai")
    right, wrong = store.samples(run_id, with_text=True)
    assert (right["outcome"], right["scores"], right["target"]) == ("correct", {"match": 1.0, "length": 4.0}, "Rome")
    assert (wrong["outcome"], wrong["prompt_tokens"]) == ("wrong", 5)
    assert right["requests"][0]["prompt"] == [{"role": "user", "content": "Capital of Italy?"}]
    assert KEY not in json.dumps([row, right, wrong], default=str)


def test_parts_attachments_and_errors_are_understood(tmp_path: Path) -> None:
    turns = [
        {"role": "system", "content": "attachment://f00"},
        {"role": "user", "content": [{"type": "text", "text": "?"}]},
    ]
    failed = sample("b", output={}, error={"message": "refused", "traceback": ""}, scores=None)
    store = Store(tmp_path / "results")
    [run_id] = store.import_(as_json(tmp_path, log(sample("a", turns, attachments={"f00": "long"}), failed)))
    first, second = store.samples(run_id, with_text=True)
    assert first["requests"][0]["prompt"] == [
        {"role": "system", "content": "long"},
        {"role": "user", "content": "?"},
    ]
    assert (second["outcome"], second["error"]) == ("error", "server_error")
    assert store.run(run_id)["n_failed"] == 1


def test_answers_to_our_own_prompts_are_scored_by_our_own_task(tmp_path: Path) -> None:
    task = load_task("inverse_scaling", OPTIONS)
    info = ModelInfo("m", "m", "", frozenset({"generate", "chat"}))
    samples = []
    for doc in task.docs():
        for draft in task.requests(doc, info, frozenset({"generate"})):
            (request,) = draft.requests
            assert isinstance(request, Generate)
            plain = seamless(request.prompt)
            asked = plain if isinstance(plain, str) else [{"role": role, "content": text} for role, text in plain]
            samples.append(sample(f"{len(samples)}", asked, "A"))
    store = Store(tmp_path / "results")
    [run_id] = store.import_(as_json(tmp_path, log(*samples, task="inverse_scaling", **OPTIONS)))
    row = store.run(run_id)
    assert (row["task"], row["model"], row["status"]) == (
        *("inverse_scaling", "inspect/openai/some-model", "imported"),
    )
    same = run(
        "inverse_scaling",
        "scripted/constant",
        options=OPTIONS,
        model_options={"text": "A"},
        modes=["generate"],
        results=tmp_path / "ours",
        reporter=Silent(),
    )
    imported = [(m["name"], m["condition"], m["value"]) for m in store.metrics([run_id])]
    assert imported == [
        (m["name"], m["condition"], m["value"]) for m in Store(tmp_path / "ours").metrics([same.run_id])
    ]
    assert row["dataset_hash"] == Store(tmp_path / "ours").run(same.run_id)["dataset_hash"]


def test_a_task_of_our_name_that_asks_other_things_stays_a_foreign_one(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    [run_id] = store.import_(as_json(tmp_path, log(sample("a"), task="inverse_scaling", **OPTIONS)))
    assert store.run(run_id)["task_version"] == "3"
    assert store.metrics([run_id])[0]["condition"] == {"scorer": "match"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.eval", b"PK\x03\x04 torn", "no log of inspect_ai"),
        ("x.json", b'{"version": 2, "eval": {"task": ', "no log of inspect_ai"),
        ("x.json", b'{"version": 2, "eval": {"task": "t"}}', "no log of inspect_ai"),
    ],
    ids=["torn-zip", "torn-json", "no-model"],
)
def test_a_damaged_log_is_named(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        Store(tmp_path / "results").import_(tmp_path / name)
    assert name in str(caught.value)


def test_a_log_that_was_cut_off_says_how_to_mend_it(tmp_path: Path) -> None:
    file = tmp_path / "x.eval"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("_journal/start.json", "{}")
    with pytest.raises(UserError, match="inspect log recover"):
        Store(tmp_path / "results").import_(file)
