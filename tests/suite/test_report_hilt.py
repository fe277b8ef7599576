"""HILT's page: a ranking of equals, what stands beside the index, and published values that never join it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hilt_setup import echo, fabricate, gold, hilt, responder

import suite
from suite.judges.run import judge_run
from suite.progress import Silent
from suite.report import build_report
from suite.report.pages.hilt import page
from suite.report.queries import RunView, load_runs
from suite.store import Store


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hilt")
    task = hilt(variants=["plain", "warned"])
    for name, answer in (("perfect", gold), ("echo", echo), ("fabricate", fabricate)):
        model = responder(task, answer, name=name)
        run = suite.run(task, model, modes=["generate"], limit=36, results=folder, reporter=Silent())
        if name == "echo":
            judge_run(run.run_id, "rules_free", results=folder, reporter=Silent())
    return folder


@pytest.fixture(scope="module")
def runs(results: Path) -> list[RunView]:
    return load_runs(Store(results), None)


def test_models_of_one_judge_and_cell_are_ranked_together(runs: list[RunView]) -> None:
    figures = {figure.key: figure for figure in page(runs).figures}
    rows = figures["ranking"].rows
    assert [(row["cell"], row["rank"]) for row in rows if row["model"] == "invented world slots"] == [
        ("perfect", 1),
        ("echo", 2),
        ("fabricate", 3),
    ]
    alone = [row["cell"] for row in rows if row["model"].endswith("judge rules_free")]
    assert set(alone) == {"echo"}, "another judge is another ranking"
    assert all(row["rank from"] <= row["rank"] <= row["rank to"] for row in rows)
    drawn = {(row["model"], row["cell"]): (row["low"], row["rank"], row["high"]) for row in figures["ranks"].rows}
    told = {(row["model"], row["cell"]): (row["rank from"], row["rank"], row["rank to"]) for row in rows}
    compared = {model for model, cell in told if cell != "echo"}
    assert "invented world slots" in compared
    assert drawn == {place: ranks for place, ranks in told.items() if place[0] in compared}, "one alone has no rank"


def test_the_finding_names_the_ends_of_the_largest_ranking(runs: list[RunView]) -> None:
    assert re.match(r"Of 3 models perfect states least that is not so, HVI 0\.0 .*fabricate most", page(runs).finding)


def test_the_figures_that_an_index_needs_stand_beside_it(runs: list[RunView]) -> None:
    summary = page(runs).summary
    assert summary is not None
    assert {"w = 0", "w = 1", "abstention", "FM", "SL"} <= set(summary.columns)
    figures = {figure.key: figure for figure in page(runs).figures}
    assert {row["orientation"] for row in figures["categories"].rows} == {"FM", "SL"}
    assert len({row["cell"] for row in figures["categories"].rows}) == 6
    gaps = {row["model"]: row["gap"] for row in figures["sycophancy"].rows}
    assert gaps == {"echo": 0.0, "fabricate": 0.0, "perfect": 0.0}
    assert any("canaries" in row["cell"] for row in figures["judges"].rows)


def test_published_values_stand_apart(results: Path) -> None:
    site = build_report(results, out=results / "report").parent
    html = (site / "task-hilt.html").read_text("utf-8")
    ours, published = html.split('<section class="published">')
    assert "GPT-3 175B" in published
    assert "GPT-3 175B" not in ours
    assert "never part of a ranking" in published
    assert "as published" not in (site / "index.html").read_text("utf-8")
