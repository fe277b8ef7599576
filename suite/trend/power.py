"""How many items a verdict needs: the share of curves of each shape that would be called right, by simulation.

Before a run, since too few items make every curve flat. Independent items, straight falls and U shapes about one half,
a fixed seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

DRAWS = 1000
SIZES = (30, 100, 300, 1000)
SCALES = (3, 4, 5)


def power_table(sizes: Sequence[int] = SIZES, scales: Sequence[int] = SCALES, seed: int = 0) -> list[dict[str, Any]]:
    """One row a number of items and scales: share of curves called other than flat (truth flat), inverse (truth a
    straight fall of .10, of .20), and U-shaped (truth a U of depth .20)."""
    return [
        {
            "items": n,
            "scales": k,
            "false alarm": _share([0.5] * k, n, None, seed),
            "fall of .10 found": _share(_fall(k, 0.10), n, "inverse", seed),
            "fall of .20 found": _share(_fall(k, 0.20), n, "inverse", seed),
            "U of .20 found": _share(_valley(k, 0.20), n, "u_shaped", seed),
        }
        for n in sizes
        for k in scales
    ]


def _share(truth: Sequence[float], n: int, shape: str | None, seed: int) -> float:
    import numpy as np

    from suite.stats import agresti_coull
    from suite.trend.verdict import decide, pooled_stderrs

    rng = np.random.default_rng(seed)
    counts = rng.binomial(n, np.asarray(truth), size=(DRAWS, len(truth)))
    hits = 0
    for row in counts.tolist():
        found = decide([count / n for count in row], pooled_stderrs([agresti_coull(c, n)[0] for c in row]), n=n).shape
        hits += found != "flat" if shape is None else found == shape
    return hits / DRAWS


def _fall(k: int, depth: float) -> list[float]:
    return [0.5 + depth / 2 - depth * at / (k - 1) for at in range(k)]


def _valley(k: int, depth: float) -> list[float]:
    middle = (k - 1) / 2
    return [0.5 - depth * (1 - abs(at - middle) / middle) for at in range(k)]
