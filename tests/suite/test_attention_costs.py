"""What mechanisms cost: counted memory and operations are exact, and linear mechanisms pay off."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from suite.attention import Pattern, build, declared
from suite.attention.costs import Cost, efficiency_lengths, flops_of, measure, peak_bytes
from suite.attention.lengths import Crossing

MIB = 2**20
CHEAPER = sorted(
    (name, pattern)
    for name, patterns in declared().items()
    for pattern in patterns
    if name not in ("vanilla", "sdpa", "none")
)


@pytest.fixture(scope="module")
def vanilla() -> dict[Pattern, Cost]:
    whole, causal = (measure("vanilla", pattern, 4096, repeats=1, device="cpu") for pattern in ("NS", "CS"))
    return {pattern: causal if pattern is Pattern.CS else whole for pattern in Pattern}  # cross costs what self does


def test_peak_memory_counts_storages_once_until_they_are_gone() -> None:
    x = torch.zeros(MIB // 4)

    def run() -> torch.Tensor:
        first = x + 1  # 1 MiB
        second = first.view(-1, 2).T  # no storage of its own
        third = second.contiguous()  # 2 MiB in all
        del first, second
        return (third * 2).sum()  # third, its double, and the sum of four bytes

    assert peak_bytes(run) == 2 * MIB + 4
    assert peak_bytes(lambda: x.view(-1, 4)) == 0
    assert peak_bytes(lambda: x.clone()) == MIB


def test_peak_memory_of_a_chain_is_that_of_two_links() -> None:
    x = torch.zeros(MIB // 4)

    def run() -> torch.Tensor:
        y = x
        for _ in range(10):
            y = y + 1
        return y

    assert peak_bytes(run) == 2 * MIB


@pytest.mark.parametrize(
    ("name", "pattern", "mib"),
    [
        ("vanilla", "NS", 16.0),  # scores and weights of two heads
        ("vanilla", "CS", 17.0),  # and the mask
        ("sdpa", "NS", 0.51),  # nothing but the output is seen of the fused kernel
        ("abc", "NS", 0.88),
        ("abc", "CS", 9.63),
        ("local", "NS", 11.16),
    ],
)
def test_peak_memory_at_1024(name: str, pattern: str, mib: float) -> None:
    """These figures or less; explicit scores cost what they must."""
    found = measure(name, pattern, 1024, repeats=1, device="cpu").peak_bytes / MIB
    assert found <= mib + 0.05
    if name in ("vanilla", "sdpa"):
        assert found == pytest.approx(mib, abs=0.05)


def test_peak_memory_repeats_exactly() -> None:
    assert len({measure("abc", "CS", 300, repeats=1).peak_bytes for _ in range(3)}) == 1


@pytest.mark.parametrize(
    ("name", "pattern", "length", "flops"),
    [
        ("vanilla", "NS", 1024, 536_870_912),
        ("sdpa", "NS", 1024, 536_870_912),
        ("sdpa", "CS", 1024, 536_870_912),
        ("abc", "NS", 8192, 167_772_160),
        ("s4d", "NS", 1024, None),
    ],
)
def test_operations_are_counted(name: str, pattern: str, length: int, flops: int | None) -> None:
    assert measure(name, pattern, length, repeats=1).flops == flops


def test_operations_of_nothing_are_none() -> None:
    assert flops_of(lambda: torch.zeros(3) + 1) == 0


@pytest.mark.parametrize(("name", "pattern"), CHEAPER)
def test_at_4096_every_mechanism_beats_explicit_scores_in_time_and_memory(
    vanilla: dict[Pattern, Cost], name: str, pattern: Pattern
) -> None:
    cost, baseline = measure(name, pattern, 4096, repeats=2, device="cpu"), vanilla[pattern]
    assert cost.time_s < baseline.time_s
    assert cost.peak_bytes < baseline.peak_bytes / 8


def test_gradients_are_not_kept() -> None:
    """What a pass for training would keep is not counted."""
    module, x = build("vanilla", 128, 2, "NS", 256), torch.randn(1, 2, 256, 64)
    assert (
        measure("vanilla", "NS", 256, repeats=1).peak_bytes < peak_bytes(lambda: module.attend(x, x, x * 2, None)) + 1
    )


def fake(mechanism: str, length: int, time_s: float, peak: int, spread: float = 0.0) -> Cost:
    low, high = time_s * (1 - spread), time_s * (1 + spread)
    return Cost(mechanism, Pattern.NS, length, "cpu", time_s, low, high, peak, None, None)


def test_efficiency_lengths_are_told_for_both_baselines_and_quantities() -> None:
    lengths = (256, 512, 1024, 2048)
    costs = [fake("vanilla", n, n * n / 1e4, n * n) for n in lengths]
    costs += [fake("sdpa", n, n / 1e3, n) for n in lengths]
    costs += [fake("abc", n, 0.05 * n + 50, 64 * n, spread=0.2) for n in lengths]
    found = {(row.quantity, row.baseline): row for row in efficiency_lengths(costs)}
    time = found["time", "vanilla"]
    assert time.fit == pytest.approx(1000)
    assert time.crossing.length == pytest.approx(1000, rel=0.01)
    assert time.low.length < time.crossing.length + 1
    assert str(found["time", "sdpa"].crossing) == ">2048"
    assert str(found["memory", "vanilla"].crossing) == "<256"
    assert found["memory", "sdpa"].fit is None


def test_too_few_lengths_for_a_crossing_are_an_error() -> None:
    costs = [fake(name, n, 1.0, 1) for name in ("vanilla", "abc") for n in (256, 512)]
    with pytest.raises(ValueError, match="at least three"):
        efficiency_lengths(costs)


def test_lengths_too_short_for_a_fit_leave_the_crossing() -> None:
    costs = [fake("vanilla", n, n * n, n * n) for n in (32, 64, 128)] + [
        fake("abc", n, 50 * n, n) for n in (32, 64, 128)
    ]
    (time, _) = efficiency_lengths(costs)
    assert (time.crossing, time.fit) == (Crossing(pytest.approx(50)), None)


@pytest.mark.slow
def test_the_fused_kernel_needs_as_little_as_is_counted_by_the_operating_system_too() -> None:
    """A fresh process: its resident set grows by tens of MiB at most, where explicit scores take over 1,000."""
    code = """
import resource, torch
from torch.nn import functional as F
torch.set_num_threads(1)
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
q = torch.randn(1, 2, 8192, 64)
with torch.no_grad():
    F.scaled_dot_product_attention(q[:, :, :64], q[:, :, :64], q[:, :, :64])
    before = peak()
    F.scaled_dot_product_attention(q, q, q)
    print(peak() - before)
"""
    grown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert float(grown) < 64
