"""The gate: a tiny model shows the curse, and `reverse` lifts it.

Reduced in the ordinary tests (6 facts a group), at full size among the slow ones; both go through the suite's own
training, runner and metrics.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from suite.finetune import finetune_task
from suite.progress import Silent
from suite.runner import run

Cell = tuple[str, str]  # group, direction
SAME: list[Cell] = [("n2d_only", "n2d"), ("d2n_only", "d2n")]
BOTH: list[Cell] = [("both", "n2d"), ("both", "d2n")]
REVERSE: list[Cell] = [("n2d_only", "d2n"), ("d2n_only", "n2d")]


def _measured(folder: Path, options: dict[str, Any], modes: list[str], **training: Any) -> dict[str, dict[Cell, float]]:
    """Metric -> cell -> value, of the tiny model trained so."""
    task_options, training = {"style": "demo", **options}, {"scratch": "tiny-gpt2", **training}
    finetune_task("reversal_curse", task_options, output=folder / "m", silent=True, **training)
    result = run(
        "reversal_curse",
        f"hf/{folder / 'm'}",
        options={**task_options, "controls": "none"},
        modes=modes,
        results=folder / "results",
        reporter=Silent(),
    )
    found: dict[str, dict[Cell, float]] = {}
    for metric in result.metric_rows():
        condition = metric["condition"]
        if metric["value"] is not None and condition.get("group") and "template" not in condition:
            found.setdefault(metric["name"], {})[condition["group"], condition.get("direction", "")] = metric["value"]
    return found


def test_reduced_ntp_learns_the_facts_and_cannot_reverse_them(tmp_path: Path) -> None:
    em = _measured(tmp_path, {"facts": 6}, ["generate"], epochs=25, batch_size=32, lr=4e-3)["em"]
    assert min(em[cell] for cell in SAME + BOTH) >= 0.85
    assert max(em[cell] for cell in REVERSE) <= 0.10  # chance is 1/6


def test_reduced_reverse_training_lifts_the_curse(tmp_path: Path) -> None:
    em = _measured(tmp_path, {"facts": 6}, ["generate"], epochs=25, batch_size=32, lr=4e-3, objective="reverse")["em"]
    assert min(em[cell] for cell in SAME + BOTH) >= 0.85
    assert min(em[cell] for cell in REVERSE) > 0.5


@pytest.mark.slow
def test_ntp_shows_the_curse_as_the_spec_has_it(tmp_path: Path) -> None:
    found = _measured(tmp_path, {}, ["generate", "loglikelihood"])
    assert min(found["em"][cell] for cell in SAME) >= 0.90
    assert min(found["em"][cell] for cell in BOTH) >= 0.90
    assert max(found["em"][cell] for cell in REVERSE) <= 0.03
    assert max(found["mrr"][cell] for cell in REVERSE) <= 0.1332 + 0.12
    assert max(found["delta_ratio"].values()) < 0.10


@pytest.mark.slow
def test_reverse_training_lifts_the_curse(tmp_path: Path) -> None:
    em = _measured(tmp_path, {}, ["generate"], epochs=31, objective="reverse")["em"]
    assert min(em[cell] for cell in SAME + BOTH) >= 0.90
    assert em["n2d_only", "d2n"] > 0.5
    assert em["d2n_only", "n2d"] >= 0.8


# objective; lowest and highest in reverse of name-first facts, and highest of description-first ones
ONE_STAGE = [("ntp", 0.0, 0.05, 0.05), ("reverse", 0.8, 1.0, 1.0), ("bico", 0.5, 1.0, 1.0)]


@pytest.mark.slow
@pytest.mark.parametrize(("objective", "least", "most", "most_of_others"), ONE_STAGE, ids=["ntp", "reverse", "bico"])
def test_one_stage_from_scratch_on_a_rotary_model(
    tmp_path: Path, objective: str, least: float, most: float, most_of_others: float
) -> None:
    """Fine-tuning 6: 30 facts of each group, 750 steps of 64 documents; 12 training and 4 held-out wordings, since
    beside 8 of the demo's training wordings one held-out wording alone obeys the rules."""
    em = _measured(tmp_path, {"facts": 30}, ["generate"], scratch="tiny-llama", objective=objective)["em"]
    assert min(em[cell] for cell in SAME) >= 0.9
    assert least <= em["n2d_only", "d2n"] <= most
    assert em["d2n_only", "n2d"] <= most_of_others
