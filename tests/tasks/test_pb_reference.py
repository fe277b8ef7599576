"""Published figures of position bias: unique rows with a source, and sums that were checked when they were written."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from suite.store import Store
from tasks.position_bias.task import PositionBias

ROWS = PositionBias.references()


def test_no_two_rows_are_the_same_figure(tmp_path: Path) -> None:
    Store(tmp_path).add_reference(ROWS)
    assert len(Store(tmp_path).references("position_bias")) == len(ROWS)


def test_every_row_says_where_it_is_from_and_how_it_was_verified() -> None:
    assert {row["task"] for row in ROWS} == {"position_bias"}
    assert all("arXiv" in row["source"] and row["verified"].startswith(("not verified", "read in")) for row in ROWS)


def reasoning(stands: str, **more: str) -> dict[str, float]:
    wanted: dict[str, Any] = {"section": "Reasoning", "stands": stands, **more}
    return {
        row["model"]: row["value"]
        for row in ROWS
        if row["source"].endswith("table 1")
        and wanted.items() <= row["condition"].items()
        and ("intervention" in row["condition"]) == ("intervention" in more)
    }


def test_pine_gains_less_over_the_mean_of_both_orders_than_over_one_shuffle_5() -> None:
    """Of nine models: 7.1 points over the shuffle, 3.55 over the mean, and for one of them a loss."""
    first, second, shuffled, pine = (
        reasoning("first"),
        reasoning("second"),
        reasoning("shuffled"),
        reasoning("any", intervention="pine"),
    )
    assert len(pine) == 9
    over_mean = {model: 100 * (pine[model] - (first[model] + second[model]) / 2) for model in pine}
    assert fmean(100 * (pine[model] - shuffled[model]) for model in pine) == pytest.approx(7.1, abs=0.05)
    assert fmean(over_mean.values()) == pytest.approx(3.55)
    assert over_mean["Llama-3-8B"] == pytest.approx(0.25) and over_mean["Qwen1.5-72B"] == pytest.approx(-6.85)
