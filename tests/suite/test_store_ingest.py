"""From run folders into the database: what is written is found, once, whatever happened meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from run_folders import lines_of, metric_row, run_row, sample_row, write_folder

from suite.errors import UserError
from suite.store import Store


def content(results: Path) -> tuple[object, ...]:
    """Everything that queries find of all runs."""
    store = Store(results)
    runs = store.runs()
    ids = [row["run_id"] for row in runs]
    return runs, store.metrics(ids), [store.samples(run_id, with_text=True) for run_id in ids]


def test_a_run_comes_back_as_its_folder_has_it(tmp_path: Path) -> None:
    metrics = [metric_row("em"), metric_row("mrr", value=None, stderr=None, note="no candidates")]
    folder = write_folder(tmp_path, metrics=metrics)
    store = Store(tmp_path)
    store.ingest(folder)
    assert store.run("toy-m-1") == {**run_row(), "n_samples": 4, "n_failed": 0}
    assert store.samples("toy-m-1", with_text=True) == [sample_row(number) for number in range(4)]
    assert store.metrics(["toy-m-1"]) == [{"run_id": "toy-m-1", **metric} for metric in metrics]


def test_ingesting_twice_changes_nothing(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, metrics=[metric_row()])
    Store(tmp_path).ingest(folder)
    before = content(tmp_path)
    Store(tmp_path).ingest(folder)
    assert content(tmp_path) == before


def test_what_is_missing_in_run_json_is_null(tmp_path: Path) -> None:
    run = {name: value for name, value in run_row().items() if name not in ("training", "git_commit", "seconds")}
    Store(tmp_path).ingest(write_folder(tmp_path, run))
    assert Store(tmp_path).run("latest")["seconds"] is None


def test_the_last_line_of_a_sample_counts(tmp_path: Path) -> None:
    failed = sample_row(1, error="timeout", outcome="error", scores={}, responses=[])
    Store(tmp_path).ingest(write_folder(tmp_path, samples=[sample_row(0), failed, sample_row(2), sample_row(1)]))
    rows = Store(tmp_path).samples("toy-m-1")
    assert [(row["sample_id"], row["error"]) for row in rows] == [("s0000", None), ("s0001", None), ("s0002", None)]
    assert Store(tmp_path).run("latest")["n_failed"] == 0


def test_a_run_that_goes_on_is_incomplete_and_counted_from_its_journal(tmp_path: Path) -> None:
    failed = sample_row(1, error="timeout", outcome="error")
    run = run_row(status="running", n_samples=0, n_failed=0, finished_at=None)
    Store(tmp_path).ingest(write_folder(tmp_path, run, [sample_row(0), failed]))
    row = Store(tmp_path).run("latest")
    assert (row["status"], row["n_samples"], row["n_failed"]) == ("incomplete", 2, 1)


def test_strings_of_all_kinds_and_small_numbers_survive(tmp_path: Path) -> None:
    odd = sample_row(
        answer='nul \0 quote " back \\ line \u2028 \U0001f600',
        target="x" * 3_000_000,
        condition={"": "empty", 'a"b': None, "~/": True, "ß": 1e-7},
        scores={"tiny": 5e-324, "minus zero": -0.0, "third": 1 / 3, "large": 1.7976931348623157e308},
    )
    Store(tmp_path).ingest(write_folder(tmp_path, samples=[odd]))
    assert Store(tmp_path).samples("toy-m-1", with_text=True) == [odd]


@pytest.mark.parametrize("tail", ['{"sample_id":"s00', "\0" * 300, "{not json}\n", lines_of([sample_row(9)])[:-1]])
def test_a_torn_last_line_is_dropped_with_a_warning(tmp_path: Path, tail: str) -> None:
    folder = write_folder(tmp_path)
    whole = lines_of(sample_row(number) for number in range(4))
    (folder / "journal.jsonl").write_text(whole + tail, encoding="utf-8")
    told: list[str] = []
    Store(tmp_path, notify=told.append).ingest(folder)
    assert len(Store(tmp_path).samples("toy-m-1")) == 4
    assert [line.endswith("dropped the last line, which is not whole") for line in told] == [True]
    assert (folder / "journal.jsonl").read_text(encoding="utf-8") == whole + tail
    assert sorted(path.name for path in folder.iterdir()) == ["journal.jsonl", "run.json"]


@pytest.mark.parametrize("broken", ["{not json}", "[1, 2]", '{"sample_id": 3}', "\x01"])
def test_a_broken_line_before_the_last_is_named_and_changes_nothing(tmp_path: Path, broken: str) -> None:
    folder = write_folder(tmp_path)
    Store(tmp_path).ingest(folder)
    before = content(tmp_path)
    text = lines_of([sample_row(0)]) + broken + "\n" + lines_of([sample_row(1)])
    (folder / "journal.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"journal\.jsonl:2: not a sample"):
        Store(tmp_path).ingest(folder)
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    ("sample", "said"),
    [({"doc_id": None}, "doc_id"), ({"prompt_tokens": "many"}, "many"), ({"request_ids": "abc"}, "ARRAY|abc")],
)
def test_a_sample_with_a_wrong_column_is_refused(tmp_path: Path, sample: dict[str, object], said: str) -> None:
    folder = write_folder(tmp_path, samples=[sample_row(0), sample_row(1, **sample)])
    with pytest.raises(UserError, match=said) as caught:
        Store(tmp_path).ingest(folder)
    assert str(folder / "journal.jsonl") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert Store(tmp_path).runs() == []


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("run.json", "{", "run.json cannot be read"),
        ("run.json", "[]", "expected the run 'toy-m-1'"),
        ("run.json", json.dumps(run_row("other")), "expected the run 'toy-m-1'"),
        ("run.json", json.dumps(run_row(task=None)), "task"),
        ("run.json", json.dumps(run_row(started_at="yesterday")), "yesterday"),
        ("metrics.json", "{", "metrics.json"),
        ("metrics.json", json.dumps([metric_row(value="good")]), "metrics.json"),
    ],
)
def test_a_broken_file_is_named_in_one_line(tmp_path: Path, file: str, text: str, said: str) -> None:
    folder = write_folder(tmp_path)
    (folder / file).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=said) as caught:
        Store(tmp_path).ingest(folder)
    assert "\n" not in str(caught.value)


def test_a_folder_without_run_json_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no run folder: it has no run\.json"):
        Store(tmp_path).ingest(tmp_path)


def test_a_very_long_answer_is_taken(tmp_path: Path) -> None:
    long = "so " * 20_000_000
    store = Store(tmp_path)
    store.ingest(write_folder(tmp_path, samples=[sample_row(0, answer=long), sample_row(1)]))
    assert [row["answer"] for row in store.samples("toy-m-1")] == [long, "Ada"]


_PEAKS = """
import resource, sys
from pathlib import Path
from suite.store import Store
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
for results in map(Path, sys.argv[1:]):
    Store(results).ingest(results / "runs" / "toy-m-1")
    print(peak())
"""


def test_memory_does_not_grow_with_the_samples_of_a_run(tmp_path: Path) -> None:
    """Without a limit the larger one takes 340 MB more."""
    for name, number in (("few", 30_000), ("many", 300_000)):
        folder = write_folder(tmp_path / name, samples=[])
        line = json.dumps(sample_row(1, answer="so " * 250))
        with (folder / "journal.jsonl").open("w") as lines:
            lines.writelines(line.replace("s0001", f"s{at:07}", 1) + "\n" for at in range(number))
    words = [sys.executable, "-c", _PEAKS, str(tmp_path / "few"), str(tmp_path / "many")]
    few, many = map(int, subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())
    assert many < few + 80 * 2**20


def test_paths_are_never_read_as_patterns(tmp_path: Path) -> None:
    results = tmp_path / "odd [1] * ü"
    Store(results).ingest(write_folder(results, metrics=[metric_row()]))
    assert Store(results).run("latest")["n_samples"] == 4


def test_ingest_all_takes_what_is_new_or_changed(tmp_path: Path) -> None:
    write_folder(tmp_path, run_row("a"))
    folder = write_folder(tmp_path, run_row("b", status="running"))
    (tmp_path / "runs" / "begun").mkdir()
    store = Store(tmp_path)
    assert store.ingest_all() == ["a", "b"]
    assert store.ingest_all() == []
    with (folder / "journal.jsonl").open("a", encoding="utf-8") as journal:
        journal.write(lines_of([sample_row(4)]))
    assert store.ingest_all() == ["b"]
    assert store.run("b")["n_samples"] == 5


def test_ingest_all_loads_the_good_and_then_names_the_bad(tmp_path: Path) -> None:
    write_folder(tmp_path, run_row("a"))
    write_folder(tmp_path, run_row("b"))
    (tmp_path / "runs" / "a" / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"a.run\.json cannot be read.*ingested: b"):
        Store(tmp_path).ingest_all()
    assert [row["run_id"] for row in Store(tmp_path).runs()] == ["b"]


def test_gc_deletes_journals_of_complete_ingested_runs_only(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for run_id, status in (("done", "complete"), ("half", "incomplete"), ("changed", "complete")):
        store.ingest(write_folder(tmp_path, run_row(run_id, status=status)))
    write_folder(tmp_path, run_row("new"))
    os.utime(tmp_path / "runs" / "changed" / "journal.jsonl", ns=(1, 1))
    size = (tmp_path / "runs" / "done" / "journal.jsonl").stat().st_size
    assert store.gc() == [{"run_id": "done", "bytes": size}]
    assert (tmp_path / "runs" / "done" / "journal.jsonl").exists()
    assert store.gc(delete=True) == [{"run_id": "done", "bytes": size}]
    left = {file.parent.name for file in tmp_path.glob("runs/*/journal.jsonl")}
    assert left == {"half", "changed", "new"}
    assert store.gc() == []


def test_gc_leaves_a_run_that_is_being_executed(tmp_path: Path) -> None:
    from suite.store.journal import Journal

    folder = write_folder(tmp_path)
    Store(tmp_path).ingest(folder)
    with Journal(folder):
        assert Store(tmp_path).gc(delete=True) == []
    assert (folder / "journal.jsonl").exists()


@pytest.mark.parametrize("left", [None, ""], ids=["no journal", "an empty journal"])
def test_rows_outlive_their_journal(tmp_path: Path, left: str | None) -> None:
    folder = write_folder(tmp_path, metrics=[metric_row()])
    store = Store(tmp_path)
    store.ingest(folder)
    before = content(tmp_path)
    store.gc(delete=True)
    if left is not None:  # a runner that opens the run again makes a new journal
        (folder / "journal.jsonl").write_text(left, encoding="utf-8")
    store.ingest(folder)
    assert store.ingest_all() == []
    assert content(tmp_path) == before


def test_a_complete_run_begun_anew_is_kept_until_as_much_is_done(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.ingest(write_folder(tmp_path))
    before = content(tmp_path)
    store.ingest(write_folder(tmp_path, run_row(status="running"), [sample_row(0)]))
    assert content(tmp_path) == before
    store.ingest(write_folder(tmp_path, samples=[sample_row(0)]))
    assert store.run("latest")["n_samples"] == 1
