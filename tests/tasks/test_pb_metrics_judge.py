"""Figures of a judge: quadrants, their identity, log-odds, identical pairs, and RewardBench's sections."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pb_samples import one, pair

from suite.task import Metric, Sample
from tasks.position_bias.metrics import metrics
from tasks.position_bias.metrics_judge import section_weights


@pytest.fixture(autouse=True, scope="module")
def few_resamples() -> Iterator[None]:
    """Values do not depend on the number of resamples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.position_bias.metric_cells.RESAMPLES", 300)
        yield


def pairs(subset: str = "count", **counts: int) -> list[Sample]:
    names = [name for name, count in counts.items() for _ in range(count)]
    return [row for at, name in enumerate(names) for row in pair(f"{subset}-{at:03}", name, subset=subset)]


@pytest.fixture(scope="module")
def hundred() -> list[Metric]:
    return metrics(pairs(CC=50, CW=15, AA=25, BB=10))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accuracy_first", 0.75),
        ("accuracy_second", 0.60),
        ("accuracy", 0.675),
        ("consistency", 0.65),
        ("conflict", 0.35),
        ("signed_bias", 0.15),
        ("first_given_conflict", 0.714286),
        ("conservative", 0.5),
        ("swap_p", 0.0166738),
    ],
    ids=lambda value: f"6.3-{value}" if isinstance(value, str) else None,
)
def test_figures_of_a_hundred_pairs(hundred: list[Metric], name: str, value: float) -> None:
    assert one(hundred, name).value == pytest.approx(value, abs=1e-6)


def test_mcnemar_of_24_against_4_6_3() -> None:
    assert one(metrics(pairs(AA=24, BB=4)), "swap_p").value == pytest.approx(0.000179991, abs=1e-9)


def test_quadrants_add_up(hundred: list[Metric]) -> None:
    shares = {m.condition["quadrant"]: m.value for m in hundred if m.name == "quadrant"}
    assert shares == {"CC": 0.5, "CW": 0.15, "AA": 0.25, "BB": 0.1, "other": 0}


def test_without_probabilities_the_average_of_both_orders_gains_nothing(hundred: list[Metric]) -> None:
    gain = one(hundred, "mitigation_gain", mitigation="swap_avg")
    assert (gain.value, gain.ci_low) == (0, None)
    assert "consistent by construction" in one(hundred, "mitigated_accuracy", mitigation="swap_avg").note


@settings(max_examples=25, deadline=None)
@given(*[st.integers(0, 6)] * 4)
def test_accuracies_differ_by_the_signed_bias_4_2(cc: int, cw: int, aa: int, bb: int) -> None:
    if cc + cw + aa + bb:
        found = metrics(pairs(CC=cc, CW=cw, AA=aa, BB=bb))
        first, second, bias, conflict = (
            one(found, name).value or 0.0 for name in ("accuracy_first", "accuracy_second", "signed_bias", "conflict")
        )
        assert first - second == pytest.approx(bias)
        assert abs(first - second) <= conflict + 1e-12


def test_without_conflicts_their_direction_is_undefined_4_2() -> None:
    found = metrics(pairs(CC=3, CW=1))
    assert one(found, "first_given_conflict").value is None
    assert one(found, "swap_p").value == 1


def test_an_unreadable_verdict_is_other_and_wrong() -> None:
    found = metrics(pairs(CC=3, other=1))
    assert one(found, "quadrant", quadrant="other").value == 0.25
    assert one(found, "accuracy_second").value == 0.75 and one(found, "consistency").value == 0.75


def test_without_a_readable_verdict_bias_has_no_number_8() -> None:
    unread = {"correct": 0.0, "invalid": 1.0, "predicted_slot": None, "predicted_content": None}
    found = metrics([replace(row, scores=unread) for row in pairs(CC=3)])
    of_bias = ("signed_bias", "conflict", "first_given_conflict", "consistency", "swap_p")
    assert {name: one(found, name).value for name in of_bias} == dict.fromkeys(of_bias)
    assert one(found, "quadrant", quadrant="other").value == 1 and one(found, "accuracy").value == 0


def test_log_odds_are_split_into_bias_and_preference_6_3() -> None:
    found = metrics(pair("p", "AA", [math.log(0.7 / 0.3), math.log(0.6 / 0.4)]))
    beta, delta = one(found, "beta").value, one(found, "delta").value
    assert (beta, delta) == (pytest.approx(0.626381, abs=1e-6), pytest.approx(0.220916, abs=1e-6))
    assert delta is not None and 1 / (1 + math.exp(-delta)) == pytest.approx(0.555006, abs=1e-6)


@pytest.mark.parametrize(("delta", "beta"), [(0.5, 1.5), (1.0, -3.0), (0.2, 0.0)])
def test_a_judge_with_a_known_bias_is_taken_apart_6_10(delta: float, beta: float) -> None:
    """The judge's log-odds of the first answer are beta + delta when it is the better one, else beta - delta."""
    rows = [row for at in range(30) for row in judged(f"p{at}", delta, beta)]
    found = metrics(rows)
    assert one(found, "beta").value == pytest.approx(beta) and one(found, "delta").value == pytest.approx(delta)
    assert one(found, "mitigated_accuracy", mitigation="swap_avg").value == 1  # right iff delta > 0
    assert one(found, "conflict").value == float(abs(beta) > delta)


def judged(doc_id: str, delta: float, beta: float) -> list[Sample]:
    logits = [beta + delta, beta - delta]
    name = {(True, True): "AA", (True, False): "CC", (False, True): "CW", (False, False): "BB"}
    rows = pair(doc_id, name[logits[0] > 0, logits[1] > 0], logits)
    for row, z in zip(rows, logits, strict=True):
        first = 1 / (1 + math.exp(-z))
        row.scores.update(p_slot_0=first, p_slot_1=1 - first)  # type: ignore[attr-defined]
    return rows


def identical(doc_id: str, slots: list[int | None], z: float) -> list[Sample]:
    rows = pair(doc_id, "AA", [z, z], subset="identical")
    for row, slot in zip(rows, slots, strict=True):
        row.scores.update(correct=None, predicted_slot=slot, invalid=float(slot is None))  # type: ignore[attr-defined]
    return rows


def test_identical_pairs_measure_bias_and_enter_no_accuracy_2_3() -> None:
    rows = [*pairs(CC=10), *identical("same-1", [0, 0], 2.0), *identical("same-2", [0, 1], 0.0)]
    found = metrics([*rows, *identical("same-3", [None, None], 1.0)])
    assert one(found, "accuracy").value == 1 and one(found, "accuracy").n == 20
    assert one(found, "identical_first").value == 0.75
    assert one(found, "identical_beta").value == pytest.approx(1.0)


def test_math_weighs_as_much_as_all_code_6_3() -> None:
    """Math .9 and code .5 make .70 with RewardBench's weights (by the number of pairs it would be .625)."""
    code = [name for name in section_weights()["Reasoning"] if name.startswith("hep")]
    rows = pairs("math-prm", CC=9, CW=1)
    for subset in code:
        rows += pairs(subset, CC=5, CW=5)
    found = metrics(rows)
    official = one(found, "section_accuracy", section="Reasoning", scoring="official", stands="both")
    assert official.value == pytest.approx(0.70)
    assert not [m for m in found if m.condition.get("section") == "Chat"]


def test_an_unreadable_verdict_is_half_right_in_the_official_score_4_2() -> None:
    found = metrics(pairs("math-prm", CC=1, other=1))
    score = {(m.condition["scoring"], m.condition["stands"]): m for m in found if m.name == "section_accuracy"}
    values = {key: metric.value for key, metric in score.items()}
    assert values == {
        ("official", "first"): 1,
        ("official", "second"): 0.75,
        ("official", "both"): 0.875,
        ("strict", "first"): 1,
        ("strict", "second"): 0.5,
        ("strict", "both"): 0.75,
    }
    assert "6 of 7 subsets are absent" in score["strict", "both"].note


def test_weights_are_the_counts_of_the_public_set_2_1() -> None:
    counts = {section: sum(weights.values()) for section, weights in section_weights().items()}
    counts["Reasoning"] += 447 - 984
    assert sum(counts.values()) == 2985
    assert counts == {"Chat": 358, "Chat Hard": 456, "Safety": 740, "Reasoning": 1431}


@pytest.mark.parametrize(("label_mode", "is_noted"), [("travel", True), ("slot", False)])
def test_a_label_that_gives_the_answer_away_is_noted(label_mode: str, is_noted: bool) -> None:
    rows = [replace(row, condition={**row.condition, "label_mode": label_mode}) for row in pairs(CC=5)]
    assert ("always has the same label" in one(metrics(rows), "accuracy").note) == is_noted
