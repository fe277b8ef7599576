"""How good an output is: the measures of the seven tasks, each as its field defines it.

Arrays are numpy: points (N, 3), pictures (H, W, C), frames (T, C), series (T, C).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

CEPSTRA = slice(1, 14)  # the coefficients 1 to 13; the 0th is loudness
_TO_DECIBEL = 10 / math.log(10) * math.sqrt(2)
_SSIM_SIGMA, _SSIM_RADIUS, _SSIM_K = 1.5, 5, (0.01, 0.03)  # a window of 11
F_THRESHOLD = 0.01


def rouge(candidate: Sequence[str], reference: Sequence[str]) -> dict[str, float]:
    """ROUGE-1, -2 and -L as F1 (Lin 2004), in lower case, without stemming, times 100."""
    found = _rouge_scorer().score(" ".join(reference), " ".join(candidate))
    return {name.replace("rouge", "rouge_").lower(): 100 * score.fmeasure for name, score in found.items()}


def psnr(picture: np.ndarray, truth: np.ndarray, top: float = 1.0) -> float:
    """Peak signal-to-noise ratio in dB, 10 log10(top^2 / MSE); infinite for equal pictures."""
    error = float(np.mean((picture.astype(np.float64) - truth) ** 2))
    return 10 * math.log10(top**2 / error) if error else math.inf


def ssim(picture: np.ndarray, truth: np.ndarray, top: float = 1.0) -> float:
    """Structural similarity (Wang et al. 2004): Gaussian window of 11, sigma 1.5, mean over whole windows and channels.

    Raises:
        ValueError: a side is shorter than the window.
    """
    from scipy.ndimage import gaussian_filter

    if min(truth.shape[:2]) <= 2 * _SSIM_RADIUS:
        raise ValueError(f"a picture of {truth.shape[0]} x {truth.shape[1]} pixels; expected at least 11 x 11")

    def smooth(values: np.ndarray) -> Any:
        blurred = gaussian_filter(values, sigma=(_SSIM_SIGMA, _SSIM_SIGMA, 0), radius=(_SSIM_RADIUS, _SSIM_RADIUS, 0))
        return blurred[_SSIM_RADIUS:-_SSIM_RADIUS, _SSIM_RADIUS:-_SSIM_RADIUS]

    a, b = picture.astype(np.float64), truth.astype(np.float64)
    mean_a, mean_b = smooth(a), smooth(b)
    variance_a, variance_b = smooth(a * a) - mean_a**2, smooth(b * b) - mean_b**2
    covariance = smooth(a * b) - mean_a * mean_b
    c1, c2 = ((k * top) ** 2 for k in _SSIM_K)
    above = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    below = (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    return float(np.mean(above / below))


def chamfer(points: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """CD-l1, the mean of both directions' mean distances, and CD-l2, the sum of their mean squared distances."""
    there, back = _nearest(points, truth)
    return float(there.mean() + back.mean()) / 2, float((there**2).mean() + (back**2).mean())


def f_score(points: np.ndarray, truth: np.ndarray, threshold: float = F_THRESHOLD) -> float:
    """Harmonic mean of the shares of points, and of true points, with a partner nearer than `threshold`."""
    there, back = _nearest(points, truth)
    precision, recall = float((there < threshold).mean()), float((back < threshold).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def mel_cepstral_distortion(cepstra: np.ndarray, truth: np.ndarray) -> float:
    """MCD in dB (Kubichek 1993): 10 / ln 10 * sqrt(2 * squared distance), mean over the frames aligned by DTW.

    Args:
        cepstra, truth: (T, 13), coefficients 1 to 13; lengths may differ. On mel frames (T, C) the same is the MSD.
    """
    from scipy.spatial.distance import cdist

    distances = _TO_DECIBEL * cdist(cepstra, truth)
    path = aligned(distances)
    return float(np.mean([distances[place] for place in path]))


def cepstra_of(frames: np.ndarray) -> np.ndarray:
    """(T, 13) cepstral coefficients 1 to 13 of log-mel frames (T, C), C >= 14."""
    from scipy.fft import dct

    coefficients: np.ndarray = dct(frames, type=2, norm="ortho", axis=1)[:, CEPSTRA]
    return coefficients


def aligned(costs: np.ndarray) -> list[tuple[int, int]]:
    """The cheapest path through (T, S) costs from corner to corner, by steps of one along either axis or both."""
    rows, columns = costs.shape
    total = np.full((rows + 1, columns + 1), math.inf)
    total[0, 0] = 0.0
    table, cost = total.tolist(), costs.tolist()
    for i in range(1, rows + 1):
        above, here, own = table[i - 1], table[i], cost[i - 1]
        for j in range(1, columns + 1):
            here[j] = own[j - 1] + min(above[j - 1], above[j], here[j - 1])
    i, j, path = rows, columns, []
    while i and j:
        path.append((i - 1, j - 1))
        steps = ((i - 1, j - 1), (i - 1, j), (i, j - 1))
        i, j = min(steps, key=lambda step: table[step[0]][step[1]])
    return path[::-1]


def seasonal_naive(past: np.ndarray, length: int, season: int) -> np.ndarray:
    """(length, C): the last season of `past` (T, C), repeated.

    Raises:
        ValueError: the past is shorter than a season.
    """
    if len(past) < season:
        raise ValueError(f"{len(past)} past values; expected at least a season of {season}")
    last = past[len(past) - season :]
    return np.tile(last, (-(-length // season), 1))[:length]


def _nearest(points: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances of each point to the nearest true point, and the other way round."""
    from scipy.spatial import cKDTree

    return cKDTree(truth).query(points)[0], cKDTree(points).query(truth)[0]


@cache
def _rouge_scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
