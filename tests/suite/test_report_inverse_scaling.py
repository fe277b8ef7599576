"""Inverse scaling's page: traps beside controls, and stored curves with their verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.progress import Silent
from suite.report import build_report
from suite.report.pages.inverse_scaling import page as task_page
from suite.report.queries import load_runs
from suite.runner import run
from suite.store import Store
from suite.trend.engine import trend


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
    assert "Curves: acc" in page
    assert "Trap against control" in page
    assert "trap cost" in page
    assert "curves" in page
    assert "verdict on a curve" not in page  # the method stands on its own page


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
    assert "Curves:" not in text


def test_published_curves_lie_behind_those_of_traps_and_are_said_to_be_so(tmp_path: Path) -> None:
    models = tmp_path / "models.yaml"
    models.write_text(
        "- {model: uniform, family: toy, params_total: 10000000}\n"
        "- {model: prompt_blind, family: toy, params_total: 1000000000}\n",
        encoding="utf-8",
    )
    options = {"subtask": ["memo-trap"], "n": 40}
    for model in ("uniform", "prompt_blind"):
        given = {"modes": ["loglikelihood"], "results": tmp_path, "reporter": Silent()}
        run("inverse_scaling", f"scripted/{model}", options=options, **given)  # type: ignore[arg-type]
    trend("inverse_scaling", "toy", models=models, results=tmp_path)
    runs = load_runs(Store(tmp_path), None)
    figures = {figure.key: figure for figure in task_page(runs).figures}
    drawn = figures["curve-1"].spec["data"]["values"]
    behind = [row for row in drawn if row["kind"] == "published"]
    assert len({row["family"] for row in behind}) == 10
    assert {row["model"] for row in behind} == {"memo-trap trap (toy)"}, "nobody has published a control"
    assert "McKenzie" in figures["curve-1"].caption
    verdicts = {row["cell"]: row["verdict"] for row in figures["verdicts"].rows}
    assert set(verdicts) == {"memo-trap control (toy)", "memo-trap trap (toy)"}
    assert set(verdicts.values()) <= {"flat", "standard", "inverse"}
    assert all("net" in row["net and flags"] for row in figures["verdicts"].rows)
    lines = {row["chance"] for row in drawn if row["kind"] == "ours"}
    assert lines == {0.5}


def test_the_published_rows_are_those_of_the_paper(public_data: Path) -> None:
    import csv

    from tasks.inverse_scaling.task import InverseScaling

    with (public_data / "inverse_scaling" / "reference_curves.csv").open(encoding="utf-8") as file:
        values = [float(row["value"]) for row in csv.DictReader(file)]
    assert [row["value"] for row in InverseScaling.references()] == values
