"""What describes a curve: rank correlation with its exact p, the weighted line, the parabola; tallies of verdicts."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from suite.trend.power import power_table
from suite.trend.slopes import describe
from suite.trend.tally import tally
from suite.trend.verdict import Net, Shape


def test_the_p_of_tied_ranks_is_that_of_all_orders() -> None:
    x, values = [1.0, 2.0, 3.0, 4.0], [0.5, 0.4, 0.4, 0.1]
    found = describe(x, values, [None] * 4)
    assert found is not None and found.tau is not None
    taus = [abs(stats.kendalltau(x, order).statistic) for order in permutations(values)]
    assert found.tau_p == pytest.approx(np.mean([tau >= abs(found.tau) - 1e-12 for tau in taus]))


def test_four_points_never_decide_by_rank() -> None:
    """The least two-sided p of four scales is one in twelve."""
    found = describe([1, 2, 3, 4], [0.9, 0.7, 0.5, 0.3], [None] * 4)
    assert found is not None
    assert found.tau == -1.0
    assert found.tau_p == pytest.approx(1 / 12)


def test_the_slope_of_a_level_curve_is_zero_and_no_rounding_error() -> None:
    answers = np.tile([1.0] * 137 + [0.0] * 163, (3, 1))
    found = describe([1.0, 1.778, 2.556], [137 / 300] * 3, [None] * 3, answers)
    assert found is not None
    assert (found.slope, found.items_low, found.items_high) == (0.0, 0.0, 0.0)


def test_no_rank_correlation_where_nothing_changes() -> None:
    found = describe([1, 2, 3], [0.5, 0.5, 0.5], [None] * 3)
    assert found is not None
    assert (found.tau, found.tau_p) == (None, None)


def test_scatter_beyond_the_errors_widens_the_weighted_line() -> None:
    x, values, errors = [0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 0.0, 1.0], [0.1, 0.2, 0.1, 0.2]
    found = describe(x, values, errors)
    assert found is not None and found.weighted is not None and found.chi2 is not None
    design = np.stack([np.ones(4), x], axis=1)
    weights = np.diag([1 / error**2 for error in errors])
    covariance = np.linalg.inv(design.T @ weights @ design)
    line = covariance @ design.T @ weights @ np.array(values)
    assert found.weighted == pytest.approx(line[1])
    assert found.chi2 > 2
    assert found.weighted_stderr == pytest.approx(math.sqrt(covariance[1, 1] * found.chi2 / 2))


def test_scatter_within_the_errors_does_not_narrow_it() -> None:
    found = describe([0, 1, 2], [0.1, 0.2, 0.3], [0.5, 0.5, 0.5])
    assert found is not None
    assert found.weighted_stderr == pytest.approx(0.5 / math.sqrt(2))


def test_a_parabola_is_found_again_and_three_points_have_none() -> None:
    x = [0.0, 1.0, 2.0, 3.0, 4.0]
    found = describe(x, [0.2 * (at - 1.5) ** 2 + 0.3 for at in x], [None] * 5)
    assert found is not None
    assert (found.curvature, found.vertex) == (pytest.approx(0.2), pytest.approx(1.5))
    few = describe(x[:3], [0.5, 0.2, 0.5], [None] * 3)
    assert few is not None
    assert (few.curvature, few.vertex) == (None, None)


@pytest.mark.parametrize(
    ("verdicts", "n", "is_robust"),
    [
        pytest.param([("inverse", "lower")] * 3, 3, True, id="all fall"),
        pytest.param([("inverse", "lower")] * 2 + [("flat", "level")], 3, True, id="two thirds"),
        pytest.param([("inverse", "lower"), ("flat", "level")], 2, False, id="half"),
        pytest.param([("inverse", "lower")] * 5 + [("standard", "higher")], 6, False, id="one rises"),
        pytest.param([("inverse", "lower"), ("insufficient", "level")], 1, True, id="insufficient is left out"),
        pytest.param([], 0, False, id="none"),
    ],
)
def test_robustly_inverse_is_two_thirds_lower_and_none_standard(
    verdicts: list[tuple[Shape, Net]], n: int, is_robust: bool
) -> None:
    found = tally(verdicts)
    assert (found.n, found.is_robustly_inverse) == (n, is_robust)


@pytest.mark.parametrize(("n", "found"), [(300, 0.55), (1000, 0.98)])
def test_power_is_that_of_worked_examples(n: int, found: float) -> None:
    """A straight fall of .10 in all is found in 55 % of curves with 300 items, in 98 % with 1,000."""
    (row,) = power_table(sizes=(n,), scales=(4,))
    assert row["fall of .10 found"] == pytest.approx(found, abs=0.05)
    assert row["false alarm"] < 0.07
