"""The index, its uncertainty, the published formula and rankings, from labels alone."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.hilt.hvi import ORIENTATIONS, Labelled, count, hvi
from tasks.hilt.literal import ErrorCounts, damped, literal, scaled
from tasks.hilt.ranking import rank

HALVES = ("FM", "SL")


def labels_of(units: tuple[int, int], errors: tuple[int, int, int, int], clusters: int = 20) -> list[Labelled]:
    """Units of both orientations, of which (IFM, EFM, ISL, ESL) are hallucinated."""
    found = []
    for orientation, total, (intrinsic, extrinsic) in zip(ORIENTATIONS, units, (errors[:2], errors[2:]), strict=True):
        for number in range(total):
            split: Any = "intrinsic" if number < intrinsic else "extrinsic" if number < intrinsic + extrinsic else None
            verdict: Any = "hallucinated" if split else "supported"
            found.append(Labelled(orientation, f"c{number % clusters}", verdict, split))
    return found


CASES = {
    "mixed": ((500, 500), (60, 90, 40, 110), (20, 25, 30), 18.0100, 13.3667),
    "zero": ((500, 500), (0, 0, 0, 0), (0, 0, 0), 0, 0),
    "all-extrinsic": ((500, 500), (0, 500, 0, 500), (100, 100, 100), 25, 25),
    "all-intrinsic": ((500, 500), (500, 0, 500, 0), (0, 50, 100), 100, 100),
    "FM-only": ((500, 500), (0, 500, 0, 0), (50, 50, 50), 25, 25),
    "20%-intrinsic": ((500, 500), (100, 0, 100, 0), (0, 10, 20), 20, 20),
    "20%-extrinsic": ((500, 500), (0, 100, 0, 100), (20, 20, 20), 9, 5),
    "non-monotone-1": ((500, 500), (100, 400, 200, 100), (50, 65, 80), 43.5, 40.625),
    "non-monotone-2": ((500, 500), (100, 400, 200, 300), (70, 85, 100), 42.5, 42.5),
    "unbalanced": ((800, 200), (40, 80, 10, 60), (20, 22.5, 25), 11.17, 7.6316),
    "tiny": ((3, 2), (0, 1, 1, 0), (16.6667, 29.1667, 41.6667), 28, 25),
}


@pytest.mark.parametrize("case", CASES, ids=lambda name: f"6.1-{name}")
def test_index_from_counts(case: str) -> None:
    units, errors, expected, of_units, of_errors = CASES[case]
    labels = labels_of(units, errors)
    found = [hvi(labels, weight).value for weight in (0.0, 0.5, 1.0)]
    assert found == pytest.approx(expected, abs=1e-4)
    counts = ErrorCounts.of(count(labels))
    assert counts == ErrorCounts(sum(units), *errors)
    assert literal(counts) == pytest.approx(of_units, abs=1e-4)
    assert literal(counts, "hallucinated") == pytest.approx(of_errors, abs=1e-4)


def test_two_passes_of_the_published_formula() -> None:
    errors = {"m1": (20, 30, 15, 25), "m2": (60, 90, 40, 110), "m3": (80, 160, 60, 190)}
    models = {name: ErrorCounts(1000, *counts) for name, counts in errors.items()}
    assert [literal(one) for one in models.values()] == pytest.approx([6.07875, 18.01, 26.01])
    found = damped(models)
    assert [one.rank for one in found.values()] == [1, 2, 3]
    assert [one.d1 for one in found.values()] == pytest.approx([0.248891, 0.330786, 0.412680], abs=1e-6)
    assert [one.d2 for one in found.values()] == pytest.approx([0.085101, 0.003206, -0.078689], abs=1e-6)
    assert [one.value for one in found.values()] == pytest.approx([7.1020, 21.5137, 31.6389], abs=1e-4)
    assert scaled([one.value for one in found.values()]) == pytest.approx([0, 58.7348, 100], abs=1e-4)
    assert damped({"alone": models["m1"]}) == {}
    assert scaled([3.0, 3.0]) == [0, 0]


@pytest.fixture(scope="module")
def example(public_data: Path) -> tuple[dict[str, list[Labelled]], dict[str, Any]]:
    folder = public_data / "hilt_hvi"
    models: dict[str, list[Labelled]] = {}
    with (folder / "labels_example.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            verdict, split = row["verdict"], row["split"] or None
            label = Labelled(row["orientation"], row["dossier"], verdict, split, row["category"])  # type: ignore[arg-type]
            models.setdefault(row["model"], []).append(label)
    return models, json.loads((folder / "expected.json").read_text())


@pytest.mark.parametrize("model", ["alpha", "beta", "zero", "full"], ids=lambda name: f"6.3-{name}")
def test_example_labels_give_the_expected_figures(
    example: tuple[dict[str, list[Labelled]], dict[str, Any]], model: str
) -> None:
    labels, expected = example[0][model], example[1][model]
    counts = count(labels)
    index = hvi(labels)
    assert index.value == pytest.approx(expected["hvi"], abs=1e-6)
    assert index.stderr == pytest.approx(expected["se_cluster"], abs=1e-6)
    assert index.rates["FM"] == pytest.approx(expected["rate_FM"], abs=1e-6)
    assert index.rates["SL"] == pytest.approx(expected["rate_SL"], abs=1e-6)
    assert index.note == "few clusters (6)"
    assert hvi(labels, 0.0).value == pytest.approx(expected["hvi_w0"], abs=1e-6)
    assert hvi(labels, 1.0).value == pytest.approx(expected["hvi_w1"], abs=1e-6)
    assert hvi(labels, denominator="all").value == pytest.approx(expected["hvi_den_all"], abs=1e-6)
    assert hvi(labels, denominator="attempted").value == pytest.approx(expected["hvi_den_attempted"], abs=1e-6)
    errors = ErrorCounts.of(counts)
    assert literal(errors) == pytest.approx(expected["hvi_literal"], abs=1e-6)
    assert literal(errors, "hallucinated") == pytest.approx(expected["hvi_literal_shareN"], abs=1e-6)
    totals = counts.rows.sum(axis=0)
    parts = {name: float(counts.index(0.5, kind=f"/cat/{name}")(totals)) for name in expected["hvi_by_category"]}
    assert parts == pytest.approx(expected["hvi_by_category"], abs=1e-6)
    assert sum(parts.values()) == pytest.approx(index.value)


def test_bootstrap_interval_is_near_the_reference(
    example: tuple[dict[str, list[Labelled]], dict[str, Any]],
) -> None:  # 4,000 draws there, 2,000 here
    index = hvi(example[0]["alpha"])
    assert index.ci_low is not None and index.ci_high is not None
    low, high = example[1]["alpha"]["boot_ci95_reference"]
    width = high - low
    assert abs(index.ci_low - low) < 0.1 * width
    assert abs(index.ci_high - high) < 0.1 * width


def test_an_index_of_0_or_100_has_conservative_bounds(
    example: tuple[dict[str, list[Labelled]], dict[str, Any]],
) -> None:
    zero, full = hvi(example[0]["zero"]), hvi(example[0]["full"])
    assert (zero.ci_low, zero.ci_high) == (0, pytest.approx(2.5984, abs=1e-4))
    assert (full.ci_low, full.ci_high) == (pytest.approx(97.4016, abs=1e-4), 100)


def test_ranking_of_the_example(example: tuple[dict[str, list[Labelled]], dict[str, Any]]) -> None:
    models, expected = example
    ranking = rank(models)
    assert [(row.model, row.rank) for row in ranking.rows] == [("zero", 1), ("alpha", 2), ("beta", 3), ("full", 4)]
    assert [(row.rank_low, row.rank_high) for row in ranking.rows] == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert ranking.rows[0].best == 1
    pair = next(one for one in ranking.differences if (one.first, one.second) == ("alpha", "beta"))
    assert pair.value == pytest.approx(expected["paired_beta_minus_alpha"]["diff"], abs=1e-6)
    assert pair.stderr == pytest.approx(expected["paired_beta_minus_alpha"]["se_paired"], abs=1e-6)
    assert pair.p is not None and pair.p < 1e-3
    two_pass = expected["literal_two_pass"]["models"]
    found = damped({name: ErrorCounts.of(count(labels)) for name, labels in models.items()})
    for name, one in found.items():
        assert one.value == pytest.approx(two_pass[name]["hvi_literal_damped"], abs=1e-6)
        assert one.rank == two_pass[name]["rank"]


def test_equal_models_share_a_rank_and_are_not_told_apart() -> None:
    labels = labels_of((100, 100), (5, 5, 5, 5))
    ranking = rank({"a": labels, "b": labels, "c": labels_of((100, 100), (40, 20, 40, 20))})
    assert [row.rank for row in ranking.rows] == [1, 1, 3]
    assert [row.best for row in ranking.rows] == [1, 1, 0]
    assert next(one for one in ranking.differences if (one.first, one.second) == ("a", "b")).p is None


def test_models_of_different_items_are_not_ranked_together() -> None:
    with pytest.raises(ValueError, match="different items"):
        rank({"a": labels_of((40, 40), (1, 1, 1, 1)), "b": labels_of((40, 40), (1, 1, 1, 1), clusters=10)})


def test_a_missing_orientation_leaves_the_rate_of_the_other() -> None:
    labels = labels_of((100, 0), (10, 10, 0, 0))
    index = hvi(labels)
    assert (index.value, index.ci_low, index.stderr) == (None, None, None)
    assert index.note == "no responsive unit in SL"
    assert index.rates == {"FM": pytest.approx(0.15), "SL": None}
    silent = [Labelled(orientation, "c", "no_claim") for orientation in HALVES]
    assert hvi(silent).note == "no responsive unit in FM and SL"
    assert hvi([]).value is None
    ranking = rank({"silent": silent})
    assert not ranking.rows
    assert ranking.unranked[0][0] == "silent"


def test_a_single_cluster_has_no_interval() -> None:
    index = hvi(labels_of((10, 10), (1, 1, 1, 1), clusters=1))
    assert index.value == pytest.approx(15)
    assert (index.stderr, index.ci_low, index.ci_high) == (None, None, None)


@pytest.mark.parametrize("bad", [{"weight": 1.1}, {"weight": -0.1}, {"resamples": 99}])
def test_bad_weights_and_few_resamples_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"between 0 and 1|at least 100"):
        hvi(labels_of((10, 10), (1, 1, 1, 1)), **bad)
    with pytest.raises(ValueError, match=r"between 0 and 1|at least 100"):
        rank({"a": labels_of((10, 10), (1, 1, 1, 1))}, **bad)


def test_an_unknown_orientation_is_refused() -> None:
    with pytest.raises(ValueError, match="FM or SL"):
        hvi([Labelled("XX", "c", "supported")])


COUNTS = st.tuples(*[st.integers(0, 20)] * 4)


@given(COUNTS, st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 3))
def test_the_index_never_falls_when_an_error_is_added(
    errors: tuple[int, int, int, int], weight: float, which: int
) -> None:
    more: Any = tuple(number + (place == which) for place, number in enumerate(errors))
    before, after = (hvi(labels_of((50, 50), chosen), weight, resamples=100).value for chosen in (errors, more))
    assert before is not None and after is not None
    assert 0 <= before <= after + 1e-9 <= 100 + 1e-8


def test_severity_and_category_weights() -> None:
    labels = [
        Labelled("FM", "a", "hallucinated", "extrinsic", "NN", "mild"),
        Labelled("SL", "a", "hallucinated", "extrinsic", "TW", "alarming"),
    ]
    counts = count(labels)
    totals = counts.rows.sum(axis=0)
    assert counts.index(0.5, kind="/severity")(totals) == pytest.approx(50 * (1 / 3 + 1))
    assert counts.index(0.5, kind="/cat/NN")(totals) == pytest.approx(50)
