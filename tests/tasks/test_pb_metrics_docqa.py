"""Curves over the place of gold, premises by tau, and the tests and debiasing that they share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pb_samples import curve_item, one, sample

from suite.stats import bootstrap_columns, mcnemar_exact, sign_flip_test, wilson
from suite.task import Sample
from tasks.position_bias.metrics import metrics
from tasks.position_bias.metrics_docqa import quadratic, shapes
from tasks.position_bias.position_tests import cochran_q
from tasks.position_bias.pride import cost, cyclic_average, debiased, pride, slot_prior


@pytest.fixture(autouse=True, scope="module")
def few_resamples() -> Iterator[None]:
    """Values do not depend on the number of resamples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.position_bias.metric_cells.RESAMPLES", 300)
        yield


SLOTS = (0, 4, 9, 14, 19)
CURVES = {
    "gpt-3.5": (
        [75.8, 57.2, 53.8, 55.4, 63.2],
        {"primacy": 20.333, "recency": 7.733, "dip_mean": 14.033, "dip_min": 15.7, "range": 22.0, "asym": 12.6},
    ),
    "longchat": (
        [68.6, 57.4, 55.3, 52.5, 55.0],
        {"primacy": 13.533, "recency": -0.067, "dip_mean": 6.733, "dip_min": 9.3, "range": 16.1, "asym": 13.6},
    ),
}


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        pytest.param(model, name, value, id=f"6.4-{model}-{name}")
        for model, (_, wanted) in CURVES.items()
        for name, value in wanted.items()
    ],
)
def test_shape_of_published_curves(model: str, name: str, value: float) -> None:
    assert shapes(CURVES[model][0], SLOTS, 20)[name] == pytest.approx(value, abs=5e-4)


def test_quadratic_of_a_published_curve_6_4() -> None:
    curve = CURVES["gpt-3.5"][0]
    assert quadratic(curve, SLOTS, 20) == pytest.approx([52.3535, -9.8102, 66.9051], abs=1e-4)
    assert shapes(curve, SLOTS, 20)["curvature"] == pytest.approx(66.9051, abs=1e-4)


def test_two_places_have_no_shape_4_3() -> None:
    assert all(math.isnan(value) for value in shapes([0.5, 0.7], (0, 9), 10).values())


def test_a_curve_of_samples_has_its_terms_with_intervals() -> None:
    right = {0: 1, 4: 0, 9: 1}
    rows = [row for i in range(40) for row in curve_item(f"i{i}", right if i % 2 else dict.fromkeys(right, 1), 10)]
    found = metrics(rows)
    dip = one(found, "dip_mean")
    assert dip.value == 0.5 and dip.ci_low is not None and 0.3 < dip.ci_low < 0.5
    assert one(found, "accuracy_at", gold_slot=4).value == 0.5
    p = one(found, "position_p").value
    assert p is not None and p < 0.001


def test_places_below_closed_book_are_flagged_4_3() -> None:
    rows = [row for i in range(40) for row in curve_item(f"i{i}", {0: 1, 4: 0, 9: 1}, 10)]
    for i in range(40):
        keys = {"family": "docqa", "source": "docqa_synth", "label_mode": "none", "arm": "closed_book", "order": ""}
        scores = {"correct": float(i % 2), "invalid": 0.0}
        rows.append(sample(f"i{i}", scores, {**keys, "gold_slot": None, "k": 0, "variant": "plain"}))
    found = [m for m in metrics(rows) if m.name == "accuracy_at"]
    assert [m.condition["gold_slot"] for m in found if "below_closed_book" in m.note] == [4]


TAUS = (1.0, 0.5, 0.0)


def proof(doc_id: str, right: tuple[int, ...], answers: tuple[str | None, ...] = ("1", "1", "2")) -> list[Sample]:
    keys = {"family": "premise", "source": "premise_synth", "subset": "chain", "label_mode": "none", "order": "0-1-2"}
    return [
        sample(
            doc_id,
            {"correct": float(value), "invalid": 0.0, "answer": answer},
            {**keys, "arm": f"tau{tau:g}", "gold_slot": None, "tau": tau, "actual_tau": tau - 0.01},
        )
        for tau, value, answer in zip(TAUS, right, answers, strict=True)
    ]


def test_drops_are_paired_with_the_order_of_the_proof_4_4() -> None:
    rows = [row for i in range(6) for row in proof(f"a{i}", (1, 1, 0))]
    rows += [row for i in range(4) for row in proof(f"b{i}", (0, 0, 0))]
    found = metrics(rows)
    assert [one(found, "accuracy_at", tau=tau).value for tau in TAUS] == [0.6, 0.6, 0]
    assert one(found, "drop", tau=0.0).value == 0.6 and one(found, "drop", tau=0.5).value == 0
    assert one(found, "drop_p", tau=0.0).value == mcnemar_exact(6, 0) == 2 / 64
    assert "Holm over 2 orders: 0.0625" in one(found, "drop_p", tau=0.0).note
    assert one(found, "answer_agreement").value == pytest.approx(1 / 3)
    assert one(found, "tau_slope").value == pytest.approx(0.6)  # of (0, 0.6, 0.6) on tau


def test_an_answer_that_cannot_be_read_agrees_with_none() -> None:
    found = metrics(proof("a", (0, 0, 0), (None, None, "2")))
    assert one(found, "answer_agreement").value == 0


def test_a_premise_that_moves_through_all_places_has_a_curve_4_4() -> None:
    rows = [
        row
        for i in range(5)
        for row in curve_item(f"i{i}", {0: 1, 1: 0, 2: 1}, 3, family="premise", arm="condition_sweep", source="p")
    ]
    found = metrics(rows)
    assert one(found, "dip_mean").value == 1 and one(found, "accuracy_at", gold_slot=1).value == 0


def test_wilson_6_9() -> None:
    assert wilson(50, 80) == pytest.approx((0.515487, 0.723058), abs=1e-6)


def test_paired_bootstrap_and_tests_6_9() -> None:
    first, second = [1] * 12 + [0] * 8, [1] * 8 + [0] * 4 + [1] * 2 + [0] * 6
    differences = np.array([[a - b] for a, b in zip(first, second, strict=True)], dtype=float)
    found = bootstrap_columns(differences, {"gain": lambda means: means[..., 0]}, resamples=10_000)["gain"]
    assert (found.value, found.ci_low, found.ci_high) == pytest.approx((0.10, -0.15, 0.35))
    assert mcnemar_exact(4, 2) == 0.6875
    assert sign_flip_test([d for d in differences[:, 0] if d], two_sided=True) == 0.6875


def test_statistics_that_most_resamples_lack_have_no_interval() -> None:
    rows = np.array([[1.0, 1.0], *[[0.0, 0.0]] * 9])
    found = bootstrap_columns(rows, {"ratio": lambda m: m[..., 0] / m[..., 1]}, resamples=500)["ratio"]
    assert found.value == 1 and found.ci_low is None and 100 < found.dropped < 250  # 0.9^10 = 35 % of 500


def test_cochran_q_6_1() -> None:
    found = cochran_q([[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 1, 0]])
    assert found is not None and found.is_exact
    assert (found.q, found.p, found.p_chi_square) == pytest.approx((4.0, 0.75, 0.26146), abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(0, 1), min_size=3, max_size=3), min_size=1, max_size=4))
def test_the_exact_p_is_that_of_all_permutations(table: list[list[int]]) -> None:
    from itertools import permutations

    found = cochran_q(table)
    if found is None:
        assert all(len(set(row)) == 1 for row in table)
        return

    def spread(rows: tuple[tuple[int, ...], ...]) -> int:
        return sum(sum(column) ** 2 for column in zip(*rows, strict=True))

    arrangements = list(product(*(list(permutations(row)) for row in table)))
    hits = sum(spread(rows) >= spread(tuple(map(tuple, table))) for rows in arrangements)
    assert found.p == pytest.approx(hits / len(arrangements))


def test_many_items_are_permuted_by_draws_and_agree_with_chi_square() -> None:
    rng = np.random.default_rng(1)
    table = (rng.random((150, 4)) < [0.6, 0.5, 0.5, 0.45]).astype(int).tolist()
    found = cochran_q(table)
    assert found is not None and not found.is_exact
    assert found.p == pytest.approx(found.p_chi_square, abs=0.02)
    assert found == cochran_q(table)


PRIOR, CONTENT = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.1, 0.2, 0.6, 0.1])


def shifts(prior: np.ndarray, content: np.ndarray) -> np.ndarray:
    """(1, n, n) rows proportional to prior of the slot times the content in it."""
    n = len(prior)
    rows = np.array([[[prior[j] * content[(j + s) % n] for j in range(n)] for s in range(n)]])
    return np.asarray(rows / rows.sum(axis=2, keepdims=True))


def test_pride_recovers_the_prior_6_2() -> None:
    rows = shifts(PRIOR, CONTENT)
    assert rows[0, 0] == pytest.approx([0.173913, 0.260870, 0.521739, 0.043478], abs=1e-6)
    prior = slot_prior(rows)
    assert prior == pytest.approx(PRIOR, abs=1e-8)
    assert debiased(rows[:, 0], prior)[0] == pytest.approx(CONTENT, abs=1e-8)
    assert cyclic_average(rows)[0] == pytest.approx([0.112346, 0.209135, 0.567391, 0.111128], abs=1e-6)


def test_dividing_the_prior_out_flips_an_answer_6_2() -> None:
    prior, content = np.array([0.7, 0.1, 0.1, 0.1]), np.array([0.2, 0.5, 0.2, 0.1])
    row = shifts(prior, content)[:, 0]
    assert row[0] == pytest.approx([0.636364, 0.227273, 0.090909, 0.045455], abs=1e-6)
    assert (row.argmax(), debiased(row, prior).argmax()) == (0, 1)


def test_cost_of_the_released_results_6_2() -> None:
    assert math.floor(0.05 * 13592) == 679
    assert cost(13592, 4, 0.05) == 1.1498675691583284


def test_pride_without_an_item_to_estimate_on_is_an_error_8() -> None:
    rows = np.concatenate([shifts(PRIOR, CONTENT)] * 19)
    with pytest.raises(ValueError, match=r"at least 20 items for alpha 0\.05, not 19: K would be 0"):
        pride(rows)


def test_pride_draws_its_items_by_seed() -> None:
    rows = np.concatenate([shifts(PRIOR, CONTENT)] * 60)
    found = pride(rows, seed=3)
    assert found == pride(rows, seed=3) and found.estimated != pride(rows, seed=4).estimated
    assert len(found.estimated) == 3 and found.chosen == (2,) * 60
    assert found.cost == pytest.approx(1.15)
