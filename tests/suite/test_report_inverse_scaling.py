"""Inverse scaling's page: traps beside controls, and stored curves with their verdicts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from suite.progress import Silent
from suite.report import build_report
from suite.report.charts import Figure
from suite.report.content import Measured
from suite.report.pages.inverse_scaling import page as task_page
from suite.report.pages.inverse_scaling.published import judged, points_behind
from suite.report.queries import load_runs
from suite.report.trends import StoredCurve
from suite.runner import run
from suite.store import Store
from suite.trend.engine import Contrast, trend


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("is-report")
    models = folder / "models.yaml"
    models.write_text(
        "- {model: uniform, family: '<b>toy', params_total: 10}\n"
        "- {model: prompt_blind, family: '<b>toy', params_total: 1000}\n",
        encoding="utf-8",
    )
    for model in ("uniform", "prompt_blind"):
        run(
            "inverse_scaling",
            f"scripted/{model}",
            options={"subtask": ["memo-trap"], "n": 40},
            modes=["loglikelihood"],
            results=folder,
            reporter=Silent(),
        )
    trend("inverse_scaling", "<b>toy", models=models, results=folder)
    built = build_report(folder, out=folder / "report")
    return (built.parent / "task-inverse_scaling.html").read_text(encoding="utf-8")


def test_the_page_has_curves_verdicts_and_traps_beside_controls(page: str) -> None:
    assert "Accuracy by parameters" in page
    assert "Verdicts and slopes" in page
    assert "Trap against control" in page
    assert "trap cost" in page
    assert "coverage" in page
    assert "verdict on a curve" not in page  # the method stands on its own page


def test_the_tables_of_verdicts_are_open(page: str) -> None:
    assert page.count("<details open>") == 2  # ours, and those of the published curves


def test_names_from_the_database_stay_text(page: str) -> None:
    assert "<b>toy" not in page
    assert "&lt;b&gt;toy" in page


def test_a_report_without_curves_has_the_rest(tmp_path: Path) -> None:
    run(
        "inverse_scaling",
        "scripted/uniform",
        options={"subtask": ["neqa"], "n": 10},
        modes=["loglikelihood"],
        results=tmp_path,
        reporter=Silent(),
    )
    built = build_report(tmp_path, out=tmp_path / "report")
    text = (built.parent / "task-inverse_scaling.html").read_text(encoding="utf-8")
    assert "Trap against control" in text
    assert "constant label" in text
    assert "by parameters" not in text
    assert "Verdicts and slopes" not in text


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with runs of two models that a models file takes for sizes of one family."""
    folder = tmp_path_factory.mktemp("is-family")
    models = folder / "models.yaml"
    models.write_text(
        "- {model: uniform, family: toy, params_total: 10000000}\n"
        "- {model: prompt_blind, family: toy, params_total: 1000000000}\n",
        encoding="utf-8",
    )
    options = {"subtask": ["memo-trap"], "n": 40}
    for model in ("uniform", "prompt_blind"):
        given = {"modes": ["loglikelihood"], "results": folder, "reporter": Silent()}
        run("inverse_scaling", f"scripted/{model}", options=options, **given)  # type: ignore[arg-type]
    trend("inverse_scaling", "toy", models=models, results=folder)
    trend("inverse_scaling", "toy", contrast=Contrast.parse("variant=control,trap"), models=models, results=folder)
    return folder


def _figures(folder: Path) -> dict[str, Figure]:
    return {figure.title: figure for figure in task_page(load_runs(Store(folder), None)).figures}


def test_published_curves_lie_behind_those_of_traps_and_are_said_to_be_so(family: Path) -> None:
    found = _figures(family)["Accuracy by parameters"]
    drawn = found.spec["data"]["values"]
    behind = [row for row in drawn if row["kind"] == "published"]
    assert len({row["family"] for row in behind}) == 10
    assert "published" in found.caption
    assert "McKenzie" in found.caption
    ours = [row for row in drawn if row["kind"] == "ours"]
    assert {row["arm"] for row in ours} == {"trap", "control"}
    assert len({row["panel"] for row in drawn}) == 1, "a trap and its control share a panel"
    assert {row.get("chance") for row in ours if row["arm"] == "trap"} == {0.5}


def test_the_verdict_stands_over_its_panel_and_in_the_table(family: Path) -> None:
    figures = _figures(family)
    (title,) = {row["model"] for row in figures["Accuracy by parameters"].spec["data"]["values"]}
    rows = {row["curve"]: row for row in figures["Verdicts and slopes"].rows if row["metric"].startswith("Accuracy")}
    assert set(rows) == {"memo-trap (toy) trap", "memo-trap (toy) control"}
    for arm in ("trap", "control"):
        row = rows[f"memo-trap (toy) {arm}"]
        assert f"{arm}: {row['verdict']}, {row['first to last']}" in title
        assert row["slope a decade"].low <= row["slope a decade"].value <= row["slope a decade"].high
        assert "two_points" in row["places and flags"]


def test_the_cost_of_the_trap_has_a_curve_of_its_own(family: Path) -> None:
    figure = _figures(family)["Trap cost in accuracy by parameters"]
    first, last = (row["acc, control minus trap"].value for row in figure.rows)
    (title,) = {row["model"] for row in figure.spec["data"]["values"]}
    assert last < first
    assert title == "memo-trap (toy) · flat, level"


def test_the_finding_sets_the_trap_against_its_control(family: Path) -> None:
    finding = task_page(load_runs(Store(family), None)).finding
    assert finding == "None of 1 curves of accuracy on traps is inverse."


def test_published_curves_have_the_recorded_verdicts(public_data: Path) -> None:
    import csv

    from tasks.inverse_scaling.task import InverseScaling

    with (public_data / "inverse_scaling" / "reference_verdicts.csv").open(encoding="utf-8") as file:
        expected = {(row["task"], row["family"]): (row["verdict"], row["net"]) for row in csv.DictReader(file)}
    found = judged(InverseScaling.references())
    assert {(one.subtask, one.family): (one.shape, one.net) for one in found} == expected
    assert Counter(one.shape for one in found) == {
        "inverse": 52,
        "u_shaped": 19,
        "mixed": 15,
        "inverted_u": 12,
        "flat": 10,
        "standard": 2,
    }
    assert sum(one.net == "lower" for one in found) == 79
    assert {(one.subtask, one.family) for one in found if one.is_doubtful} == {
        (task, family) for task in ("neqa", "hindsight-neglect") for family in ("gpt-2", "opt", "gpt-3-feedme")
    }


def test_the_table_of_published_verdicts_has_ours_beside_them(family: Path) -> None:
    rows = {row["task"]: row for row in _figures(family)["Published curves, judged alike"].rows}
    assert len(rows) == 11
    assert rows["memo-trap"]["palm"] == "U-shaped ↓"
    assert rows["neqa"]["opt"] == "flat → ?"
    assert rows["memo-trap"]["robustly inverse"] == "yes"
    assert rows["memo-trap"]["ours"].startswith("toy: ")
    assert rows["neqa"]["ours"] == ""


def test_a_control_has_no_published_curve() -> None:
    from tasks.inverse_scaling.task import InverseScaling

    slope = Measured(0.1, 0.0, 0.2)
    for variant, expected in (("trap", 10), ("control", 0)):
        condition = {"subtask": "neqa", "variant": variant}
        curve = StoredCurve("acc", "train_flops", "f", condition, "loglikelihood", 300, "flat", slope, "level", "", [])
        families = {row["family"] for row in points_behind(curve, InverseScaling.references())}
        assert len(families) == expected


def test_the_published_rows_are_those_of_the_paper(public_data: Path) -> None:
    import csv

    from tasks.inverse_scaling.task import InverseScaling

    with (public_data / "inverse_scaling" / "reference_curves.csv").open(encoding="utf-8") as file:
        values = [float(row["value"]) for row in csv.DictReader(file)]
    assert [row["value"] for row in InverseScaling.references()] == values
