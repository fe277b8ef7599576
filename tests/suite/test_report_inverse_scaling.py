"""Inverse scaling's page: traps beside controls, and stored curves with their verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.progress import Silent
from suite.report import build_report
from suite.runner import run
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
