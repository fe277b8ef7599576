"""The published figures that stand beside ours: well-formed, storable, and, where they can be computed, right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from suite.store import Store
from tasks.reversal_curse.real_results import score_result_csv

ROWS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "tasks" / "reversal_curse" / "reference.json").read_text("utf-8")
)
COMPUTED = [row for row in ROWS if row["verified"].startswith("computed from the file")]


def test_every_figure_has_a_source_and_says_how_it_was_verified(tmp_path: Path) -> None:
    for row in ROWS:
        assert row["task"] == "reversal_curse"
        assert row["source"] and row["verified"]
        assert row["value"] is None or 0 <= row["value"] <= 1
        assert (row["value"] is None) == row["verified"].startswith("tables not read")
    store = Store(tmp_path)
    store.add_reference(ROWS)
    assert len(store.references("reversal_curse")) == len(ROWS), "two rows are the same figure"


@pytest.mark.parametrize("row", COMPUTED, ids=lambda row: f"5 {row['model']} {row['condition']} {row['metric']}")
def test_computed_figures_come_out_of_our_own_scorer(row: dict[str, Any], public_data: Path) -> None:
    file = public_data / "reversal_curse" / "celebrity_relations" / f"{row['model']}_reversal_test_results.csv"
    figures = score_result_csv(file)
    words = (row["condition"].get("direction"), row["metric"], row["condition"].get("forward"))
    found = figures[" ".join(word for word in words if word)].value
    assert found is not None
    assert round(found, 4) == row["value"]


def test_the_computed_figures_are_all_there() -> None:
    assert len(COMPUTED) == 15
