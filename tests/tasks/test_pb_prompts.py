"""Prompts to the byte, and what labels and orders change in them."""

from __future__ import annotations

import hashlib

import pytest

from suite.task import Segmented, seamless
from tasks.position_bias.docqa_synth import docqa_items, search_item
from tasks.position_bias.items import Item, Segment, fewer
from tasks.position_bias.judge_synth import judge_items, pair_item
from tasks.position_bias.kv_synth import kv_items, retrieval_item
from tasks.position_bias.mcq_synth import choice_item, mcq_items
from tasks.position_bias.needle import needle_items
from tasks.position_bias.premise_synth import premise_items
from tasks.position_bias.prompts import LabelMode, Wording, pair, rendered, without_documents

CHOICE = choice_item("q", "t", 0, "Which is red?", ["sky", "blood", "grass"], 1, "own")
PAIR = pair_item("p", "t", 0, "Say hi.", ["Hi.", "Ho."], 0, "own")
RECORDS = retrieval_item("r", "t", 0, [("k1", "v1"), ("k2", "v2"), ("k3", "v3")], "k2", "own")
SEARCH = search_item("s", "t", 0, "who?", [("T1", "one."), ("T2", "two.")], 1, ["two"], "own")


def text(
    item: Item, order: tuple[int, ...], labels: LabelMode = "slot", mode: str = "generate", **wording: object
) -> str:
    prompt = seamless(rendered(item, order, labels, Wording(**wording), mode, False))  # type: ignore[arg-type]
    assert isinstance(prompt, str)
    return prompt


def sha256(written: str) -> str:
    return hashlib.sha256(written.encode()).hexdigest()


def test_original_pairs_6_5() -> None:
    written = text(RECORDS, (0, 1, 2), "none", kv_form="original")
    assert len(written) == 161
    assert sha256(written) == "42dbaecb598d66ae55e44736b7882f5e11d3fe60f013d536cb013c9a0f1b458b"


def test_search_results_6_5() -> None:
    written = text(SEARCH, (0, 1))
    assert len(written) == 209
    assert sha256(written) == "de05a59e18ed029ad1899243ecf9f73b289d0d433b2144c87f27fa9d20658aa8"


def test_options_under_each_label_mode() -> None:
    order = (2, 0, 1)
    assert text(CHOICE, order) == "Question: Which is red?\nOptions:\nA. grass\nB. sky\nC. blood\nAnswer:"
    assert text(CHOICE, order, "travel") == "Question: Which is red?\nOptions:\nC. grass\nA. sky\nB. blood\nAnswer:"
    assert text(CHOICE, order, "none") == "Question: Which is red?\nOptions:\ngrass\nsky\nblood\nAnswer:"


def test_worked_examples_follow_the_label_mode() -> None:
    lettered, bare = text(CHOICE, (0, 1, 2), shots=2), text(CHOICE, (0, 1, 2), "none", shots=2)
    assert lettered.count("Question:") == bare.count("Question:") == 3
    assert "\nAnswer: B\n\n" in lettered
    assert "\nAnswer: a thermometer\n\n" in bare


def test_uniform_pairs_are_alike_in_every_place() -> None:
    assert text(RECORDS, (2, 0, 1), "none").splitlines()[3:8] == [
        "{",
        '"k3": "v3",',
        '"k1": "v1",',
        '"k2": "v2",',
        "}",
    ]


def test_the_question_can_stand_before_the_documents_too() -> None:
    assert text(SEARCH, (0, 1), query_aware=True).count("\nQuestion: who?\n") == 2


def test_documents_without_numbers_and_no_documents() -> None:
    assert "\nDocument (Title: T2) two.\nDocument (Title: T1) one.\n\n" in text(SEARCH, (1, 0), "none")
    assert without_documents(SEARCH, as_user_turn=False) == "Question: who?\nAnswer:"
    assert without_documents(SEARCH, as_user_turn=True) == (("user", "Question: who?\nAnswer:"),)
    assert "one" not in text(SEARCH, (1,), "none")


def test_our_judge_prompt_names_answers_or_does_not() -> None:
    assert "\n\nAnswer A:\nHo.\n\nAnswer B:\nHi.\n\n" in text(PAIR, (1, 0))
    assert "\n\nAnswer B:\nHo.\n\nAnswer A:\nHi.\n\n" in text(PAIR, (1, 0), "travel")
    assert "\n\nResponse:\nHo.\n\nResponse:\nHi.\n\n" in text(PAIR, (1, 0), "none")
    assert text(PAIR, (1, 0), mode="loglikelihood").endswith("\nVerdict: [[")


def test_pair_v2_is_the_published_user_turn_3_3() -> None:
    expected = (
        "[User Question]\nSay hi.\n\n"
        "[The Start of Assistant A's Answer]\nHi.\n[The End of Assistant A's Answer]\n\n"
        "[The Start of Assistant B's Answer]\nHo.\n[The End of Assistant B's Answer]"
    )
    written = text(PAIR, (0, 1), judge="pair_v2")
    assert written.startswith("Please act as an impartial judge")
    assert written.rstrip("\n").endswith(expected)


@pytest.mark.parametrize(
    "item",
    [next(made()) for made in (mcq_items, judge_items, docqa_items, kv_items, needle_items, premise_items)],
    ids=lambda item: item.id,
)
@pytest.mark.parametrize("labels", ["travel", "none"])
def test_a_segment_does_not_depend_on_its_place_3_6(item: Item, labels: LabelMode) -> None:
    n = len(item.segments)
    here = rendered(item, range(n), labels, Wording(), "generate", False)
    there = rendered(item, range(n)[::-1], labels, Wording(), "generate", False)
    assert isinstance(here, Segmented) and isinstance(there, Segmented)
    assert here.segments == there.segments[::-1]
    assert (here.prefix, here.suffix) == (there.prefix, there.suffix)
    assert here.suffix and here.prefix


def test_keys_and_values_are_read_back() -> None:
    item = retrieval_item("r", "t", 0, [('a"b', "c\\d"), ("x", "é")], "x", "own")
    assert [pair(segment.text) for segment in item.segments] == [('a"b', "c\\d"), ("x", "é")]


def test_fewer_segments_keep_the_gold_one_and_number_from_one() -> None:
    item = search_item("s", "t", 0, "?", [(f"T{i}", f"x{i}") for i in range(6)], 5, ["x5"], "own")
    assert fewer(item, 3).segments == (
        Segment("(Title: T0) x0", "1"),
        Segment("(Title: T1) x1", "3"),
        Segment("(Title: T5) x5", "2", True),
    )
    assert fewer(item, 6) is item


def test_numbers_that_stay_count_the_places_and_numbers_that_travel_are_drawn() -> None:
    item = search_item("s", "t", 0, "?", [(f"T{i}", f"x{i}") for i in range(12)], 0, ["x0"], "own")

    def numbers(order: tuple[int, ...], labels: LabelMode) -> list[int]:
        prompt = rendered(item, order, labels, Wording(), "generate", False)
        assert isinstance(prompt, Segmented)
        return [int(part.split("[")[1].split("]")[0]) for part in prompt.segments]

    order = (*range(1, 12), 0)
    assert numbers(order, "slot") == list(range(1, 13))
    travelling = numbers(tuple(range(12)), "travel")
    assert sorted(travelling) == list(range(1, 13)) != travelling
    assert numbers(order, "travel") == travelling[1:] + travelling[:1]
