"""What the runner, the command line and the report read from the database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_folders import metric_row, run_row, sample_row, write_folder

from suite.errors import UserError
from suite.store import Store
from suite.store.journal import sample_of
from suite.task import Response, Text


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Three runs of two tasks; samples of the first with all outcomes and odd conditions."""
    results = tmp_path_factory.mktemp("results")
    store = Store(results)
    rows = [sample_row(number) for number in range(6)]
    rows[5] |= {"condition": {"direction": "forward", "k": None}, "outcome": "error", "error": "timeout", "scores": {}}
    rows[5]["responses"] = [{"request_id": rows[5]["request_ids"][0], "error": "timeout", "error_detail": "30 s"}]
    rows[4]["condition"] = {"direction": "forward", "k": 1e-7}
    rows[3]["condition"] = {"direction": "true", "k": True}
    store.ingest(write_folder(results, run_row("toy-m-1"), rows, [metric_row("b"), metric_row("a")]))
    store.ingest(write_folder(results, run_row("toy-m-12", finished_at="2026-01-03T00:00:00+00:00", model="hf/x")))
    later = {"finished_at": "2026-01-02T00:00:00+01:00", "task": 'other/it\'s "x"', "model_fingerprint": "print-2"}
    store.ingest(write_folder(results, run_row("other-1", **later), [sample_row(0)], [metric_row("c")]))
    return store


def test_runs_come_newest_first_and_by_task_and_model(store: Store) -> None:
    assert [row["run_id"] for row in store.runs()] == ["toy-m-12", "other-1", "toy-m-1"]
    assert [row["run_id"] for row in store.runs(task="toy")] == ["toy-m-12", "toy-m-1"]
    assert [row["run_id"] for row in store.runs(task="toy", model="hf/x")] == ["toy-m-12"]
    assert store.runs(model="nobody' OR 1=1 --") == []


def test_of_runs_that_ended_together_the_last_ingested_is_the_latest(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for run_id in ("b", "a"):
        store.ingest(write_folder(tmp_path, run_row(run_id)))
    assert store.run("latest")["run_id"] == "a"
    store.ingest(write_folder(tmp_path, run_row("b")))
    assert store.run("latest")["run_id"] == "b"


@pytest.mark.parametrize(
    ("name", "run_id"),
    [("toy-m-1", "toy-m-1"), ("toy-m-12", "toy-m-12"), ("oth", "other-1"), ("latest", "toy-m-12")],
)
def test_a_run_is_found_by_id_by_its_unique_beginning_and_as_latest(store: Store, name: str, run_id: str) -> None:
    assert store.run(name)["run_id"] == run_id


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("toy-m", "could be toy-m-12, toy-m-1"),
        ("toy-m-2", "unknown run 'toy-m-2'; did you mean toy-m-12 or toy-m-1"),
        ("", "unknown run"),
        ("%", "unknown run"),
    ],
)
def test_a_name_that_is_no_run_gets_the_nearest(store: Store, name: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        store.run(name)


def test_latest_of_nothing_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown run 'latest'; there are none"):
        Store(tmp_path).run("latest")


def test_times_are_utc_and_the_rest_is_as_it_was(store: Store) -> None:
    row = store.run("other-1")
    assert row["finished_at"] == "2026-01-01T23:00:00+00:00"
    assert row["options"] == {"n": 2, "names": ["Zoë"]}
    assert row["cost_usd"] == 0.1 + 0.2


def test_metrics_keep_the_order_of_the_task(store: Store) -> None:
    found = store.metrics(["toy-m-1", "other-1"])
    assert [(row["run_id"], row["name"]) for row in found] == [("other-1", "c"), ("toy-m-1", "b"), ("toy-m-1", "a")]
    assert found[1] == {"run_id": "toy-m-1", **metric_row("b")}
    assert store.metrics([]) == []


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ({"direction": "forward"}, [1, 4, 5]),
        ({"direction": "forward", "k": 1}, [1]),
        ({"k": "1"}, [1]),
        ({"k": 1.0}, [1]),
        ({"k": "1e-07"}, [4]),
        ({"k": 1e-7}, [4]),
        ({"k": None}, [5]),
        ({"k": "null"}, [5]),
        ({"k": True}, [3]),
        ({"k": "true"}, [3]),
        ({"direction": "true"}, [3]),
        ({"direction": "x' OR 'a'='a"}, []),
    ],
)
def test_samples_are_filtered_by_condition(store: Store, condition: dict[str, Any], numbers: list[int]) -> None:
    found = store.samples("toy-m-1", condition=condition)
    assert [row["sample_id"] for row in found] == [f"s{number:04}" for number in numbers]


def test_samples_are_filtered_by_outcome_and_paged(store: Store) -> None:
    assert [row["error"] for row in store.samples("toy-m-1", outcome="error")] == ["timeout"]
    pages = [store.samples("toy-m-1", limit=4, offset=offset) for offset in (0, 4, 8)]
    assert [len(page) for page in pages] == [4, 2, 0]
    assert pages[0] + pages[1] == store.samples("toy-m-1")
    assert "requests" not in pages[0][0]
    assert store.samples("toy-m-1", with_text=True, limit=1) == [sample_row(0)]


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"outcome": "corect"}, "unknown outcome 'corect'; did you mean correct"),
        (
            {"condition": {"directoin": "forward"}},
            "unknown condition of run toy-m-1 'directoin'; did you mean direction",
        ),
    ],
)
def test_a_filter_that_cannot_match_is_named(store: Store, filters: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        store.samples("toy-m-1", **filters)


def test_samples_for_metrics_are_the_journals_without_texts(store: Store) -> None:
    found = store.samples_for_metrics("toy-m-1")
    assert [sample.sample_id for sample in found] == [f"s{number:04}" for number in range(6)]
    assert found[0] == sample_of({**sample_row(0), "requests": [], "responses": []})
    assert found[5].scores == {}
    assert store.samples_for_metrics("no such run") == []


def test_answers_of_a_model_are_found_by_request_and_failures_are_not(store: Store) -> None:
    found = store.responses_for("print-1")
    request_ids = [sample_row(number)["request_ids"][0] for number in range(6)]
    assert found[request_ids[0]] == Response(request_ids[0], texts=(Text("Ada"),), prompt_tokens=3)
    assert set(found) == set(request_ids[:5])
    assert len(found) == 5
    assert found.get(request_ids[5]) is None
    assert list(store.responses_for("print-2")) == request_ids[:1]
    assert len(store.responses_for("never seen")) == 0


def test_reference_figures_are_stored_and_replaced(tmp_path: Path) -> None:
    store = Store(tmp_path)
    row = {"task": "toy", "metric": "em", "model": "GPT-4", "value": 0.33, "source": "Author 2023, table 1"}
    store.add_reference([row, row | {"condition": {"b": 1, "a": 2}}])
    store.add_reference([row | {"condition": {"a": 2, "b": 1}, "value": 0.34, "verified": "read"}])
    assert store.references("other") == []
    conditioned, plain = store.references("toy")
    assert plain == row | {"condition": {}, "stderr": None, "verified": ""}
    assert (conditioned["value"], conditioned["verified"]) == (0.34, "read")
    assert store.references() == [conditioned, plain]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sourec": "x"}, "unknown column of reference row 2 'sourec'; did you mean source"),
        ({}, "column source is missing"),
    ],
)
def test_a_wrong_reference_row_is_named_and_nothing_is_stored(
    tmp_path: Path, change: dict[str, str], said: str
) -> None:
    store = Store(tmp_path)
    row = {"task": "toy", "metric": "em", "model": "GPT-4", "value": 0.33}
    with pytest.raises(UserError, match=said):
        store.add_reference([row | {"source": "here"}, row | change])
    assert store.references() == []


def test_sql_gives_plain_values(store: Store) -> None:
    query = (
        "select run_id, started_at, 0.5 as half, sum(3) as three, 1 as half from runs where n_samples = 1 group by all"
    )
    (row,) = store.sql(query)
    assert row == {"run_id": "other-1", "started_at": "2026-01-01 10:00:00+00", "half": 0.5, "three": 3, "half_5": 1}
    assert json.dumps(row)
    assert {row["name"] for row in store.sql("show tables")} >= {"runs", "samples", "metrics"}


@pytest.mark.parametrize(
    "query",
    [
        "selec 1",
        "select * from nowhere",
        "delete from samples",
        "select 1; drop table runs",
        "copy runs to 'stolen.csv'",
        "select * from read_text('/etc/hostname')",
        "attach 'other.duckdb'",
        "install httpfs",
        "set enable_external_access = true",
        "select cast('x' as integer)",
    ],
)
def test_sql_reads_and_does_nothing_else(
    store: Store, query: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^sql: ") as caught:
        store.sql(query)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert len(store.runs()) == 3


@pytest.mark.parametrize("query", ["drop table runs", "insert into schema_info values (9)"])
def test_sql_without_a_database_reads_too(query: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^sql: .*read-only"):
        Store(tmp_path).sql(query)


def test_a_view_a_task_has_typed_columns(store: Store) -> None:
    types = {row["column_name"]: row["column_type"] for row in store.sql('describe "samples_toy"')}
    assert types["c_direction"] == "VARCHAR"
    assert types["c_k"] == "VARCHAR"  # numbers and booleans
    assert types["s_em"] == "DOUBLE"
    (row,) = store.sql('select * from "samples_other/it\'s ""x"""')
    assert (row["c_k"], row["s_em"], row["s_rank"], row["model"]) == (0, 0.0, None, "scripted/constant")
    assert isinstance(row["c_k"], int)


keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
scalars = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=8, deadline=None)
@given(
    conditions=st.lists(st.dictionaries(keys, scalars | keys, max_size=4), min_size=1, max_size=4),
    scores=st.dictionaries(keys, st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=4),
    task=keys.filter(bool),
)
def test_views_take_keys_of_any_characters(
    conditions: list[dict[str, Any]],
    scores: dict[str, float | None],
    task: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    results = tmp_path_factory.mktemp("views")
    rows = [sample_row(number, condition=condition, scores=scores) for number, condition in enumerate(conditions)]
    store = Store(results)
    store.ingest(write_folder(results, run_row(task=task), rows))
    (view,) = store.refresh_views()
    found = store.sql(f'select * from "{view.replace(chr(34), chr(34) * 2)}" order by sample_id')
    wanted = sorted({key for condition in conditions for key in condition})
    columns = [name for name in found[0] if name.startswith("c_")]
    assert len(columns) == len(wanted)
    assert len([name for name in found[0] if name.startswith("s_")]) == len(scores)
    for row, condition in zip(found, conditions, strict=True):
        for column, key in zip(columns, wanted, strict=True):
            assert (row[column] is None) == (condition.get(key) is None)


def test_a_key_that_no_sql_can_hold_is_left_out_of_the_view(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.ingest(write_folder(tmp_path, samples=[sample_row(condition={"a": 1, "b\0": 2}, scores={"s\0": 1.0})]))
    (row,) = store.sql("select * from samples_toy")
    assert [name for name in row if name.startswith(("c_", "s_"))] == ["c_a"]
    assert store.samples("toy-m-1")[0]["condition"] == {"a": 1, "b\0": 2}
