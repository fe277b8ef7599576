"""Orders and arms: the counts that are known exactly, and which prompts a family is asked."""

from __future__ import annotations

import random
from collections import Counter
from itertools import permutations as all_orders

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.errors import UserError
from tasks.position_bias import permutations
from tasks.position_bias.arms import Arm, Choices, arms
from tasks.position_bias.docqa_synth import docqa_items
from tasks.position_bias.items import Item
from tasks.position_bias.judge_synth import judge_items
from tasks.position_bias.kv_synth import kv_items
from tasks.position_bias.mcq_synth import choice_item, mcq_items
from tasks.position_bias.needle import needle_items
from tasks.position_bias.premise_synth import premise_items
from tasks.position_bias.prompts import Wording


def made(item: Item, **choices: object) -> list[Arm]:
    return list(arms(item, Choices(**choices), Wording()))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("m", "counts"),
    [
        pytest.param(4, (1, 3, 5, 6, 5, 3, 1), id="6.8-m4"),
        pytest.param(5, (1, 4, 9, 15, 20, 22, 20, 15, 9, 4, 1), id="6.8-m5"),
    ],
)
def test_mahonian_counts(m: int, counts: tuple[int, ...]) -> None:
    assert permutations.mahonian(m) == counts


def test_mahonian_counts_of_eight_6_8() -> None:
    assert [permutations.mahonian(8)[d] for d in (0, 7, 14, 21, 28)] == [1, 961, 3836, 961, 1]


def test_kendall_tau_of_an_order_6_8() -> None:
    assert permutations.inversions((2, 0, 1, 3)) == 2
    assert permutations.kendall_tau((2, 0, 1, 3)) == pytest.approx(1 / 3)


@pytest.mark.parametrize(("m", "expected"), [(8, [0, 7, 14, 21, 28]), (9, [0, 9, 18, 27, 36]), (3, [0, 1, 1, 2, 3])])
def test_inversions_nearest_to_a_tau_2_3(m: int, expected: list[int]) -> None:
    assert [permutations.nearest_inversions(m, tau) for tau in (1, 0.5, 0, -0.5, -1)] == expected


@given(st.integers(1, 9), st.data())
def test_a_drawn_order_has_exactly_its_inversions(m: int, data: st.DataObject) -> None:
    d = data.draw(st.integers(0, m * (m - 1) // 2))
    order = permutations.order_at(m, d, random.Random(d))
    assert sorted(order) == list(range(m))
    assert permutations.inversions(order) == d


def test_orders_at_given_inversions_are_uniform() -> None:
    rng = random.Random(1)
    seen = Counter(permutations.order_at(4, 3, rng) for _ in range(6000))
    assert set(seen) == {order for order in all_orders(range(4)) if permutations.inversions(order) == 3}
    assert max(abs(count - 1000) for count in seen.values()) < 130  # over 4 standard deviations


def test_impossible_inversions_are_refused() -> None:
    with pytest.raises(ValueError, match="0 to 6 inversions, not 7"):
        permutations.order_at(4, 7, random.Random(0))


def test_a_cyclic_shift_puts_content_j_plus_s_into_slot_j_3_2() -> None:
    assert list(permutations.cyclic(4)) == [(0, 1, 2, 3), (1, 2, 3, 0), (2, 3, 0, 1), (3, 0, 1, 2)]


def test_sampled_orders_begin_with_the_identity_and_do_not_repeat() -> None:
    orders = list(permutations.sampled(4, 10, "x"))
    assert orders[0] == (0, 1, 2, 3)
    assert len(set(orders)) == 10
    assert orders == list(permutations.sampled(4, 10, "x"))
    assert orders != list(permutations.sampled(4, 10, "y"))
    assert len(list(permutations.sampled(3, 99, "x"))) == 6


def test_moving_swaps_or_inserts() -> None:
    assert permutations.swapped_to(4, 0, 2) == (2, 1, 0, 3)
    assert permutations.inserted_at(4, 0, 2) == (1, 2, 0, 3)


@given(st.permutations(range(6)))
def test_orders_are_written_and_read_back(order: list[int]) -> None:
    assert permutations.read(permutations.written(order)) == tuple(order)


def test_options_are_asked_in_all_cyclic_orders_under_every_label_mode() -> None:
    found = made(next(mcq_items()))
    assert len(found) == 12
    assert Counter(arm.labels for arm in found) == {"slot": 4, "travel": 4, "none": 4}
    for arm in found:
        assert arm.order[arm.condition["gold_slot"]] == arm.item.gold_index
    assert sorted(arm.condition["gold_slot"] for arm in found if arm.labels == "slot") == [0, 1, 2, 3]  # type: ignore[type-var]


def test_four_options_have_24_orders() -> None:
    assert len({arm.order for arm in made(next(mcq_items()), sets=["full"], labels=["slot"])}) == 24


def test_five_options_are_too_many_for_the_full_set_8() -> None:
    item = choice_item("q1", "t", 0, "Which?", list("vwxyz"), 0, "own")
    with pytest.raises(UserError, match=r"item 'q1': arm full has 120 orders of 5 segments.*--arms sampled or cyclic"):
        made(item, sets=["full"])


def test_a_pair_is_asked_with_either_answer_first() -> None:
    found = made(next(judge_items()))
    assert {(arm.condition["arm"], arm.order, arm.condition["gold_slot"]) for arm in found} == {
        ("o1", (0, 1), 0),
        ("o2", (1, 0), 1),
    }
    assert len(found) == 6


def test_identical_answers_are_not_asked_without_labels() -> None:
    same = next(item for item in judge_items() if item.template == "identical")
    assert {(arm.labels, arm.condition["gold_slot"]) for arm in made(same)} == {("slot", None), ("travel", None)}


def test_documents_move_through_the_published_slots_beside_two_baselines() -> None:
    found = made(next(docqa_items()))
    swept = [arm for arm in found if arm.condition["arm"] == "move_gold" and arm.labels == "slot"]
    assert [(arm.condition["k"], arm.condition["gold_slot"]) for arm in swept] == [
        (10, 0), (10, 4), (10, 9), (20, 0), (20, 4), (20, 9), (20, 14), (20, 19),
    ]  # fmt: skip
    others = [[content for content in arm.order if content != arm.item.gold_index] for arm in swept]
    assert all(order == sorted(order) for order in others), "distractors keep one order"
    assert [arm.order for arm in found if arm.condition["arm"] in ("closed_book", "oracle")] == [(), (0,)]


def test_pairs_and_the_needle_are_swept_evenly() -> None:
    kv = made(next(kv_items()), k=[20])
    assert [arm.condition["gold_slot"] for arm in kv] == [0, 5, 10, 14, 19]
    needle = made(next(needle_items()), k=[41])
    assert [arm.condition["gold_slot"] for arm in needle] == list(range(0, 41, 4))


def test_slots_and_sizes_that_an_item_has_not_got_are_named_8() -> None:
    item = next(kv_items())
    with pytest.raises(UserError, match=r"item 'kv-0-0000': gold slot 20 of 20 segments; give --slots from 0 to 19"):
        made(item, k=[20], slots=[0, 20])
    with pytest.raises(UserError, match=r"item 'kv-0-0000': k=60, but it has 50 segments; give a smaller --k"):
        made(item, k=[60])


def test_premises_are_ordered_by_tau_and_swept() -> None:
    items = list(premise_items(n=6))
    for item in items:
        n = len(item.segments)
        taus = made(item, sets=["tau"])
        assert [arm.condition["arm"] for arm in taus] == ["tau1", "tau0.5", "tau0", "tau-0.5", "tau-1"]
        assert all(arm.condition["actual_tau"] == pytest.approx(arm.condition["tau"]) for arm in taus)
        needed = [index for index, segment in enumerate(item.segments) if segment.is_gold]
        for arm in taus:
            assert sorted(arm.order) == list(range(n))
            assert all(arm.order[slot] == slot for slot in range(n) if slot not in needed)
        swept = made(item, sets=["condition_sweep"])
        assert [arm.condition["gold_slot"] for arm in swept] == list(range(n))
        moved = {arm.order[arm.condition["gold_slot"]] for arm in swept}
        assert len(moved) == 1 and moved <= set(needed)
    assert {len(item.segments) for item in items} == {8, 13, 18}


def test_a_tau_that_cannot_be_had_is_recorded_as_it_is() -> None:
    item = Item.from_json(next(premise_items(n=1)).to_json() | {"segments": [
        {"text": f"s{i}", "label": None, "is_gold": True} for i in range(3)
    ]})  # fmt: skip
    (arm,) = made(item, sets=["tau"], taus=[0.5])
    assert (arm.condition["tau"], arm.condition["actual_tau"]) == (0.5, pytest.approx(1 / 3))


def test_conditions_of_an_item_are_unique() -> None:
    for item in (*mcq_items(n=3), *judge_items(n=3), *docqa_items(n=1), *kv_items(n=1), *premise_items(n=2)):
        conditions = [tuple(sorted(arm.condition.items(), key=str)) for arm in made(item)]
        assert len(set(conditions)) == len(conditions)
