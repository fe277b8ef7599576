"""What written answers choose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.position_bias import parsing
from tasks.position_bias.parsing import Number, Verdict

OPTIONS = ["red ball", "blue ball", "ball", "green thing"]


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        (" B", "B"),
        ("B.", "B"),
        ("(C)", "C"),
        ("D) green thing", "D"),
        ("The answer is A.", "A"),
        ("The answer is: **D**", "D"),
        ("Answer:\n\nC", "C"),
        ("Option C is right, not B", "C"),
        ("A is right", "A"),
        ("I'd say blue ball.", "B"),
        ("the answer is a ball", "C"),
        ("Answer: A or B", None),
        ("The answer is A. No, the answer is B.", None),
        ("Both A and B", None),
        ("A cat sat on the mat", None),
        ("DNA", None),
        ("red ball and green thing", None),
        ("E", None),
        ("", None),
    ],
)
def test_the_chosen_letter_3_2(text: str, letter: str | None) -> None:
    assert parsing.chosen_letter(text, "ABCD", OPTIONS) == letter


@given(st.text())
def test_any_text_has_at_most_one_letter(text: str) -> None:
    assert parsing.chosen_letter(text, "ABCD", OPTIONS) in (None, *"ABCD")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("red ball", 0),
        ('"Red  ball."', 0),
        ("It is the green thing, I think", 3),
        ("red balls", None),
        ("neither", None),
    ],
)
def test_the_stated_option(text: str, place: int | None) -> None:
    assert parsing.chosen_text(text, OPTIONS) == place


def test_a_quotation_may_break_off() -> None:
    answers = ["First 30 + 31 = 61, and then the sum is 96.", "First 30 + 31 = 62, and then the sum is 96."]
    assert parsing.chosen_text("First 30 + 31 = 61, and", answers) == 0
    assert parsing.chosen_text("First 30 + 31 = 6", answers) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A is better: [[A]]", Verdict("A", False)),
        ("[[A]] at first, but on reflection [[B]]", Verdict("B", True)),
        ("[[A]], I repeat: [[A]]", Verdict("A", False)),
        ("Tie: [[C]]", Verdict(None, False)),
        ("A", Verdict(None, False)),
    ],
)
def test_the_last_verdict_counts_3_3(text: str, expected: Verdict) -> None:
    assert parsing.verdict(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3 + 4 = 7\nAnswer: 7", Number("7", False)),
        ("Answer: 1,234.50\nDone in 2 steps", Number("1234.5", False)),
        ("**Answer:** -12", Number("-12", False)),
        ("Answer: 3\nAnswer: 4", Number("4", False)),
        ("first 5, so 8.", Number("8", True)),
        ("none", Number(None, False)),
    ],
)
def test_the_final_number_3_5(text: str, expected: Number) -> None:
    assert parsing.final_number(text) == expected


@pytest.mark.parametrize(
    ("text", "gold", "substring", "token"),
    [
        pytest.param("There were 15 people.", "5", True, False, id="6.6-inside-a-number"),
        pytest.param("The Beatles", "Beatles", True, True, id="6.6-article"),
        pytest.param("anything", "*", True, False, id="6.6-empty-gold"),
        pytest.param("A U.S. company", "US", True, True, id="6.6-punctuation"),
        pytest.param("Not Paris but Rome", "Paris", True, True, id="6.6-negated"),
        pytest.param("twenty-one", "twenty one", False, False, id="6.6-hyphen"),
        pytest.param("\nParis", "Paris", False, False, id="4.3-cut-at-the-first-newline"),
    ],
)
def test_subspans_6_6(text: str, gold: str, substring: bool, token: bool) -> None:
    assert parsing.best_subspan_em(text, [gold]) is substring
    assert parsing.subspan_token(text, [gold]) is token


def test_any_of_several_golds_will_do() -> None:
    assert parsing.best_subspan_em("in Rome", ["Paris", "Rome"])
    assert parsing.subspan_token("in Rome", ["Paris", "Rome"])


def test_values_are_found_whatever_their_case() -> None:
    assert parsing.values_in("It is AB-1, or cd-2", ["ab-1", "xx", "cd-2"]) == [0, 2]
