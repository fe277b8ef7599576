"""The verdict on curves, and what describes them."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from suite.stats import agresti_coull
from suite.trend.slopes import describe
from suite.trend.verdict import DELTA_NATS, DELTA_SHARE, critical_z, decide, paired_stderrs, pooled_stderrs


def _share_verdict(values: list[float], n: int) -> tuple[str, str, tuple[str, ...]]:
    stderrs = pooled_stderrs([agresti_coull(value * n, n)[0] for value in values])
    found = decide(values, stderrs, n=n)
    return found.shape, found.net, found.flags


@pytest.mark.parametrize(
    ("k", "z"),
    [(2, 1.9600), (3, 2.3940), (4, 2.6383), (5, 2.8070), (6, 2.9352), (7, 3.0381), (8, 3.1237), (9, 3.1970)],
)
def test_the_critical_value_covers_all_pairs(k: int, z: float) -> None:
    assert critical_z(k) == pytest.approx(z, abs=5e-5)


@pytest.mark.parametrize(
    ("values", "n", "shape", "net"),
    [
        ([0.40, 0.55, 0.70, 0.85], 300, "standard", "higher"),
        ([0.85, 0.70, 0.55, 0.40], 300, "inverse", "lower"),
        ([0.90, 0.60, 0.50, 0.70], 300, "u_shaped", "lower"),
        ([0.70, 0.50, 0.45, 0.70], 300, "u_shaped", "level"),
        ([0.40, 0.70, 0.75, 0.45], 300, "inverted_u", "level"),
        ([0.40, 0.70, 0.45, 0.75], 300, "mixed", "higher"),
        ([0.50, 0.53, 0.48, 0.51], 300, "flat", "level"),
        ([0.500, 0.515, 0.490, 0.505], 20_000, "flat", "level"),
        ([0.60, 0.52, 0.47, 0.42], 30, "flat", "level"),
        ([0.60, 0.52, 0.47, 0.42], 1000, "inverse", "lower"),
        ([0.7, 0.5], 300, "inverse", "lower"),
        ([0.7, 0.5], 29, "insufficient", "level"),
        ([0.7], 300, "insufficient", "level"),
    ],
    ids=lambda value: f"6.8 {value}",
)
def test_worked_curves(values: list[float], n: int, shape: str, net: str) -> None:
    assert _share_verdict(values, n)[:2] == (shape, net)


def test_the_pairs_that_count_are_named() -> None:
    """Example 8: which falls count of .60 .52 .47 .42 with 1,000 items."""
    values = [0.60, 0.52, 0.47, 0.42]
    found = decide(values, pooled_stderrs([agresti_coull(value * 1000, 1000)[0] for value in values]), n=1000)
    assert found.falls == ((0, 1), (0, 2), (0, 3), (1, 3))
    assert found.rises == ()


def test_two_points_are_flagged_and_so_are_curves_without_errors() -> None:
    assert _share_verdict([0.7, 0.5], 300)[2] == ("two_points",)
    assert decide([1.0, 2.0, 3.0], np.zeros((3, 3)), n=None, delta=DELTA_NATS).flags == ("no_se",)
    low = decide([0.6, 0.5, 0.2], pooled_stderrs([0.02] * 3), n=300, chance=0.5, last_high=0.25)
    assert low.flags == ("below_chance",)


@pytest.mark.parametrize(
    ("value", "n", "stderr"),
    [(0.85, 300, 0.020735), (0.5, 300, 0.028677), (0.4, 300, 0.028113), (0.0, 1000, 0.001407)],
    ids=lambda value: f"6.6 {value}",
)
def test_agresti_coull_errors(value: float, n: int, stderr: float) -> None:
    assert agresti_coull(value * n, n)[0] == pytest.approx(stderr, abs=5e-7)


def test_paired_errors_and_slope_of_the_worked_items() -> None:
    """Example 7: 200 items, three models."""
    i = np.arange(200)
    items = np.stack([i % 10 < 8, i % 10 < 6, ((i % 10 < 5) | (i % 10 == 9)) & (i % 4 != 3)]).astype(float)
    assert items.mean(axis=1) == pytest.approx([0.80, 0.60, 0.45])
    stderrs = paired_stderrs(items)
    assert stderrs[0, 1] == pytest.approx(0.028473, abs=5e-7)
    assert -0.20 / stderrs[0, 1] == pytest.approx(-7.0243, abs=5e-4)
    assert stderrs[0, 2] == pytest.approx(0.040444, abs=5e-7)
    assert stderrs[1, 2] == pytest.approx(0.033774, abs=5e-7)
    assert -0.15 / stderrs[1, 2] == pytest.approx(-4.4413, abs=5e-4)
    found = describe([8, 9, 10], items.mean(axis=1).tolist(), [None] * 3, items)
    assert found is not None
    assert found.slope == pytest.approx(-0.175)
    assert (found.items_low, found.items_high) == pytest.approx((-0.215, -0.135), abs=0.003)


def test_items_in_clusters_are_not_taken_for_independent() -> None:
    rng = np.random.default_rng(0)
    whole = rng.integers(0, 2, (2, 20)).repeat(10, axis=1).astype(float)
    clusters = np.arange(20).repeat(10).tolist()
    assert paired_stderrs(whole, clusters)[0, 1] > 2 * paired_stderrs(whole)[0, 1]


def _curves(folder: Path) -> dict[tuple[str, str], list[dict[str, str]]]:
    found: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    with (folder / "reference_curves.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["metric"] != "mean_sequence_prob":  # drawn beside the loss; the verdicts are on the loss
                found[row["task"], row["family"]].append(row)
    return found


def test_all_published_curves_have_the_recorded_verdicts(public_data: Path) -> None:
    """Example 10: 110 curves, verdict and net exactly, slopes to 1e-4."""
    curves = _curves(public_data / "inverse_scaling")
    with (public_data / "inverse_scaling" / "reference_verdicts.csv").open(encoding="utf-8") as lines:
        expected = list(csv.DictReader(lines))
    assert len(expected) == 110
    wrong = []
    for row in expected:
        points = sorted(curves[row["task"], row["family"]], key=lambda point: float(point["params"]))
        is_share = points[0]["metric"] == "accuracy"
        sign = 1.0 if is_share else -1.0
        values = [sign * float(point["value"]) for point in points]
        stderrs: list[float | None] = [
            agresti_coull(float(point["value"]) * int(point["n_items"]), int(point["n_items"]))[0] if is_share else None
            for point in points
        ]
        delta = DELTA_SHARE if is_share else DELTA_NATS
        found = decide(values, pooled_stderrs(stderrs), n=int(points[0]["n_items"]), delta=delta)
        measured: dict[str, object] = {"verdict": found.shape, "net": found.net}
        if {name: row[name] for name in measured} != measured or len(points) != int(row["k_models"]):
            wrong.append((row["task"], row["family"], measured, row["verdict"], row["net"]))
        for scale in ("train_flops", "params"):
            described = describe([math.log10(float(point[scale])) for point in points], values, stderrs)
            assert described is not None
            name = f"ols_slope_per_decade_{'flops' if scale == 'train_flops' else 'params'}"
            if abs(described.slope - float(row[name])) > 1e-4:
                wrong.append((row["task"], row["family"], name, described.slope, row[name]))
        assert described.tau == pytest.approx(float(row["kendall_tau_b"]), abs=1e-4)
        assert found.max_drop == pytest.approx(float(row["max_drop"]), abs=1e-5)
        assert found.max_gain == pytest.approx(float(row["max_gain"]), abs=1e-5)
    assert wrong == []


@pytest.mark.parametrize(
    ("task", "family", "scale", "slope"),
    [
        ("memo-trap", "gpt-2", "train_flops", -0.20806),
        ("memo-trap", "gpt-2", "params", -0.20801),
        ("memo-trap", "gpt-3", "train_flops", -0.10795),
        ("memo-trap", "gpt-3", "params", -0.10758),
        ("memo-trap", "gopher", "params", -0.14284),
        ("memo-trap", "palm", "train_flops", -0.04451),
        ("hindsight-neglect", "palm", "params", 0.16593),
        ("memo-trap", "gopher", "train_flops", -0.15258),
        ("memo-trap", "palm", "params", -0.04966),
        ("hindsight-neglect", "palm", "train_flops", 0.08206),
    ],
)
def test_published_slopes(task: str, family: str, scale: str, slope: float, public_data: Path) -> None:
    points = sorted(_curves(public_data / "inverse_scaling")[task, family], key=lambda point: float(point["params"]))
    values = [float(point["value"]) for point in points]
    stderrs: list[float | None] = [
        agresti_coull(value * int(p["n_items"]), int(p["n_items"]))[0] for value, p in zip(values, points, strict=True)
    ]
    found = describe([math.log10(float(point[scale])) for point in points], values, stderrs)
    assert found is not None
    assert found.slope == pytest.approx(slope, abs=1e-5)
    if (task, family) == ("memo-trap", "gpt-3"):
        flops = describe([math.log10(float(point["train_flops"])) for point in points], values, stderrs)
        assert flops is not None
        assert (flops.models_low, flops.models_high) == pytest.approx((-0.19873, -0.01717), abs=1e-5)
        assert flops.weighted == pytest.approx(-0.10690, abs=1e-5)
        assert flops.chi2 == pytest.approx(14.3, abs=0.05)


@pytest.mark.parametrize(
    ("task", "family", "tau"), [("memo-trap", "palm", -1 / 3), ("into-the-unknown", "gopher", -0.6)]
)
def test_published_rank_correlations(task: str, family: str, tau: float, public_data: Path) -> None:
    """Example 9."""
    points = sorted(_curves(public_data / "inverse_scaling")[task, family], key=lambda point: float(point["params"]))
    x, values = [math.log10(float(p["params"])) for p in points], [float(p["value"]) for p in points]
    found = describe(x, values, [None] * len(points))
    assert found is not None
    assert found.tau == pytest.approx(tau, abs=1e-4)


def test_a_rising_slope_may_be_u_shaped(public_data: Path) -> None:
    """Hindsight-neglect on PaLM; the scatter about the line is far beyond sampling error."""
    points = _curves(public_data / "inverse_scaling")["hindsight-neglect", "palm"]
    points = sorted(points, key=lambda point: float(point["params"]))
    values = [float(point["value"]) for point in points]
    stderrs: list[float | None] = [agresti_coull(value * 315, 315)[0] for value in values]
    found = decide(values, pooled_stderrs(stderrs), n=315)
    assert (found.shape, found.net) == ("u_shaped", "higher")
    described = describe([math.log10(float(point["train_flops"])) for point in points], values, stderrs)
    assert described is not None
    assert described.slope > 0
    assert described.chi2 == pytest.approx(356, abs=0.5)


def test_reasoning_has_a_point_at_zero_that_the_slope_leaves_out() -> None:
    """Example 13: zero reasoning enters the verdict, not the slope."""
    tokens, accuracy = [0, 812, 1530, 2890, 5210], [0.92, 0.90, 0.84, 0.80, 0.74]
    stderrs: list[float | None] = [agresti_coull(value * 250, 250)[0] for value in accuracy]
    found = decide(accuracy, pooled_stderrs(stderrs), n=250, delta=DELTA_SHARE)
    assert (found.shape, found.net) == ("inverse", "lower")
    kept = [(math.log10(x), value) for x, value in zip(tokens, accuracy, strict=True) if x > 0]
    described = describe([x for x, _ in kept], [value for _, value in kept], stderrs[1:])
    assert described is not None
    assert described.slope == pytest.approx(-0.192554, abs=1e-6)
    with_zero = describe([math.log1p(x) for x in tokens], accuracy, stderrs)
    assert with_zero is not None
    assert with_zero.slope == pytest.approx(-0.015887, abs=1e-6)
