"""How much cheaper than softmax attention each mechanism is, and from which length on.

    python benchmarks/attention.py                    ratios at 4,096; about a minute on one core
    python benchmarks/attention.py --train            forward and backward, batch 16, length 128, width 64
    python benchmarks/attention.py --lengths          crossings over 128..8,192, time and memory; about five minutes

Forward without gradients: one sequence, 2 heads of 64, one thread, process time, median of three runs; memory is the
peak of live tensors. Settings: window 128, 64 features, 16 slots or states, 32 landmarks. Ratios above 1 are gains;
`vanilla` has explicit scores, `sdpa` is torch's fused kernel, of whose inside no memory is seen. Target: above 1
against vanilla in time and memory for every mechanism and pattern at 4,096.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator

import torch

from suite.attention import Pattern, build, declared
from suite.attention.costs import BASELINES, LENGTHS, efficiency_lengths, measure
from suite.console import cell, print_table


def pairs() -> Iterator[tuple[Pattern, str]]:
    """Every pattern and mechanism, baselines first."""
    for pattern in Pattern:
        able = [name for name, patterns in declared().items() if pattern in patterns and name != "none"]
        for name in sorted(able, key=lambda name: (name not in BASELINES, name != "vanilla", name)):
            yield pattern, name


def ratios(length: int) -> list[dict[str, object]]:
    """One row a mechanism and pattern: cost, and gains against both baselines."""
    costs = {(pattern, name): measure(name, pattern, length) for pattern, name in pairs()}
    rows: list[dict[str, object]] = []
    for (pattern, name), cost in costs.items():
        vanilla, fused = (costs[pattern, baseline] for baseline in BASELINES)
        rows.append(
            {
                "pattern": pattern,
                "mechanism": name,
                "ms": 1e3 * cost.time_s,
                "MiB": cost.peak_bytes / 2**20,
                "time, vanilla": vanilla.time_s / cost.time_s,
                "time, sdpa": fused.time_s / cost.time_s,
                "memory, vanilla": vanilla.peak_bytes / cost.peak_bytes,
            }
        )
    return rows


def training(batch: int = 16, length: int = 128, dim: int = 64, heads: int = 4) -> list[dict[str, object]]:
    """One row a mechanism and pattern: milliseconds of a forward and backward pass, projections included."""
    rows = []
    for pattern, name in pairs():
        torch.manual_seed(0)
        module, x = build(name, dim, heads, pattern, length), torch.randn(batch, length, dim)
        seconds = []
        for _ in range(4):
            start = time.process_time()
            module(x, x if pattern.is_cross else None).sum().backward()
            seconds.append(time.process_time() - start)
        rows.append({"pattern": pattern, "mechanism": name, "ms": 1e3 * statistics.median(seconds[1:])})
    return rows


def crossings() -> list[dict[str, object]]:
    """One row a mechanism and pattern: the length from which it is cheaper, CAB's fit in brackets."""
    costs = [measure(name, pattern, length) for pattern, name in pairs() for length in LENGTHS]
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for found in efficiency_lengths(costs):
        row = rows.setdefault(
            (found.pattern, found.mechanism), {"pattern": found.pattern, "mechanism": found.mechanism}
        )
        fit = "none" if found.fit is None else cell(round(found.fit))
        row[f"{found.quantity}, {found.baseline}"] = f"{found.crossing} [{fit}]"
    return list(rows.values())


def main() -> None:
    """Prints one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=4096)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--lengths", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = training() if given.train else crossings() if given.lengths else ratios(given.length)
    print_table(rows, list(rows[0]))
    if not given.train and not given.lengths:
        for column in ("time, vanilla", "memory, vanilla"):
            least = min(
                (row for row in rows if row["mechanism"] not in BASELINES), key=lambda row: float(str(row[column]))
            )
            print(f"least gain in {column}: {least['mechanism']} {least['pattern']}, {cell(least[column])}")


if __name__ == "__main__":
    main()
