"""Measures of attention_patterns: worked examples, agreement with maintained libraries, and what they must not mind."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasks.attention_patterns import quality

P = np.array([(0, 0, 0), (1, 0, 0)], dtype=float)
Q = np.array([(0, 0, 0), (1, 1, 0), (3, 0, 0)], dtype=float)


# ---------------------------------------------------------------- worked examples


def test_chamfer_distances_of_the_worked_example() -> None:
    l1, l2 = quality.chamfer(P, Q)
    assert l1 == pytest.approx(0.75)
    assert l2 == pytest.approx(2.166667, abs=1e-6)


def test_f_score_of_the_worked_example() -> None:
    assert quality.f_score(P, Q, 0.01) == pytest.approx(0.4)


def test_psnr_of_the_worked_example() -> None:
    assert quality.psnr(np.full((4, 4, 1), 10.0), np.zeros((4, 4, 1)), top=255) == pytest.approx(28.1308, abs=1e-4)


def test_mcd_of_the_worked_example() -> None:
    assert quality.mel_cepstral_distortion(np.full((1, 13), 0.1), np.zeros((1, 13))) == pytest.approx(2.21448, abs=1e-5)


@pytest.mark.parametrize(("name", "expected"), [("rouge_1", 85.7143), ("rouge_2", 80.0), ("rouge_l", 85.7143)])
def test_rouge_of_the_worked_example(name: str, expected: float) -> None:
    found = quality.rouge(["the", "cat", "sat"], ["the", "cat", "sat", "down"])
    assert found[name] == pytest.approx(expected, abs=1e-4)


# ---------------------------------------------------------------- properties


def test_rouge_ignores_case_and_does_not_stem() -> None:
    assert quality.rouge(["Cats"], ["cats"])["rouge_1"] == 100
    assert quality.rouge(["cats"], ["cat"])["rouge_1"] == 0


def test_rouge_of_an_empty_summary_is_zero() -> None:
    assert quality.rouge([], ["a"])["rouge_l"] == 0


def test_equal_points_have_no_distance_and_far_ones_no_f_score() -> None:
    assert quality.chamfer(P, P) == (0.0, 0.0)
    assert quality.f_score(P, P) == 1.0
    assert quality.f_score(P, P + 5) == 0.0


def test_equal_pictures_have_infinite_psnr_and_ssim_one() -> None:
    picture = np.random.default_rng(0).random((16, 16, 3))
    assert quality.psnr(picture, picture) == math.inf
    assert quality.ssim(picture, picture) == pytest.approx(1.0)


def test_ssim_of_a_constant_shift_follows_the_formula() -> None:
    """Constant pictures have no variance: only the term of the means is left."""
    a, b, c1 = 0.2, 0.6, 0.01**2
    found = quality.ssim(np.full((12, 12, 1), a), np.full((12, 12, 1), b))
    assert found == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1))


def test_ssim_is_the_mean_of_the_formula_over_every_whole_window() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random((14, 13))
    noisy = np.clip(truth + 0.2 * rng.standard_normal(truth.shape), 0, 1)
    line = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weights = np.outer(line, line) / line.sum() ** 2
    found = []
    for row in range(4):
        for column in range(3):
            a, b = (picture[row : row + 11, column : column + 11] for picture in (noisy, truth))
            mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
            spread_a, spread_b = (weights * (a - mean_a) ** 2).sum(), (weights * (b - mean_b) ** 2).sum()
            shared = (weights * (a - mean_a) * (b - mean_b)).sum()
            likeness = (2 * mean_a * mean_b + 1e-4) * (2 * shared + 9e-4)
            found.append(likeness / ((mean_a**2 + mean_b**2 + 1e-4) * (spread_a + spread_b + 9e-4)))
    assert quality.ssim(noisy[..., None], truth[..., None]) == pytest.approx(np.mean(found), abs=1e-6)


def test_ssim_refuses_a_picture_smaller_than_its_window() -> None:
    with pytest.raises(ValueError, match="at least 11 x 11"):
        quality.ssim(np.zeros((8, 8, 1)), np.zeros((8, 8, 1)))


def test_mcd_aligns_frames_in_time() -> None:
    frames = np.random.default_rng(2).standard_normal((6, 13))
    slower = np.repeat(frames, 2, axis=0)
    assert quality.mel_cepstral_distortion(slower, frames) == pytest.approx(0.0)
    assert quality.mel_cepstral_distortion(frames[::-1], frames) > 1


def test_the_path_of_alignment_is_the_cheapest_of_all() -> None:
    """Against every path through a small table."""
    costs = np.random.default_rng(3).random((3, 4))

    def every(i: int, j: int) -> list[list[tuple[int, int]]]:
        if (i, j) == (0, 0):
            return [[(0, 0)]]
        before = [(i - 1, j), (i, j - 1), (i - 1, j - 1)]
        return [[*path, (i, j)] for a, b in before if a >= 0 and b >= 0 for path in every(a, b)]

    cheapest = min(sum(costs[place] for place in path) for path in every(2, 3))
    assert sum(costs[place] for place in quality.aligned(costs)) == pytest.approx(cheapest)


def test_cepstra_leave_the_loudness_out() -> None:
    frames = np.random.default_rng(4).standard_normal((5, 16))
    louder = frames + 3.0  # the same in every band
    np.testing.assert_allclose(quality.cepstra_of(louder), quality.cepstra_of(frames), atol=1e-12)
    assert quality.cepstra_of(frames).shape == (5, 13)


def test_the_seasonal_naive_forecast_repeats_the_last_season() -> None:
    past = np.arange(10.0)[:, None]
    assert quality.seasonal_naive(past, 5, 3)[:, 0].tolist() == [7, 8, 9, 7, 8]


def test_a_seasonal_forecast_needs_a_season() -> None:
    with pytest.raises(ValueError, match="at least a season of 24"):
        quality.seasonal_naive(np.zeros((5, 1)), 3, 24)
