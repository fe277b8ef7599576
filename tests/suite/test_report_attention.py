"""The page of attention patterns: who keeps which pattern, an index of equals, costs with crossings, extrapolation."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from attention_models import FakeMechanism

from suite.attention import mechanism
from suite.progress import Silent
from suite.report import build_report
from suite.report.charts import Figure
from suite.report.content import TaskPage
from suite.report.pages.attention_patterns import page
from suite.report.pages.attention_patterns.lines import with_names
from suite.report.queries import load_runs
from suite.runner import run
from suite.store import Store

NAMES = ("vanilla", "sdpa", "none", "performer", "cosformer", "abc")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mechanisms")
    for name in NAMES:
        run("attention_patterns", FakeMechanism(name), results=folder, reporter=Silent())
    return folder


@pytest.fixture(scope="module")
def shown(results: Path) -> TaskPage:
    return page(load_runs(Store(results), None))


def one(shown: TaskPage, key: str) -> Figure:
    [found] = [figure for figure in shown.figures if figure.key.startswith(key)]
    return found


def test_every_question_of_the_page_has_its_figure(shown: TaskPage) -> None:
    assert [figure.key.partition("-")[0] for figure in shown.figures] == [
        *("support", "index", "benefit", "speed", "cost", "cost", "extrapolation")
    ]


def test_a_pattern_that_is_not_declared_is_a_dash_and_what_is_published_stands_beside(shown: TaskPage) -> None:
    rows = {str(row["mechanism"]): row for row in one(shown, "support").rows}
    assert rows.keys() >= set(NAMES)
    for name in NAMES:
        declared = {pattern.value for pattern in mechanism(name).patterns}
        assert {pattern for pattern in ("NS", "CS", "NC", "CC") if rows[name][pattern] != "-"} == declared


def test_the_index_leaves_controls_to_the_table(shown: TaskPage) -> None:
    figure = one(shown, "index")
    assert {"none", "vanilla"} <= {str(row["mechanism"]) for row in figure.rows}
    drawn = figure.spec["datasets"]["rows"] if "datasets" in figure.spec else []
    assert all(row["cell"] != "none" for row in drawn)


def test_published_indices_are_told_but_rank_nobody(shown: TaskPage) -> None:
    assert any(row.get("cab-2023") is not None for row in one(shown, "index").rows)
    assert "vanilla" in shown.finding and "cab" not in shown.finding.lower()


def test_attention_that_helps_has_a_benefit_above_zero(shown: TaskPage) -> None:
    assert {row["difference"] > 0 for row in one(shown, "benefit").rows} == {True}


def test_names_at_the_ends_of_lines_stand_apart() -> None:
    rows = [
        {"panel": 0, "mechanism": name, "x": at, "y": 1.0 + 1e-9 * number}
        for number, name in enumerate("abcd")
        for at in (1, 2)
    ]
    rows += [{"panel": 1, "mechanism": "e", "x": at, "y": 10.0**at} for at in (1, 2)]
    ends = [row["name_at"] for row in with_names(rows, "x", "y") if row["panel"] == 0 and row["name_at"]]
    assert len(ends) == 4
    assert all(later / earlier > 1.01 for earlier, later in pairwise(ends))


def test_the_page_is_written_whole(results: Path, tmp_path: Path) -> None:
    site = build_report(results, out=tmp_path / "report").parent
    html = (site / "task-attention_patterns.html").read_text(encoding="utf-8")
    assert "Compositional index" in html and "Beyond the training length" in html


def test_without_runs_of_quality_the_page_still_stands(tmp_path: Path) -> None:
    run(
        "attention_patterns",
        FakeMechanism("vanilla"),
        options={"experiments": ["support"]},
        results=tmp_path,
        reporter=Silent(),
    )
    alone = page(load_runs(Store(tmp_path), None))
    assert [figure.key for figure in alone.figures] == ["support"]
