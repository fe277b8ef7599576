"""Figures of set reasoning from samples: intervals, gaps, expected products, shortcuts, consistency, verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from suite.task import Metric, Sample
from tasks.set_reasoning.fact_metrics import fact_metrics
from tasks.set_reasoning.metrics import set_metrics

_NUMBER = count()


def _samples(form: str, right: int, n: int, scores: dict[str, float | None] | None = None, **more: Any) -> list[Sample]:
    """`n` samples of a form, the first `right` of them right."""
    condition = {"variant": "direct", "notation": "symbol", "shots": 0, "form": form, "U": 6, "overlap": "uniform"}
    made = []
    for at in range(n):
        key, em = f"d{next(_NUMBER)}", float(at < right)
        all_scores = {"em": em, "positives": 2 / 9, "parse_failure": 0.0, **(scores or {})}
        where = {**condition, "vocab": "animals", **more}
        made.append(Sample(key, key, "generate", where, key, all_scores, "correct" if em else "wrong", answer="[]"))
    return made


def _one(metrics: Sequence[Metric], name: str, **condition: Any) -> Metric:
    (found,) = (one for one in metrics if one.name == name and condition.items() <= dict(one.condition).items())
    return found


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(45, 50, 0.7864, 0.9565), (0, 50, 0, 0.0713), (21, 500, 0.0276, 0.0634), (500, 500, 0.9924, 1)],
    ids=lambda value: f"6.2 {value}",
)
def test_exact_match_has_wilsons_interval(successes: int, n: int, low: float, high: float) -> None:
    found = _one(set_metrics(_samples("ui", successes, n)), "em", form="ui")
    assert (found.ci_low, found.ci_high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_the_gap_is_to_the_harder_operation_on_problems_of_equal_size() -> None:
    samples = [*_samples("i2", 9, 10), *_samples("u2", 8, 10), *_samples("ui", 3, 10), *_samples("u2", 0, 10, U=4)]
    metrics = set_metrics(samples)
    found = _one(metrics, "composition_gap", form="ui")
    assert found.value == pytest.approx(0.8 - 0.3)
    assert found.note == "two sets: 0.800"  # a gap says nothing where two sets fail


@pytest.mark.parametrize(
    ("form", "expected"), [("i3", 0.9 * 0.9), ("ui", 0.8 * 0.9), ("i_u", 0.9 * 0.8), ("u_i", 0.8 * 0.9)]
)
def test_the_expected_match_is_the_product_of_the_forms_own_operations(form: str, expected: float) -> None:
    metrics = set_metrics([*_samples("i2", 9, 10), *_samples("u2", 8, 10), *_samples(form, 5, 10)])
    found = _one(metrics, "em_over_expected", form=form)
    assert found.value == pytest.approx(0.5 / expected)
    assert found.note == f"expected {expected:.3f}"


def test_a_ratio_to_nothing_is_no_number() -> None:
    found = _one(set_metrics([*_samples("i2", 0, 5), *_samples("u2", 5, 5), *_samples("ui", 1, 5)]), "em_over_expected")
    assert found.value is None
    assert "never right alone" in found.note


def test_copying_three_sets_is_no_part_of_the_macro_score() -> None:
    forms = ("i3", "ui", "iu", "u_i", "i_u")
    samples = [*(one for form in forms for one in _samples(form, 2, 10)), *_samples("u3", 10, 10)]
    assert _one(set_metrics(samples), "macro_em").value == pytest.approx(0.2)


def test_the_majority_is_the_better_of_yes_and_no_to_everything() -> None:
    assert _one(set_metrics(_samples("i3", 0, 10)), "majority").value == pytest.approx(7 / 9)
    assert _one(set_metrics(_samples("u3", 0, 10, {"positives": 6 / 9})), "majority").value == pytest.approx(6 / 9)


def test_agreement_with_a_shortcut_leaves_out_problems_on_which_it_is_right() -> None:
    samples = [*_samples("ui", 0, 4, {"sc_no_to_all": 1.0}), *_samples("ui", 6, 6, {"sc_no_to_all": None})]
    found = _one(set_metrics(samples), "shortcut_agreement", shortcut="no_to_all")
    assert (found.value, found.n) == (1.0, 4)


def test_consistency_needs_two_answers_that_can_be_read() -> None:
    def twin(one: Sample, **changes: Any) -> Sample:
        return replace(one, sample_id=f"twin of {one.doc_id}", condition={**one.condition, "twin": True}, **changes)

    first, second, third = _samples("i2", 3, 3)
    unread = twin(third, scores={"parse_failure": 1.0}, outcome="unparsed")
    metrics = set_metrics([first, second, third, twin(first), twin(second, answer='["x"]'), unread])
    assert _one(metrics, "consistency").value == pytest.approx(1 / 3)
    assert _one(metrics, "consistency_by_form", form="i2").n == 3
    assert _one(metrics, "em", form="i2").n == 3  # twins are not counted again


@pytest.mark.parametrize("status", ["not_converged", "not_memorised"])
def test_a_failed_training_has_no_composition_figure(status: str) -> None:
    samples = [one for form in ("i2", "u2", "ui") for one in _samples(form, 9, 10, status=status)]
    found = _one(set_metrics(samples), "composition_gap", form="ui")
    assert (found.value, found.note) == (None, status)
    assert _one(set_metrics(samples), "em", form="ui").value == 0.9


def test_sets_that_were_asked_and_sets_that_were_stated_are_kept_apart() -> None:
    samples = [*_samples("i2", 10, 10, sets="asked"), *_samples("i2", 1, 10, sets="stated")]
    assert _one(set_metrics(samples), "em", sets="stated").value == 0.1


@pytest.mark.parametrize(("right", "said"), [(19, "yes"), (10, "partly"), (1, "no"), (0, "no")])
def test_word_orders_have_verdicts_of_their_own(right: int, said: str) -> None:
    def asked(order: str, how_many: int) -> list[Sample]:
        where = {"order": order, "asked": "name", "group": "F", "both_fraction": "0"}
        return [
            Sample(f"{order}{at}", f"f{at}", "generate", where, f"f{at}", {"correct": float(at < how_many)}, "scored")
            for at in range(20)
        ]

    metrics = fact_metrics([*asked("same_order_fill", 20), *asked("reversed_order", right)])
    assert _one(metrics, "accuracy_by_order", order="same_order_fill").note == "verdict: yes"
    assert _one(metrics, "accuracy_by_order", order="reversed_order").note == f"verdict: {said}"
    assert _one(metrics, "accuracy", order="reversed_order", asked="name").value == right / 20
