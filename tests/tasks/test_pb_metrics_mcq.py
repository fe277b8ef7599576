"""Multiple-choice figures: the worked examples, what is left out, and mitigations against the mean over orders."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pb_samples import choice, cyclic_item, one, sample

from suite.task import Metric, Sample
from tasks.position_bias.metrics import metrics
from tasks.position_bias.permutations import cyclic, full

WORKED = [*cyclic_item("i0", 0, [0, 3, 2, 1]), *cyclic_item("i1", 1, [0, 0, 0, 0]), *cyclic_item("i2", 2, [2, 1, 0, 0])]


@pytest.fixture(autouse=True, scope="module")
def few_resamples() -> Iterator[None]:
    """Values do not depend on the number of resamples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.position_bias.metric_cells.RESAMPLES", 300)
        yield


@pytest.fixture(scope="module")
def worked() -> list[Metric]:
    return metrics(WORKED)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rstd", 23.5702),
        ("accuracy", 2 / 3),
        ("consistency", 1 / 3),
        ("fluctuation", 9 / 18),
        ("best", 1),
        ("worst", 1 / 3),
        ("gap", 2 / 3),
        ("preference_tv", 1 / 3),
        ("preference_kl", 0.267551),
        ("position_q", 4.0),
        ("position_p", 0.75),
        ("invalid", 0),
        ("missing", 0),
    ],
    ids=lambda value: f"6.1-{value}" if isinstance(value, str) else None,
)
def test_figures_of_three_items(worked: list[Metric], name: str, value: float) -> None:
    assert one(worked, name).value == pytest.approx(value, abs=1e-4 if name == "rstd" else 1e-6)


def test_recalls_and_slots_of_three_items_6_1(worked: list[Metric]) -> None:
    recalls = [one(worked, "accuracy_at", gold_slot=slot).value for slot in range(4)]
    assert recalls == pytest.approx([1, 2 / 3, 2 / 3, 1 / 3])
    shares = [one(worked, "slot_share", gold_slot=slot).value for slot in range(4)]
    assert [12 * share for share in shares if share is not None] == pytest.approx([7, 2, 2, 1])


def test_chi_square_is_given_beside_the_permutation_p_6_1(worked: list[Metric]) -> None:
    assert "exact permutations within items; chi-square alone would say 0.2615" in one(worked, "position_p").note


def test_letters_that_stay_are_slots_and_letters_that_travel_are_contents(worked: list[Metric]) -> None:
    """The worked example's contents, by letter."""
    assert one(worked, "recall", letter="D").value == pytest.approx(1 / 3)
    assert one(worked, "letter_rstd").value == one(worked, "rstd").value
    moving = metrics([replace(row, condition={**row.condition, "label_mode": "travel"}) for row in WORKED])
    assert [one(moving, "recall", letter=letter).value for letter in "ABC"] == [1, 0.25, 0.75]
    assert not [m for m in moving if m.name == "recall" and m.condition["letter"] == "D"]
    assert one(moving, "letter_rstd").value is None
    shares = [one(moving, "letter_share", letter=letter).value for letter in "ABCD"]
    assert shares == pytest.approx([5 / 12, 1 / 12, 4 / 12, 2 / 12])


def test_few_items_are_noted(worked: list[Metric]) -> None:
    assert "fewer than 30 items" in one(worked, "accuracy").note


def test_figures_do_not_depend_on_the_order_of_samples() -> None:
    assert metrics(WORKED) == metrics(WORKED[::-1])


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_a_responder_that_takes_the_first_slot_6_10(n: int) -> None:
    found = metrics([row for i in range(40) for row in cyclic_item(f"i{i}", i % n, [0] * n)])
    assert one(found, "accuracy").value == pytest.approx(1 / n)
    assert one(found, "rstd").value == pytest.approx(100 * math.sqrt((n - 1) / n**2))
    assert one(found, "consistency").value == 0
    assert one(found, "slot_share", gold_slot=0).value == 1
    assert one(found, "consistency").ci_high == pytest.approx(0.0876, abs=1e-4)  # Wilson; no resample would show it
    assert one(found, "rstd").ci_low is None
    assert one(found, "mitigated_accuracy", mitigation="canonical_order").value == pytest.approx(1 / n, abs=0.02)


def test_rstd_of_the_first_slot_among_four_6_10() -> None:
    found = metrics([row for i in range(40) for row in cyclic_item(f"i{i}", i % 4, [0] * 4)])
    assert one(found, "rstd").value == pytest.approx(43.3013, abs=1e-4)


def test_an_oracle_is_right_everywhere_6_10() -> None:
    rows = [row for i in range(40) for row in cyclic_item(f"i{i}", i % 4, [(i - s) % 4 for s in range(4)])]
    found = metrics(rows)
    assert [one(found, name).value for name in ("accuracy", "rstd", "consistency", "gap")] == [1, 0, 1, 0]
    assert one(found, "position_p").value is None  # nothing differs between slots
    assert one(found, "accuracy").ci_low == pytest.approx(0.9124, abs=1e-4)  # Wilson, 40 items


def biased(doc_id: str, gold: int, utility: list[float], prior: list[float], arm: str = "cyclic") -> list[Sample]:
    """The responder softmax(utility of content + log prior of slot)."""
    rows = []
    for order in cyclic(4) if arm == "cyclic" else full(4):
        weights = [p * math.exp(utility[content]) for p, content in zip(prior, order, strict=True)]
        p = [w / sum(weights) for w in weights]
        rows.append(choice(doc_id, order, gold, p.index(max(p)), "loglikelihood", p, arm=arm))
    return rows


def biased_items(n: int, arm: str = "cyclic") -> list[Sample]:
    """Every content is the best one by 1.4 nats, which a strong prior on the first slot outweighs."""
    prior = [0.7, 0.1, 0.1, 0.1]
    rows = []
    for i in range(n):
        gold = i % 4
        utility = [0.1 * ((i * 7 + c * 3) % 5) for c in range(4)]
        utility[gold] = max(utility) + 1.0
        rows += biased(f"i{i:03}", gold, utility, prior, arm)
    return rows


def test_pride_and_averages_undo_a_prior_over_slots_6_10() -> None:
    found = metrics(biased_items(40))
    mean = one(found, "mitigated_accuracy", mitigation="none").value
    assert mean == one(found, "accuracy").value and mean is not None and mean < 0.6
    for name in ("pride", "cyclic_avg"):
        assert one(found, "mitigated_accuracy", mitigation=name).value == 1
        assert one(found, "mitigation_gain", mitigation=name).value == pytest.approx(1 - mean)
        assert one(found, "mitigated_rstd", mitigation=name).value == 0
    assert one(found, "mitigated_accuracy_others", mitigation="pride").value == 1
    assert one(found, "mitigated_rstd", mitigation="canonical_order").value == pytest.approx(43.3013, abs=1e-4)


def test_costs_stand_beside_mitigations() -> None:
    found = metrics(biased_items(40))
    passes = {m.condition["mitigation"]: m.value for m in found if m.name == "passes_per_item" and m.value is not None}
    assert passes == {"none": 1, "canonical_order": 1, "random_order": 1, "cyclic_avg": 4, "pride": pytest.approx(1.15)}
    tokens = {m.condition["mitigation"]: m.value for m in found if m.name == "tokens_per_item"}
    assert tokens["cyclic_avg"] == 40 and tokens["pride"] == pytest.approx(11.5)


def test_all_orders_give_the_full_average_too() -> None:
    found = metrics(biased_items(20, "full"))
    assert one(found, "mitigated_accuracy", mitigation="full_avg").value == 1
    assert one(found, "passes_per_item", mitigation="full_avg").value == 24
    assert one(found, "accuracy_at", gold_slot=0).n == 20 * 6
    assert one(found, "position_p").n == 20  # of the cyclic shifts alone


def test_only_complete_groups_and_fixed_orders_are_consistent_by_construction() -> None:
    found = metrics(biased_items(40))
    marked = {
        m.condition["mitigation"]
        for m in found
        if m.name == "mitigated_accuracy" and "consistent by construction" in m.note
    }
    assert marked == {"canonical_order", "cyclic_avg"}


def test_pride_without_enough_items_says_so() -> None:
    found = one(metrics(biased_items(19)), "mitigated_accuracy", mitigation="pride")
    assert found.value is None and "needs 20 items" in found.note


def test_written_answers_have_no_pride() -> None:
    assert "pride" not in {m.condition.get("mitigation") for m in metrics(WORKED)}


def test_tied_votes_share_their_credit() -> None:
    found = metrics(cyclic_item("i", 0, [0, 0, 2, 2]))  # contents 0, 1, 0, 1
    assert one(found, "mitigated_accuracy", mitigation="cyclic_avg").value == 0.5


def test_an_unreadable_answer_is_wrong_and_differs_from_everything_4_1() -> None:
    found = metrics(cyclic_item("i", 0, [None, None, 2, 1]))
    assert one(found, "accuracy").value == 0.5 and one(found, "accuracy_valid").value == 1
    assert one(found, "fluctuation").value == 5 / 6
    assert one(found, "invalid_at", gold_slot=0).value == 1 and one(found, "invalid_at", gold_slot=1).value == 0


def test_with_nothing_readable_bias_has_no_number_8() -> None:
    found = metrics([row for i in range(4) for row in cyclic_item(f"i{i}", i, [None] * 4)])
    assert one(found, "accuracy").value == 0 and "no answer could be read" in one(found, "accuracy").note
    of_bias = (
        "rstd",
        "letter_rstd",
        "preference_tv",
        "preference_kl",
        "consistency",
        "fluctuation",
        "gap",
        "position_p",
    )
    assert {name: one(found, name).value for name in of_bias} == dict.fromkeys(of_bias)
    assert one(found, "rstd").ci_low is None and "no answer could be read" in one(found, "rstd").note
    assert not [m for m in found if m.name == "accuracy_valid"]
    partly = metrics([*cyclic_item("a", 0, [None] * 4), *cyclic_item("b", 0, [0, 3, 2, 1])])
    assert one(partly, "consistency").value == 0.5


def test_an_item_that_lacks_an_arm_is_left_out_of_pairs_and_counted_8() -> None:
    lost = cyclic_item("i3", 0, [0, 3, 2, 1])
    failed = sample("i3", {}, lost[3].condition)
    found = metrics([*WORKED, *lost[:3], failed])
    assert one(found, "accuracy").value == pytest.approx((8 + 3) / 16)
    assert one(found, "consistency").value == pytest.approx(1 / 3)
    missing = one(found, "missing")
    assert missing.value == 1 and "1 of 4 items lack an arm" in missing.note


def test_a_slot_that_never_has_gold_leaves_rstd_undefined() -> None:
    rows = [choice(f"i{i}", range(4), i % 3, i % 3, arm="canonical") for i in range(40)]
    found = metrics(rows)
    assert one(found, "rstd").value is None
    assert not [m for m in found if m.name in ("consistency", "position_p")]  # one order compares nothing


def test_a_slot_chosen_that_never_has_gold_makes_kl_infinite() -> None:
    found = one(metrics([choice(f"i{i}", range(4), 0, 1, arm="canonical") for i in range(3)]), "preference_kl")
    assert found.value is None and "infinite" in found.note


def test_questions_of_other_sizes_are_cells_of_their_own() -> None:
    found = metrics([*WORKED, *cyclic_item("i9", 1, [0, 0, 0])])
    assert one(found, "accuracy", k=4).n == 12 and one(found, "accuracy", k=3).n == 3


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.lists(st.integers(0, 3), min_size=4, max_size=4)), min_size=1, max_size=5)
)
def test_bounds(items: list[tuple[int, list[int]]]) -> None:
    found = metrics([row for i, (gold, slots) in enumerate(items) for row in cyclic_item(f"i{i}", gold, list(slots))])
    value = {name: one(found, name).value for name in ("accuracy", "best", "worst", "consistency", "preference_tv")}
    assert value["worst"] <= value["accuracy"] <= value["best"]  # type: ignore[operator]
    assert all(0 <= number <= 1 for number in value.values())  # type: ignore[operator]
