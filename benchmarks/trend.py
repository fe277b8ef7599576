"""Verdicts a second: 10,000 curves of random shares, three to nine scales each, with their slopes.

python benchmarks/trend.py [CURVES]
"""

from __future__ import annotations

import sys
import time

TARGET_SECONDS = 10.0  # for 10,000 curves


def main() -> None:
    """Prints seconds of verdicts alone, and with slopes."""
    import numpy as np

    from suite.stats import agresti_coull
    from suite.trend.slopes import describe
    from suite.trend.verdict import decide, pooled_stderrs

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rng = np.random.default_rng(0)
    curves = [rng.random(rng.integers(3, 10)).round(3).tolist() for _ in range(count)]
    errors = [[agresti_coull(300 * value, 300)[0] for value in curve] for curve in curves]
    start = time.process_time()
    for curve, own in zip(curves, errors, strict=True):
        decide(curve, pooled_stderrs(own), n=300)
    verdicts = time.process_time() - start
    for curve, own in zip(curves, errors, strict=True):
        describe(list(range(len(curve))), curve, list(own))
    both = time.process_time() - start
    print(
        f"{count:,} verdicts: {verdicts:.2f} s (target {TARGET_SECONDS * count / 10_000:g} s); with slopes {both:.2f} s"
    )


if __name__ == "__main__":
    main()
