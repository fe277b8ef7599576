"""Agreement, MACE, PPI++ and judge quality: worked examples, and what they do where nothing can be computed."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.judges.agreement import DEGREES, cohen, fleiss, krippendorff_alpha
from suite.judges.mace import mace
from suite.judges.ppi import Stratum, human_mean, ppi_index, ppi_mean, rogan_gladen
from suite.judges.quality import corrected_index, quality, rate
from suite.judges.record import Label
from suite.task import Sample


@pytest.fixture(scope="module")
def ratings(public_data: Path) -> list[list[str]]:
    with (public_data / "hilt_hvi" / "agreement_example.csv").open(newline="") as file:
        return [row[1:] for row in list(csv.reader(file))[1:]]


def column(ratings: list[list[str]], rater: int) -> list[str]:
    return [row[rater - 1] for row in ratings]


# --- agreement of raters ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second", "kappa"), [(1, 2, 0.6), (2, 3, 0.2), (3, 4, 0.6)])
def test_cohen_6_5(ratings: list[list[str]], first: int, second: int, kappa: float) -> None:
    found = cohen(column(ratings, first), column(ratings, second))
    assert found.value == pytest.approx(kappa, abs=1e-6)
    assert found.ci_low is not None and found.ci_high is not None and found.ci_low <= kappa <= found.ci_high


def test_fleiss_6_5(ratings: list[list[str]]) -> None:
    found = fleiss(ratings)
    assert found.value == pytest.approx(0.461279, abs=1e-6)
    assert (found.n, found.raters) == (10, 4)


def test_krippendorff_6_5(ratings: list[list[str]]) -> None:
    assert krippendorff_alpha(ratings).value == pytest.approx(0.474747, abs=1e-6)
    blanked: list[list[str | None]] = [list(row) for row in ratings]
    for unit, rater in ((2, 4), (7, 1), (9, 2)):
        blanked[unit][rater - 1] = None
    assert krippendorff_alpha(blanked).value == pytest.approx(0.541177, abs=1e-6)


@pytest.mark.parametrize(("weights", "kappa"), [(None, 0.6), ("linear", 0.758065), ("quadratic", 0.878049)])
def test_weighted_kappa_of_degrees_6_5(weights: Any, kappa: float) -> None:
    first = [DEGREES[code] for code in (0, 1, 2, 3, 0, 2, 1, 3, 0, 2)]
    second = [DEGREES[code] for code in (0, 1, 3, 3, 0, 1, 1, 2, 0, 2)]
    assert cohen(first, second, weights=weights, order=DEGREES).value == pytest.approx(kappa, abs=1e-6)


def test_rare_labels_show_the_prevalence_paradox_6_5() -> None:
    first, second = ["1", *["0"] * 99], ["0", "1", *["0"] * 98]
    found = cohen(first, second)
    assert found.observed == pytest.approx(0.98)
    assert found.value == pytest.approx(-0.010101, abs=1e-6)
    assert found.prevalence == {"0": 0.99, "1": 0.01}


@pytest.mark.parametrize(
    "found",
    [
        cohen(["0"] * 5, ["0"] * 5),
        fleiss([["0", "0"]] * 5),
        krippendorff_alpha([["0", "0"]] * 5),
    ],
    ids=["cohen", "fleiss", "krippendorff"],
)
def test_labels_that_are_all_the_same_give_no_coefficient_but_a_reason_6_5(found: Any) -> None:
    assert found.value is None
    assert "all labels are the same" in found.reason
    assert found.observed == 1.0


def test_units_without_two_labels_give_a_reason() -> None:
    assert krippendorff_alpha([["0", None], [None, "1"]]).reason == "no unit has two labels"


def test_ordinal_alpha_forgives_near_misses() -> None:
    near = [("none", "mild"), ("alarming", "moderate"), ("none", "none"), ("alarming", "alarming")]
    nominal = krippendorff_alpha(near).value
    ordinal = krippendorff_alpha(near, level="ordinal", order=DEGREES).value
    assert nominal is not None and ordinal is not None and ordinal > nominal + 0.2


# --- MACE -------------------------------------------------------------------------------------------------------------


def crowd(seed: int, accuracies: Sequence[float], n: int = 300) -> tuple[list[str], list[list[str]]]:
    """True labels and what raters of these accuracies say; an accuracy of 0 is a coin."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 2, n)
    columns = []
    for accuracy in accuracies:
        coin = generator.integers(0, 2, n)
        right = generator.random(n) < accuracy
        columns.append(coin if accuracy == 0 else np.where(right, truth, 1 - truth))
    return [str(value) for value in truth], [[str(value) for value in row] for row in np.array(columns).T]


def test_mace_finds_the_coin_flipper_and_beats_the_majority_6_5() -> None:
    coins = []
    for seed in range(3):
        truth, rows = crowd(seed, (0.95, 0.90, 0.85, 0.0))
        found = mace(rows, ("0", "1"))
        assert min(found.trust[:3]) > 0.5
        coins.append(found.trust[3])
        right = np.mean([label == true for label, true in zip(found.labels, truth, strict=True)])
        majority = np.mean([row.count(true) > 2 for row, true in zip(rows, truth, strict=True)])
        assert right > majority
    assert np.mean(coins) < 0.1  # one draw of 300 flips agrees with the truth by chance a little more or less


def test_mace_is_the_same_every_time_and_leaves_unlabelled_units_open() -> None:
    _, rows = crowd(0, (0.9, 0.8, 0.7), n=40)
    with_gap: list[list[str | None]] = [*rows, [None, None, None]]
    first, second = mace(with_gap, ("0", "1")), mace(with_gap, ("0", "1"))
    assert first == second
    assert first.labels[-1] is None and first.confidence[-1] is None


def test_mace_refuses_labels_that_it_was_not_told_of() -> None:
    with pytest.raises(ValueError, match="only the labels"):
        mace([["x"]], ("0", "1"))


# --- judge quality and corrected rates --------------------------------------------------------------------------------

HUMAN = [1.0] * 60 + [0.0] * 140
JUDGE = [1.0] * 54 + [0.0] * 6 + [1.0] * 14 + [0.0] * 126
UNLABELLED = [1.0] * 640 + [0.0] * 1360


def test_human_labels_alone_6_6() -> None:
    found = human_mean(HUMAN)
    assert (found.value, found.stderr) == (pytest.approx(0.30, abs=1e-6), pytest.approx(0.032404, abs=1e-6))


def test_plain_ppi_6_6() -> None:
    found = ppi_mean(HUMAN, JUDGE, UNLABELLED, weight=1.0)
    assert found.value == pytest.approx(0.28, abs=1e-6)
    assert found.stderr == pytest.approx(0.024511, abs=1e-6)
    assert (found.ci_low, found.ci_high) == (pytest.approx(0.231959, abs=1e-6), pytest.approx(0.328041, abs=1e-6))


def test_tuned_ppi_6_6() -> None:
    found = ppi_mean(HUMAN, JUDGE, UNLABELLED)
    assert found.weight == pytest.approx(0.699459, abs=1e-6)
    assert found.value == pytest.approx(0.286011, abs=1e-6)
    assert found.stderr == pytest.approx(0.021842, abs=1e-6)
    assert (found.ci_low, found.ci_high) == (pytest.approx(0.243201, abs=1e-6), pytest.approx(0.328820, abs=1e-6))


def test_rogan_gladen_6_6() -> None:
    found = rogan_gladen(640, 2000, (54, 60), (126, 140))
    assert found.value == pytest.approx(0.275, abs=1e-6)
    assert found.stderr == pytest.approx(0.029584, abs=1e-6)
    assert (found.ci_low, found.ci_high) == (pytest.approx(0.217016, abs=1e-6), pytest.approx(0.332984, abs=1e-6))


@pytest.mark.parametrize(("sensitivity", "specificity"), [((5, 10), (5, 10)), ((0, 0), (9, 10)), ((9, 10), (0, 0))])
def test_a_judge_that_tells_nothing_corrects_nothing(
    sensitivity: tuple[int, int], specificity: tuple[int, int]
) -> None:
    assert rogan_gladen(3, 10, sensitivity, specificity).value is None


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(0, 500, 0, 0.007624), (150, 500, 0.261482, 0.341568), (0, 20, 0, 0.161125)]
)
def test_wilson_6_6(hits: int, n: int, low: float, high: float) -> None:
    found = rate(hits, n)
    assert (found.ci_low, found.ci_high) == (pytest.approx(low, abs=1e-6), pytest.approx(high, abs=1e-6))


def labels(judge: str, wrong: Sequence[float], samples: Sequence[int] | None = None) -> list[Label]:
    numbers = samples or range(len(wrong))
    return [
        Label(
            *(f"s{number}", 1, judge, "1", "hallucinated" if value else "supported"),
            primary="NN" if value else "",
            split="extrinsic" if value else None,
        )
        for number, value in zip(numbers, wrong, strict=True)
    ]


def test_judge_quality_6_6() -> None:
    found = quality(labels("rules", JUDGE), labels("human", HUMAN))
    assert found.binary == {"tp": 54, "fn": 6, "fp": 14, "tn": 126}
    assert (found.sensitivity.value, found.specificity.value) == (pytest.approx(0.9), pytest.approx(0.9))
    assert found.agreement.observed == pytest.approx(0.9)
    assert found.agreement.value == pytest.approx(0.770642, abs=1e-6)
    assert found.by_category["NN"]["precision"].value == pytest.approx(54 / 68)
    assert found.confusion["supported"] == {"hallucinated": 14, "supported": 126}


def test_unresolved_units_are_counted_and_not_compared() -> None:
    said = [*labels("rules", [1, 0]), Label("s2", 1, "rules", "1", "unresolved")]
    found = quality(said, labels("human", [1, 0, 1]))
    assert (found.n, found.unresolved) == (2, 1)


def sample(number: int, arm: str) -> Sample:
    return Sample(f"s{number}", f"d{number}", "generate", {"orientation": arm}, f"c{number % 20}", {}, "scored")


@pytest.fixture
def two_arms() -> tuple[list[Label], list[Label], dict[str, Sample]]:
    """Two orientations of 1,100 units each, the worked example twice; the first 200 of each have human labels."""
    per_arm = len(JUDGE) + len(UNLABELLED)
    wrong = [*JUDGE, *UNLABELLED] * 2
    human = labels("human", HUMAN * 2, [*range(200), *range(per_arm, per_arm + 200)])
    samples = [sample(number, "FM" if number < per_arm else "SL") for number in range(len(wrong))]
    return labels("rules", wrong), human, {one.sample_id: one for one in samples}


def test_the_corrected_index_is_the_mean_of_both_arms(two_arms: Any) -> None:
    judge, human, samples = two_arms
    found = corrected_index(judge, human, samples, "orientation")
    assert found.ppi is not None and found.ppi.value == pytest.approx(28.6011, abs=1e-4)
    assert found.naive == pytest.approx(100 * (68 + 640) / 2200)
    assert found.human.value == pytest.approx(30.0)
    assert found.ppi.stderr is not None and 0.5 < found.ppi.stderr < 4  # over 20 clusters, not over units


def test_under_100_labels_an_arm_only_the_human_figure_is_given(two_arms: Any) -> None:
    judge, human, samples = two_arms
    found = corrected_index(judge, human[:50] + human[200:250], samples, "orientation")
    assert found.ppi is None
    assert "needs 100" in found.note


def test_without_clusters_the_index_has_the_closed_form_error() -> None:
    part = Stratum(HUMAN, JUDGE, UNLABELLED)
    found = ppi_index([part, part])
    assert found.value == pytest.approx(28.6011, abs=1e-4)
    assert found.stderr == pytest.approx(50 * 2**0.5 * 0.021842, abs=1e-4)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=30),
    st.lists(st.booleans(), min_size=1, max_size=50),
)
def test_ppi_stays_finite_and_keeps_its_weight_in_bounds(pairs: list[tuple[bool, bool]], rest: list[bool]) -> None:
    found = ppi_mean([float(y) for y, _ in pairs], [float(f) for _, f in pairs], [float(value) for value in rest])
    assert found.weight is not None and 0 <= found.weight <= 1
    assert found.value is not None and np.isfinite([found.value, found.stderr or 0.0]).all()


def test_ppi_intervals_cover_the_true_rate() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        truth = generator.random(2200) < 0.25
        said = np.where(truth, generator.random(2200) < 0.78, generator.random(2200) > 0.88).astype(float)
        found = ppi_mean(truth[:200].astype(float), said[:200], said[200:])
        assert found.ci_low is not None and found.ci_high is not None
        covered += found.ci_low <= 0.25 <= found.ci_high
    assert 0.90 <= covered / 200 <= 0.99
