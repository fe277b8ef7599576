"""Labels in the database: stored by judge, kept by whatever happens to the run's folder, moved with exports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from run_folders import metric_row, write_folder

from suite.judges.record import Label
from suite.store import Store
from suite.task import Metric

RUN = "toy-m-1"


def label(unit: int, judge: str = "rules", verdict: str = "supported", sample: str = "s0000") -> Label:
    is_wrong = verdict == "hallucinated"
    return Label(
        *(sample, unit, judge, "1", verdict),  # type: ignore[arg-type]
        text="a 'quoted' line\nand \u2028 more",
        primary="NN" if is_wrong else "",
        categories=("NN", "AA") if is_wrong else (),
        split="intrinsic" if is_wrong else None,
        degree="mild" if is_wrong else None,
        flags=("hedge",),
        confidence=0.75,
        raw='{"n": 1}',
    )


def judged(judge: str, value: float = 1.0) -> Metric:
    return Metric("index", value, "generate", {"judge": judge})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    write_folder(tmp_path, metrics=[metric_row()])
    store = Store(tmp_path)
    store.ingest_all()
    return store


def test_labels_come_back_as_they_went_in(store: Store) -> None:
    given = [label(1), label(2, verdict="hallucinated"), label(1, sample="s0001")]
    store.put_labels(RUN, "rules", given)
    assert store.labels(RUN) == given
    assert store.labels(RUN, "rules") == given
    assert store.labels(RUN, "other") == []
    assert [(row["judge"], row["labels"]) for row in store.judges(RUN)] == [("rules", 3)]


def test_units_are_ordered_as_numbers(store: Store) -> None:
    store.put_labels(RUN, "rules", [label(10), label(9)])
    assert [one.unit for one in store.labels(RUN)] == [9, 10]


def test_a_judge_replaces_its_own_labels_and_metrics_alone(store: Store) -> None:
    store.put_labels(RUN, "rules", [label(1), label(2)], [judged("rules")])
    store.put_labels(RUN, "human", [label(1, "human")], [judged("human")])
    store.put_labels(RUN, "rules", [label(1, verdict="unresolved")], [judged("rules", 2.0)])
    assert [(one.judge, one.verdict) for one in store.labels(RUN)] == [("human", "supported"), ("rules", "unresolved")]
    values = {row["condition"].get("judge"): row["value"] for row in store.metrics([RUN])}
    assert values == {None: 0.5, "human": 1.0, "rules": 2.0}


def test_loading_the_folder_again_leaves_labels_and_their_metrics(store: Store) -> None:
    store.put_labels(RUN, "rules", [label(1)], [judged("rules")])
    rows = [metric_row(value=0.25), metric_row("index", condition={"judge": "rules"}, value=9.0)]
    folder = write_folder(store.results, metrics=rows)
    store.ingest(folder)
    found = {(row["name"], json.dumps(row["condition"])): row["value"] for row in store.metrics([RUN])}
    assert found == {("em", '{"direction": "reverse"}'): 0.25, ("index", '{"judge": "rules"}'): 1.0}
    assert len(store.labels(RUN)) == 1


def test_labels_travel_with_exported_runs(store: Store, tmp_path: Path) -> None:
    store.put_labels(RUN, "rules", [label(1), label(2)], [judged("rules")])
    store.export(None, tmp_path / "out")
    other = Store(tmp_path / "other")
    for _ in range(2):
        other.import_(tmp_path / "out")
        assert other.labels(RUN) == store.labels(RUN)
        assert other.metrics([RUN]) == store.metrics([RUN])


def test_an_export_without_labels_harms_none(store: Store, tmp_path: Path) -> None:
    store.put_labels(RUN, "rules", [label(1)], [judged("rules")])
    plain = Store(tmp_path / "plain")
    plain.ingest(store.results / "runs" / RUN)
    plain.export(None, tmp_path / "out")
    store.import_(tmp_path / "out")
    assert len(store.labels(RUN)) == 1
    assert len(store.metrics([RUN])) == 2
