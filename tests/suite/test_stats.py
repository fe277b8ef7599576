"""Intervals and tests: worked examples, and the properties that hold always."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from suite.stats import (
    binomial_p,
    bootstrap_mean,
    bootstrap_statistic,
    cluster_means,
    holm,
    paired_difference,
    sign_flip_test,
    wilson,
)

RIGHT = [-8.1, -7.4, -9.0, -8.6, -7.9, -8.3]
RIGHT_LEARNED = [-1.2, -0.8, -1.5, -0.9, -1.1, -1.3]
RANDOM = [-8.0, -7.7, -9.3, -8.2, -8.4, -8.1]


def difference(first: list[float], second: list[float]) -> list[float]:
    return [a - b for a, b in zip(first, second, strict=True)]


@pytest.mark.parametrize(
    ("right", "mean", "one_sided", "two_sided"),
    [
        pytest.param(RIGHT, 0.0666667, 23 / 64, 0.71875, id="6.6"),
        pytest.param(RIGHT_LEARNED, 7.15, 1 / 64, 2 / 64, id="6.7"),
    ],
)
def test_sign_flips_of_six_facts_are_enumerated(
    right: list[float], mean: float, one_sided: float, two_sided: float
) -> None:
    values = difference(right, RANDOM)
    assert sum(values) / 6 == pytest.approx(mean, abs=1e-6)
    assert sign_flip_test(values) == one_sided
    assert sign_flip_test(values, two_sided=True) == two_sided


def test_sign_flips_of_many_values_are_drawn_and_never_give_zero() -> None:
    assert sign_flip_test([1.0] * 14) == pytest.approx(1 / 10_001, abs=2e-4)
    assert sign_flip_test([1.0] * 30) == 1 / 10_001
    assert sign_flip_test([1.0] * 13) == 1 / 2**13
    assert sign_flip_test([1.0, -1.0] * 10, seed=1) == sign_flip_test([1.0, -1.0] * 10, seed=1)
    with pytest.raises(ValueError, match="no values"):
        sign_flip_test([])


@settings(derandomize=True)
@given(st.lists(st.integers(-40, 40), min_size=1, max_size=7))
def test_enumerated_sign_flips_are_the_textbook_count(numbers: list[int]) -> None:
    sums = [sum(sign * number for sign, number in zip(signs, numbers, strict=True)) for signs in _signs(len(numbers))]
    expected = sum(total >= sum(numbers) for total in sums) / len(sums)
    assert sign_flip_test([float(number) for number in numbers]) == expected


def _signs(n: int) -> list[tuple[int, ...]]:
    return list(product((1, -1), repeat=n))


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        pytest.param(0, 300, 0.0, 0.0126430, id="6.8 none"),
        pytest.param(4, 300, 0.0051970, 0.0337756, id="6.8 few"),
        pytest.param(8, 120, 0.0341653, 0.1260513, id="6.8 some"),
    ],
)
def test_wilson_interval(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits, n) == pytest.approx((low, high), abs=1e-7)


@pytest.mark.parametrize(
    ("hits", "n", "p"),
    [
        pytest.param(4, 300, 0.9905306, id="6.8 4/300"),
        pytest.param(10, 300, 0.5441959, id="6.8 10/300"),
        pytest.param(8, 120, 0.0481224, id="6.8 8/120"),
    ],
)
def test_one_sided_binomial_test_against_a_thirtieth(hits: int, n: int, p: float) -> None:
    assert binomial_p(hits, n, 1 / 30) == pytest.approx(p, abs=1e-7)


def test_the_bootstrap_agrees_with_scipy_on_clusters_of_one() -> None:
    values = np.random.default_rng(3).normal(1.0, 2.0, size=60).tolist()
    ours = bootstrap_mean(values, resamples=8000)
    theirs = bootstrap((values,), np.mean, n_resamples=8000, method="percentile", rng=np.random.default_rng(0))
    assert ours.ci_low == pytest.approx(theirs.confidence_interval.low, abs=0.05)
    assert ours.ci_high == pytest.approx(theirs.confidence_interval.high, abs=0.05)
    assert ours.stderr == pytest.approx(theirs.standard_error, rel=0.05)


def test_clusters_are_averaged_first_and_resampled_whole() -> None:
    values, clusters = [1.0, 1.0, 1.0, 0.0], ["a", "a", "a", "b"]
    assert cluster_means(values, clusters).tolist() == [1.0, 0.0]
    found = bootstrap_mean(values, clusters)
    assert (found.value, found.n, found.n_clusters) == (0.5, 4, 2)
    assert (found.ci_low, found.ci_high) == (0.0, 1.0)


def test_ten_wordings_of_a_fact_do_not_narrow_its_interval() -> None:
    facts = [float(index % 3 == 0) for index in range(30)]
    repeated = [value for value in facts for _ in range(10)]
    names = [index for index in range(30) for _ in range(10)]
    once, often = bootstrap_mean(facts), bootstrap_mean(repeated, names)
    assert (often.ci_low, often.ci_high) == (once.ci_low, once.ci_high)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_score_that_is_the_same_everywhere_gets_the_wilson_interval_over_clusters(value: float) -> None:
    found = bootstrap_mean([value] * 300, [index // 10 for index in range(300)])
    assert found.value == value
    assert (found.ci_low, found.ci_high) == wilson(int(value * 30), 30)


def test_a_difference_that_is_zero_everywhere_is_no_rate() -> None:
    found = bootstrap_mean([0.0] * 30, is_share=False)
    assert (found.stderr, found.ci_low, found.ci_high) == (0.0, 0.0, 0.0)


def test_one_cluster_has_no_interval() -> None:
    found = bootstrap_mean([0.2, 0.4], ["a", "a"])
    assert found.value == pytest.approx(0.3)
    assert (found.stderr, found.ci_low, found.ci_high) == (None, None, None)


def test_a_paired_difference_takes_both_arms_from_one_resample() -> None:
    first = np.random.default_rng(0).normal(size=50).tolist()
    shifted = [value + 0.25 for value in first]
    found = paired_difference(first, shifted)
    assert found.value == pytest.approx(0.25)
    assert found.stderr == pytest.approx(0.0, abs=1e-12)


def test_a_ratio_of_two_columns_comes_from_one_resample() -> None:
    same = np.linspace(0.5, 1.0, 30)
    found = bootstrap_statistic(np.column_stack([same, same / 4]), lambda means: means[..., 1] / means[..., 0])
    assert found.value == pytest.approx(0.25)
    assert found.stderr == pytest.approx(0.0, abs=1e-12)


@settings(derandomize=True)
@given(
    st.lists(st.floats(-5, 5).map(lambda value: round(value, 3)), min_size=2, max_size=20),
    st.integers(0, 5),
)
def test_the_same_seed_gives_the_same_interval_around_the_value(values: list[float], seed: int) -> None:
    found = bootstrap_mean(values, resamples=200, seed=seed)
    assert found == bootstrap_mean(values, resamples=200, seed=seed)
    assert found.ci_low is not None and found.ci_high is not None
    assert min(values) - 1e-9 <= found.ci_low <= found.ci_high <= max(values) + 1e-9 or set(values) in ({0.0}, {1.0})
    assert found.value == pytest.approx(math.fsum(values) / len(values), abs=1e-9)


@pytest.mark.parametrize(
    ("values", "clusters", "message"),
    [([], None, "no values"), ([1.0, 2.0], ["a"], "2 values, but 1 clusters")],
)
def test_values_that_cannot_be_averaged_are_refused(
    values: list[float], clusters: list[str] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap_mean(values, clusters)


def test_arms_of_different_length_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_difference([1.0], [1.0, 2.0])


def test_holm_corrects_the_smallest_most_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
