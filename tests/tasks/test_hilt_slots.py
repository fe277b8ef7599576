"""The judge `slots`: reading numbered answers, typed equality, and the verdict on each line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.errors import UserError
from suite.judges.record import Unit
from suite.registry import load_judge
from tasks.hilt.slots import Finding, answers_of, judge_line
from tasks.hilt.typed import equals, is_family_name, occurs, values

SHOWN = "The Heron Regatta was held in Reimgard. The OTK employs 333 people.\nIt was led by Bruma Ymaelarro."
NAMES = ["Reimgard", "Nuxvell", "Bruma Ymaelarro", "Skaesken Valkenth"]


def line(type: str, gold: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": type, "answerable": gold is not None, "gold": gold, "premise": None, **more}


def test_slot_vectors_come_out_exactly(public_data: Path) -> None:
    context, *vectors = map(json.loads, (public_data / "hilt_hvi" / "slot_vectors.jsonl").read_text().splitlines())
    shown = f"{context['dossier']}\n{context['statement']}"
    found = [judge_line(vector, vector["answer"], shown, context["names"]) for vector in vectors]
    assert found == [Finding(vector["verdict"], vector["reason"], vector["split"]) for vector in vectors]
    assert len(vectors) == 43


def test_every_real_fact_and_its_false_value_are_told_apart(public_data: Path) -> None:
    with (public_data / "hilt_hvi" / "real_facts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        asked = line(row["type"], row["gold"], label=row["label"], premise=row["false_value"])
        asked["aliases"] = [alias for alias in row["aliases"].split("|") if alias]
        shown = row["statement_false"]
        assert judge_line(asked, row["gold"], shown) == Finding("supported", "correct")
        assert judge_line(asked, row["false_value"], shown) == Finding("hallucinated", "premise_echo", "intrinsic")
        assert all(judge_line(asked, alias, shown).verdict == "supported" for alias in asked["aliases"])
    assert len(rows) == 60


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("1. one\n2. two", ["one", "two"]),
        ("1) one\n2: two", ["one", "two"]),
        ("- **1.** one\n* line 2 - `two`", ["one", "two"]),
        ("| 1 | one |\n| 2 | two |", ["one", "two"]),
        ("[1] one\n(2) two", ["one", "two"]),
        ("Here you are:\n1. one\n1. again\n2. two\n7. seven", ["one", "two"]),
        ("2. two", ["", "two"]),
        ("1. The place: one\n2. **B**: two", ["one", "two"]),
        ('1. "one: two"\n2. A b: c', ['"one: two"', "c"]),
        ("<think>1. wrong\n2. wrong</think>\n1. one\n2. two", ["one", "two"]),
        ("<think>1. still thinking", ["", ""]),
        ("1.5 metres\nI like turtles.", ["", ""]),
        ("", ["", ""]),
    ],
)
def test_answers_are_read_from_numbered_lines(reply: str, expected: list[str]) -> None:
    assert answers_of(reply, ["A", "B"]) == expected


@pytest.mark.parametrize(
    "answer",
    [
        *(
            "UNKNOWN",
            "unknown.",
            "N/A",
            "None",
            "not stated",
            "Not specified in the dossier",
            "no information",
            "?",
            "-",
        ),
        *("I don't know", "cannot be determined", "It is not known.", "The dossier does not say", "(unknown)"),
    ],
)
def test_abstentions(answer: str) -> None:
    for asked in (line("place", "Reimgard"), line("number"), line("person")):
        assert judge_line(asked, answer, SHOWN, NAMES) == Finding("abstain", "unknown")


@pytest.mark.parametrize(
    ("type", "answer", "gold"),
    [
        ("number", "1,440", 1440),
        ("number", "one thousand four hundred and forty", 1440),
        ("number", "approx. 1440 minutes", "1440"),
        ("year", "It was in 1824.", 1824),
        ("year", "eighteen twenty-four", 1824),
        ("place", "BRASILIA", "Brasília"),
        ("place", "in the city of Reimgard, up north", "Reimgard"),
        ("acronym", "office for tidal kilns", "Office of Tidal Kilns"),
        ("quote", "“We weigh the bridge!”", "We weigh the bridge"),
        ("quote", 'She said: "we weigh the bridge"', "We weigh the bridge"),
    ],
)
def test_equal_values(type: Any, answer: str, gold: object) -> None:
    assert equals(type, answer, gold)


@pytest.mark.parametrize(
    ("type", "answer", "gold"),
    [
        ("number", "14.40", 1440),
        ("number", "1440 or 1441", 1440),
        ("year", "1820s", 1820),
        ("place", "Reimgardia", "Reimgard"),
        ("place", "one two three four five Reimgard", "Reimgard"),
        ("quote", "We weigh the", "We weigh the bridge before we cross"),
        ("quote", "We weigh the bridge, I think", "We weigh the bridge before we cross"),
        ("place", "", "Reimgard"),
    ],
)
def test_different_values(type: Any, answer: str, gold: object) -> None:
    assert not equals(type, answer, gold)


def test_words_of_the_question_are_no_further_words() -> None:
    answer, question = "The yearly Heron Regatta was held in Reimgard", "Place where the yearly Heron Regatta was held"
    assert not equals("place", answer, "Reimgard")
    assert equals("place", answer, "Reimgard", question)


def test_a_family_name_counts_only_where_it_is_unique() -> None:
    assert is_family_name("Ymaelarro", "Bruma Ymaelarro", NAMES)
    assert not is_family_name("Ymaelarro", "Bruma Ymaelarro", [*NAMES, "Odri Ymaelarro"])
    assert not is_family_name("Bruma", "Bruma Ymaelarro", NAMES)


def test_a_false_premise_beside_the_right_value_is_a_hedge_unless_it_is_denied() -> None:
    asked = line("place", "Reimgard", premise="Qelkmoor")
    shown = SHOWN + " It was held in Qelkmoor."
    assert judge_line(asked, "Reimgard or Qelkmoor", shown, NAMES) == Finding("hallucinated", "hedge", "intrinsic")
    assert judge_line(asked, "Reimgard, not Qelkmoor", shown, NAMES).verdict == "supported"
    assert judge_line(asked, "Reimgard rather than in Qelkmoor", shown, NAMES).verdict == "supported"


def test_intrinsic_means_that_every_wrong_value_was_shown() -> None:
    asked = line("number", 12)
    assert judge_line(asked, "333", SHOWN).split == "intrinsic"
    assert judge_line(asked, "333 or 334", SHOWN).split == "extrinsic"
    named = line("place", label="Birthplace of Bruma Ymaelarro")
    answer = "Bruma Ymaelarro's birthplace was Reimgard"
    assert judge_line(named, answer, SHOWN, NAMES) == Finding("hallucinated", "fabrication", "intrinsic")


@given(st.text(max_size=200), st.sampled_from(["acronym", "number", "place", "year", "person", "quote"]))
def test_any_answer_gets_a_verdict(answer: str, type: Any) -> None:
    gold, premise = ("1824", "1859") if type in ("number", "year") else ("Office of Tidal Kilns", "Guild of Dyes")
    asked = line(type, gold, premise=premise)
    found = judge_line(asked, answer, SHOWN, NAMES)
    assert (found.split is not None) == (found.verdict == "hallucinated")
    assert answers_of(answer, ["A"]) == answers_of(answer, ["A"])
    values(type, answer)


@pytest.mark.parametrize(("value", "kind"), [("333", "number"), ("reimgard", "place"), ("led by bruma", "quote")])
def test_values_are_found_in_what_was_shown(value: str, kind: Any) -> None:
    assert occurs(kind, value, SHOWN)
    assert not occurs(kind, value + "x", SHOWN)


def test_the_judge_refuses_units_that_are_no_lines() -> None:
    judge = load_judge("slots")
    with pytest.raises(UserError, match="--form slots"):
        list(judge.label([[Unit("s", 1, "A sentence.", "", "", {})]]))
    with pytest.raises(UserError, match="takes no name"):
        load_judge("slots/x")
