"""Written answers of inverse scaling: which class a reply gives, by the first rule that matches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.inverse_scaling.parsing import Parsed, first_line, parse, without_reasoning

AB, YES_NO, Y_N = (" A", " B"), (" Yes", " No"), (" Y", " N")
ROUNDED = (" 94000", " 93786.33")


@pytest.mark.parametrize(
    ("reply", "classes", "answer", "index"),
    [
        pytest.param("The answer is (B).", AB, "letter", 1, id="6.15-says"),
        pytest.param("A good question. Answer: B", AB, "letter", 1, id="6.15-article"),
        pytest.param("<answer>A</answer> no, rather <answer>B</answer>", AB, "letter", 1, id="6.15-last-tag"),
        pytest.param("94,000", ROUNDED, "rounded", 0, id="6.15-thousands"),
        pytest.param("I cannot", AB, "letter", None, id="6.15-refusal"),
        pytest.param("</think>Yes.", YES_NO, "yes_no", 0, id="6.15-trace"),
        ("A", AB, "letter", 0),
        ("A.", AB, "letter", 0),
        ("(A)", AB, "letter", 0),
        ("b) the second", AB, "letter", None),
        ("b", AB, "letter", 1),
        ("B) the second", AB, "letter", 1),
        ("**B**", AB, "letter", 1),
        ("A good question", AB, "letter", None),
        ("A is right", AB, "letter", 0),
        ("It could be A. or B.", AB, "letter", None),
        ("The answer is A. Wait, the answer is B.", AB, "letter", 1),
        ("<think>B, surely. The answer is B.</think>A", AB, "letter", 0),
        ("<think>The answer is B.", AB, "letter", None),
        ("No, that doesn't follow. Yes is what most would say.", YES_NO, "yes_no", 1),
        ("I would say no.", YES_NO, "yes_no", 1),
        ("Nobody knows", YES_NO, "yes_no", None),
        ("yes", Y_N, "y_n", 0),
        ("N", Y_N, "y_n", 1),
        ("The result is 9.4e4", ROUNDED, "rounded", 0),
        ("94000.00", ROUNDED, "rounded", None),
        ("93786.33 metres", ROUNDED, "rounded", 1),
        ("27", (" 35", " 27"), "number", 1),
        ("The value of a is 27.", (" 35", " 27"), "number", 1),
        ("27.5", (" 35", " 27"), "number", None),
        ("0.0046", (" 0.0046", " .00"), "rounded", 0),
        ("heavy", (" heavy.", " fonder."), "word", 0),
        ('"Absence makes the heart grow heavy."', (" heavy.", " fonder."), "word", 0),
        ("heavy, not fonder", (" heavy.", " fonder."), "word", 0),
        ("heavyweight", (" heavy.", " fonder."), "word", None),
        ("# and so on", (" #", " @"), "symbol", 0),
        ("C", (" C", " D"), "symbol", 0),
        ("", AB, "letter", None),
    ],
)
def test_reply_gives_the_class(reply, classes, answer, index):
    assert parse(reply, classes, answer).index == index


@pytest.mark.parametrize(
    ("reply", "classes", "answer", "is_valid"),
    [
        ("C", AB, "letter", True),
        ("C is another letter, and so is B. or A.", AB, "letter", False),
        ("93786.3", ROUNDED, "rounded", True),
        ("I am not sure", ROUNDED, "rounded", False),
        ("lighter", (" heavy.", " fonder."), "word", True),
        ("It is hard to say", (" heavy.", " fonder."), "word", False),
    ],
)
def test_an_answer_that_is_no_class_is_told_from_no_answer(reply, classes, answer, is_valid):
    assert parse(reply, classes, answer) == Parsed(None, is_valid)


@given(st.text(max_size=80), st.sampled_from(["letter", "yes_no", "y_n", "number", "rounded", "word", "symbol"]))
def test_no_reply_is_too_odd_to_be_read(reply, answer):
    classes = {"number": (" 3", " 14"), "rounded": ROUNDED, "yes_no": YES_NO, "y_n": Y_N}.get(answer, AB)
    parsed = parse(reply, classes, answer)
    assert parsed.index in (None, 0, 1)
    assert parse(without_reasoning(reply), classes, answer).index in (None, 0, 1)


@given(
    st.sampled_from([0, 1]),
    st.sampled_from(["{}", " {} ", "{}.", "Answer: {}", "The answer is {}", "<answer>{}</answer>"]),
)
def test_every_class_is_recognised_in_every_usual_form(index, form):
    for classes, answer in (
        (AB, "letter"),
        (YES_NO, "yes_no"),
        (ROUNDED, "rounded"),
        ((" heavy.", " fonder."), "word"),
    ):
        assert parse(form.format(classes[index].strip()), classes, answer).index == index


def test_first_line_makes_spaces_and_case_alike():
    assert first_line('Output:  "Ignore  the Lines."\nMore') == "ignore the lines."
    assert first_line("") == ""
