"""Parquet out and in again: nothing is lost, equal content gives equal bytes, and nothing is overwritten unasked."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_folders import metric_row, run_row, sample_row, write_folder

from suite.errors import UserError
from suite.store import Store


def content(store: Store) -> tuple[Any, ...]:
    runs = store.runs()
    ids = [row["run_id"] for row in runs]
    return runs, store.metrics(ids), {run_id: store.samples(run_id, with_text=True) for run_id in ids}


def exported(results: Path, *run_ids: str) -> Path:
    """A results folder with the given runs, exported; returns the folder of the export."""
    for run_id in run_ids:
        Store(results).ingest(write_folder(results, run_row(run_id), metrics=[metric_row("b"), metric_row("a")]))
    Store(results).export(None, results / "out")
    return results / "out"


texts = st.text(st.characters(codec="utf-8"), max_size=12)
floats = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | floats | texts
conditions = st.dictionaries(texts, scalars, max_size=3)
samples = st.fixed_dictionaries(
    {
        "doc_id": texts,
        "condition": conditions,
        "cluster": texts,
        "target": st.none() | texts,
        "requests": st.lists(conditions, max_size=2),
        "responses": st.lists(conditions, max_size=2),
        "scores": st.dictionaries(texts, st.none() | floats, max_size=3),
        "answer": st.none() | texts,
        "error": st.none() | texts,
        "cost_usd": floats,
        "prompt_tokens": st.none() | st.integers(0, 2**62),
    }
)
metrics = st.fixed_dictionaries({"name": texts, "condition": conditions, "value": st.none() | floats, "note": texts})


@settings(max_examples=6, deadline=None)
@given(
    rows=st.lists(samples, max_size=4),
    figures=st.lists(metrics, max_size=3),
    run=st.fixed_dictionaries(
        {"task": texts, "options": conditions, "training": st.none() | conditions, "seconds": st.none() | floats}
    ),
)
def test_export_and_import_lose_nothing(
    rows: list[dict[str, Any]],
    figures: list[dict[str, Any]],
    run: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    results = tmp_path_factory.mktemp("here")
    numbered = [sample_row(number, **row) for number, row in enumerate(rows)]
    here, there = Store(results / "a"), Store(results / "b")
    here.ingest(write_folder(results / "a", run_row(**run), numbered, [metric_row(**figure) for figure in figures]))
    assert sorted(here.samples("toy-m-1", with_text=True), key=lambda row: row["sample_id"]) == numbered
    (out,) = here.export(None, results / "out")
    assert there.import_(out) == ["toy-m-1"]
    assert content(there) == content(here)
    (again,) = there.export(None, results / "again")
    assert again.read_bytes() == out.read_bytes()


def test_equal_content_gives_equal_bytes_whatever_the_order_of_ingest(tmp_path: Path) -> None:
    rows = [sample_row(number, target="x" * (number % 50)) for number in range(3000)]
    for name, seed in (("a", 1), ("b", 2)):
        order = random.Random(seed)
        ids = ["one", "two"]
        order.shuffle(ids)
        for run_id in ids:
            order.shuffle(rows)
            Store(tmp_path / name).ingest(write_folder(tmp_path / name, run_row(run_id), rows, [metric_row()]))
        Store(tmp_path / name).export(None, tmp_path / name / "out")
    for file in ("one.parquet", "two.parquet"):
        assert (tmp_path / "a" / "out" / file).read_bytes() == (tmp_path / "b" / "out" / file).read_bytes()


def test_an_export_holds_the_runs_asked_for_and_nothing_half_written(tmp_path: Path) -> None:
    exported(tmp_path, "one", "two")
    files = Store(tmp_path).export(["tw"], tmp_path / "some")
    assert files == list((tmp_path / "some").iterdir()) == [tmp_path / "some" / "two.parquet"]
    assert duckdb.sql(f"select distinct run_id from '{files[0]}'").fetchall() == [("two",)]
    with pytest.raises(UserError, match="unknown run 'tow'; did you mean two"):
        Store(tmp_path).export(["tow"], tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_an_export_folder_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    exported(tmp_path, "one")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write to .*file.*--out"):
        Store(tmp_path).export(None, tmp_path / "file")


def test_importing_twice_changes_nothing_and_views_are_there(tmp_path: Path) -> None:
    folder = exported(tmp_path / "a", "one")
    there = Store(tmp_path / "b")
    assert there.import_(folder) == there.import_(folder) == ["one"]
    assert content(there) == content(Store(tmp_path / "a"))
    assert there.sql("select avg(s_em) as em from samples_toy") == [{"em": 0.5}]


def test_a_run_of_ones_own_is_never_overwritten(tmp_path: Path) -> None:
    folder = exported(tmp_path / "a", "one")
    there = Store(tmp_path / "b")
    there.ingest(write_folder(tmp_path / "b", run_row("one", seconds=99.0)))
    before = content(there)
    with pytest.raises(UserError, match=r"run one is here already with other results.*--results"):
        there.import_(folder)
    assert content(there) == before


def test_an_imported_run_without_a_journal_here_outlives_ingest(tmp_path: Path) -> None:
    there = Store(tmp_path / "b")
    there.import_(exported(tmp_path / "a", "one"))
    write_folder(tmp_path / "b", run_row("one", status="running"), samples=[])
    assert there.ingest_all() == []
    assert there.run("one")["n_samples"] == 4


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda file: file.write_text("no"), "cannot be imported"),
        (lambda file: file.write_bytes(b"PAR1" * 20), "cannot be imported"),
        (lambda file: copy(file, "* EXCLUDE (value)"), r"columns are not those of an exported run \(value\)"),
        (lambda file: copy(file, "*, 1 AS more"), r"columns are not those of an exported run \(more\)"),
        (lambda file: copy(file, "* REPLACE ('x' AS value)"), "cannot be imported"),
        (lambda file: copy(file, "* REPLACE ('{' AS scores)"), "cannot be imported"),
        (lambda file: copy(file, "* REPLACE (NULL AS task)"), "cannot be imported"),
        (lambda file: copy(file, "* REPLACE ('sample' AS record)"), "expected one run"),
        (lambda file: copy(file, "* REPLACE (record AS run_id)"), "expected one run"),
    ],
)
def test_a_spoilt_export_is_refused_whole(tmp_path: Path, spoil: Any, said: str) -> None:
    folder = exported(tmp_path / "a", "one", "two")
    spoil(folder / "two.parquet")
    there = Store(tmp_path / "b")
    with pytest.raises(UserError, match=said) as caught:
        there.import_(folder)
    assert "two.parquet" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert there.runs() == []


def copy(file: Path, columns: str) -> None:
    """Writes the file anew with other columns."""
    rows = duckdb.sql(f"select {columns} from '{file}'").to_arrow_table()
    duckdb.from_arrow(rows).write_parquet(str(file))


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file or folder"):
        Store(tmp_path).import_(tmp_path / "nowhere")
