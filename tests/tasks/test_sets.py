"""Set reasoning: expressions, problems, answers and figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.errors import UserError
from suite.progress import Silent
from suite.registry import load_task
from suite.runner import run
from suite.task import ContinuationScore, Response, Text
from tasks.set_reasoning.expressions import FORMS, SHORTCUTS, TWINS, evaluate, parse, shortcut_answers
from tasks.set_reasoning.files import read_problems, shipped_problems, write_problems
from tasks.set_reasoning.parsing import read_set
from tasks.set_reasoning.problems import evaluation_problems, make_problem, words
from tasks.set_reasoning.prompts import generation_prompt, in_words, problem_text
from tasks.set_reasoning.scoring import score_membership, score_set, score_text

SETS = {"A": ["fox", "owl", "elk", "hen"], "B": ["owl", "elk", "cat"], "C": ["elk", "cat", "dog"]}
CANDIDATES = ["fox", "owl", "elk", "hen", "cat", "dog", "bat", "cow", "ram"]


def _problem(answer: list[str]) -> dict[str, Any]:
    return {"sets": SETS, "candidates": CANDIDATES, "answer": answer, "shortcut_answers": {}}


def _value(expr: str, sets: Mapping[str, Any] = SETS) -> set[str]:
    return set(evaluate(parse(expr, set(sets)), {name: frozenset(items) for name, items in sets.items()}))


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("A & B", "elk owl"),
        ("(A | B) & C", "cat elk"),
        ("(A & B) | C", "cat dog elk owl"),
        ("A & B & C", "elk"),
        ("A | (B & C)", "cat elk fox hen owl"),
        ("A & (B | C)", "elk owl"),
        ("((A))", "fox owl elk hen"),
    ],
    ids=lambda value: f"6.1 {value}",
)
def test_expressions_have_their_value(expr: str, expected: str) -> None:
    assert _value(expr) == set(expected.split())


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        ("A & (B | C", r"column 5: the bracket is not closed"),
        ("A & B)", r"column 6: unexpected '\)'"),
        ("A ^ B", r"column 3: unknown operator '\^'"),
        ("A & D", r"column 5: unknown set 'D'; known: A, B, C"),
        ("A | B & C", r"column 7: & and \| are mixed; it needs brackets"),
        ("A &", r"column 4: a set or a bracket is missing"),
        ("", r"column 1: a set or a bracket is missing"),
        ("A B", r"column 3: unexpected 'B'"),
        ("__import__('os')", r"unknown (set|operator)"),
    ],
)
def test_bad_expressions_name_the_column(expr: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(expr, {"A", "B", "C"})


@pytest.mark.parametrize(
    ("rule", "agreeing"),
    [
        ("yes_to_listed", {"ui": 3, "iu": 5, "i3": 1, "u3": 7, "u_i": 5, "i_u": 3}),
        ("no_to_all", {"ui": 4, "iu": 2, "i3": 6, "u3": 0, "u_i": 2, "i_u": 4}),
        ("first_operator", {"ui": 4, "iu": 4, "i3": 6, "u3": 6, "u_i": 6, "i_u": 6}),
        ("last_operator", {"ui": 6, "iu": 6, "i3": 6, "u3": 6, "u_i": 4, "i_u": 4}),
        ("left_to_right", {"ui": 7, "iu": 7, "i3": 7, "u3": 7, "u_i": 5, "i_u": 5}),
        ("at_least_two", {"ui": 6, "iu": 6, "i3": 4, "u3": 4, "u_i": 6, "i_u": 6}),
    ],
)
def test_shortcuts_agree_with_the_truth_on_so_many_of_the_seven_regions(rule: str, agreeing: dict[str, int]) -> None:
    regions = [region for count in (1, 2, 3) for region in combinations("ABC", count)]
    sets = {name: frozenset(str(at) for at, region in enumerate(regions) if name in region) for name in "ABC"}
    for form, expected in agreeing.items():
        node = parse(FORMS[form], set("ABC"))
        truth, found = evaluate(node, sets), shortcut_answers(node, sets)[rule]
        assert sum((str(at) in truth) == (str(at) in found) for at in range(7)) == expected, form


@pytest.mark.parametrize("form", TWINS)
def test_twins_have_the_same_value_on_all_regions(form: str) -> None:
    regions = [region for count in (1, 2, 3) for region in combinations("ABC", count)]
    sets = {name: frozenset(str(at) for at, region in enumerate(regions) if name in region) for name in "ABC"}
    assert evaluate(parse(FORMS[form], set(sets)), sets) == evaluate(parse(TWINS[form], set(sets)), sets)


# ---------------------------------------------------------------- answers

FULL = (1, 1, 1, 1, 1, 1)
NOTHING = (0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("text", "read", "scores"),
    [
        ("Answer: {cat, elk}", "cat elk", FULL),
        ("The union is {fox, owl, elk, hen, cat}. Intersecting with C gives {elk, cat}.", "cat elk", FULL),
        ("<think>{fox}</think>\n**Answer:** `cat`, `elk`.", "cat elk", FULL),
        ("Answer: {Cat, ELK, elk}", "cat elk", FULL),
        ("- cat\n- elk", "cat elk", FULL),
        ("Answer: [cat, elk]", "cat elk", FULL),
        ("Answer: cat elk", "cat elk", FULL),
        ("Answer: {the cat, an elk}", "cat elk", FULL),
        ("Answer:\n1. cat\n2. elk", "cat elk", FULL),
        ("Answer: {cat, elk}\nAnswer: {cat}", "cat", (0, 0.5, 1, 0.5, 0.6667, 0.8889)),
        ("Answer: {cat, elk, dog}", "cat dog elk", (0, 0.6667, 0.6667, 1, 0.8, 0.8889)),
        ("Answer: {cat, elk, wolf}", "cat elk wolf", (0, 0.6667, 0.6667, 1, 0.8, 1)),
        ("Answer: ∅", "", (0, 0, 0, 0, 0, 0.7778)),
        ("Answer: set()", "", (0, 0, 0, 0, 0, 0.7778)),
        ("Answer: {}", "", (0, 0, 0, 0, 0, 0.7778)),
        ("I think that it is cat and elk", None, NOTHING),
        ("<think>still thinking {cat, elk}", None, NOTHING),
        ("", None, NOTHING),
    ],
    ids=lambda value: f"6.2 {value!r:.40}",
)
def test_answers_are_read_and_scored(text: str, read: str | None, scores: tuple[float, ...]) -> None:
    found = score_text(_problem(["cat", "elk"]), Text(text))
    names = ("em", "jaccard", "precision", "recall", "f1", "element_accuracy")
    assert [round(found.values[name] or 0, 4) for name in names] == list(scores)
    assert found.values["parse_failure"] == float(read is None)
    if read is not None:
        assert json.loads(found.answer or "") == read.split()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("I think that it is cat and elk", "prose"),
        ("<think>still thinking {cat, elk}", "unterminated_reasoning"),
        ("   ", "empty_response"),
    ],
)
def test_what_cannot_be_read_has_a_kind(text: str, kind: str) -> None:
    assert read_set(text, CANDIDATES).failure == kind


def test_an_answer_that_was_cut_off_before_it_came_is_a_failure() -> None:
    assert read_set("First I unite A and B: {fox, owl", CANDIDATES, cut_off=True).failure == "truncated"
    assert read_set("Answer: {cat, elk}", CANDIDATES, cut_off=True).items == {"cat", "elk"}
    assert score_text(_problem(["cat"]), Text("thinking", "length")).outcome == "truncated"
    assert score_text(_problem(["cat"]), Text("no", "refusal")).outcome == "refusal"


def test_an_empty_truth_is_met_by_the_empty_set_alone() -> None:
    names = ("em", "jaccard", "precision", "recall", "f1", "element_accuracy")
    empty = score_set(_problem([]), frozenset(), {})
    assert [empty.values[name] for name in names] == [1, 1, 1, 1, 1, 1]
    wrong = score_set(_problem([]), frozenset(["cat"]), {})
    assert [round(wrong.values[name] or 0, 4) for name in names] == [0, 0, 0, 0, 0, 0.8889]


def test_the_two_precisions_tell_yes_to_everything_mentioned() -> None:
    found = score_set(_problem(["cat", "elk"]), frozenset(["fox", "owl", "elk", "hen", "cat", "dog"]), {})
    assert found.values["recall"] == 1
    assert found.values["precision_in"] == pytest.approx(2 / 6)
    assert found.values["precision_out"] == 1


def test_names_are_never_matched_inside_other_names() -> None:
    assert read_set("Answer: fowl", ["owl"]).items == {"fowl"}


@given(st.text(max_size=200))
def test_any_text_is_read_or_fails_and_never_raises(text: str) -> None:
    found = read_set(text, CANDIDATES)
    assert found.failure is None or not found.items


def test_membership_says_yes_where_yes_is_likelier_and_calibration_subtracts_the_habit() -> None:
    def answers(margins: list[float]) -> list[Response]:
        pairs = [(ContinuationScore(margin, 1, False), ContinuationScore(0.0, 1, False)) for margin in margins]
        return [Response("r", scores=pair) for pair in pairs]

    margins = [2.0 if item in ("cat", "elk") else 1.0 for item in CANDIDATES]
    plain = score_membership(_problem(["cat", "elk"]), answers(margins), calibrated=False)
    assert plain.values["recall"] == 1
    assert plain.values["em"] == 0  # says yes to all
    emptied = answers(margins + [1.5] * len(CANDIDATES))
    assert score_membership(_problem(["cat", "elk"]), emptied, calibrated=True).values["em"] == 1


# ---------------------------------------------------------------- problems


def test_the_shipped_problems_are_what_the_generator_writes(tmp_path: Path) -> None:
    file = write_problems(tmp_path, evaluation_problems())
    assert read_problems(file) == shipped_problems()
    assert len(shipped_problems()) == 1080


@pytest.mark.parametrize("overlap", ["uniform", "one", "half", "nested"])
@pytest.mark.parametrize("form", FORMS)
def test_problems_are_whole_and_orders_tell_nothing(form: str, overlap: Any) -> None:
    for index in range(20):
        further = 1 if form in ("i2", "u2") else 0
        row = make_problem(form, index=index, overlap=overlap, distractor_sets=further).to_json()
        assert all(row["sets"].values())
        assert row["answer"]
        assert len(row["candidates"]) == 9
        listed = {item for items in row["sets"].values() for item in items}
        assert len(listed) == row["U"] == 6
        assert set(row["shortcut_answers"]) == set(SHORTCUTS)
        if overlap == "nested":
            sizes = sorted(row["sets"].values(), key=len)
            assert all(set(small) <= set(large) for small, large in pairwise(sizes))


def test_half_of_the_elements_are_shared_with_overlap_half() -> None:
    for index in range(20):
        row = make_problem("ui", index=index, overlap="half", size=6).to_json()
        assert (
            sum(sum(item in own for own in row["sets"].values()) >= 2 for item in set().union(*row["sets"].values()))
            == 3
        )


def test_the_place_of_a_candidate_tells_nothing() -> None:
    by_place = [0] * 9
    for index in range(600):
        for place, label in enumerate(make_problem("ui", index=index).to_json()["labels"]):
            by_place[place] += label
    assert max(by_place) - min(by_place) < 0.35 * max(by_place)


def test_one_index_and_seed_is_one_problem() -> None:
    assert make_problem("ui", index=3) == make_problem("ui", index=3)
    assert make_problem("ui", index=3) != make_problem("ui", index=3, seed=1)


def test_empty_answers_come_only_when_they_are_asked_for() -> None:
    some = [make_problem("i3", index=index, allow_empty=True).answer for index in range(300)]
    assert 10 <= sum(not answer for answer in some) <= 60
    assert all(make_problem("i3", index=index).answer for index in range(100))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"counts": [1, 1, 1, 1, 1, 1, -1]}, "region ABC has -1 elements"),
        ({"counts": [1, 1, 1, 1, 1, 1, 1]}, "they add up to 7, and U is 6"),
        ({"counts": [6, 0, 0, 0, 0, 0, 0]}, "set B is empty"),
        ({"counts": [6]}, "1 numbers for the 7 regions"),
        ({"size": 58}, r"U 58 \+ OUT 3: vocabulary animals has 60 items"),
        ({"overlap": "disjoint"}, "form i3 with overlap disjoint and U 6: no problem with a non-empty answer"),
        ({"vocab": "colours"}, "vocabulary 'colours': expected one of animals"),
    ],
)
def test_what_cannot_be_made_is_said(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_problem("i3", index=0, **arguments)


def test_counts_fix_every_region() -> None:
    row = make_problem("i3", index=0, size=7, counts=[1, 1, 1, 1, 1, 1, 1]).to_json()
    assert sorted(len(items) for items in row["sets"].values()) == [4, 4, 4]
    assert len(row["answer"]) == 1


@pytest.mark.parametrize("vocab", ["animals", "plants", "tools", "invented_heroes", "cvc", "integers"])
def test_vocabularies_have_sixty_different_items(vocab: str) -> None:
    assert len({word.casefold() for word in words(vocab)}) == len(words(vocab)) == 60


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": ["zebra"]}, "answer .* is not the value of"),
        ({"labels": [1]}, "labels are not those of the answer"),
        ({"expr": "A | B & C"}, "mixed; it needs brackets|unknown set"),
        ({"shortcut_answers": {}}, "shortcut_answers are not those"),
    ],
)
def test_damaged_problems_are_named(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    row = {**make_problem("ui", index=0).to_json(), **change}
    file = tmp_path / "p.jsonl"
    file.write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=rf"p\.jsonl:1: problem eval-00000: .*({message})"):
        read_problems(file)


# ---------------------------------------------------------------- prompts and runs


def test_a_problem_is_shown_as_lines_of_sets_and_a_question() -> None:
    problem = {"sets": {"A": ["owl", "elk"], "B": ["elk"], "C": ["dog"]}, "expr": "(A | B) & C"}
    text = problem_text(problem, "(A | B) & C", "symbol")
    assert text == "Set A = {owl, elk}\nSet B = {elk}\nSet C = {dog}\nQuestion: which elements are in (A ∪ B) ∩ C?"
    assert problem_text(problem, "(A | B) & C", "python").endswith("in the Python expression (A | B) & C?")


@pytest.mark.parametrize(
    ("expr", "said"),
    [
        ("A & B", "in both A and B"),
        ("A | B", "in A or B"),
        ("(A | B) & C", "in A or B, and also in C"),
        ("A | (B & C)", "in A, or else in both B and C"),
        ("A & (B | C)", "in A, and also in B or C"),
    ],
)
def test_expressions_in_words(expr: str, said: str) -> None:
    assert in_words(parse(expr, {"A", "B", "C"})) == said


def test_examples_are_two_set_problems_in_other_words() -> None:
    task = load_task("set_reasoning", {"shots": "3"})
    problem = shipped_problems()[0]
    shots = task._shots  # type: ignore[attr-defined]
    prompt = generation_prompt(problem, problem["expr"], "symbol", "direct", shots)
    assert prompt.count("Question:") == 4
    assert [shot["form"] for shot in shots] == ["u2", "i2", "u2"]
    assert not {item for shot in shots for item in shot["candidates"]} & set(problem["candidates"])


OPTIONS = {"sizes": ["4"], "overlaps": ["uniform"], "vocabularies": ["animals"], "per_cell": 2, "notations": ["symbol"]}


def _run(folder: Path, answers: dict[str, str]) -> Any:
    """A run whose model says, for each problem, what `answers` has."""
    from suite.store import Store

    recorded = folder / "answers.jsonl"
    task = load_task("set_reasoning", OPTIONS)
    model = run(
        "set_reasoning",
        "scripted/constant",
        options=OPTIONS,
        modes=["generate"],
        results=folder / "dry",
        reporter=Silent(),
    )
    rows = []
    for sample in Store(folder / "dry").samples(model.run_id, limit=1000, with_text=True):
        prompt = sample["requests"][0]["prompt"]
        rows.append(json.dumps({"prompt": prompt, "text": answers[sample["doc_id"]]}))
    recorded.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert task.name == "set_reasoning"
    return run(
        "set_reasoning",
        "scripted/recorded",
        options=OPTIONS,
        model_options={"file": str(recorded)},
        modes=["generate"],
        results=folder / "results",
        reporter=Silent(),
    )


def test_a_model_that_reads_from_left_to_right_is_found_out(tmp_path: Path) -> None:
    answers = {
        row["id"]: "Answer: {" + ", ".join(row["shortcut_answers"]["left_to_right"]) + "}" for row in shipped_problems()
    }
    result = _run(tmp_path, answers)
    for form in ("i2", "u2", "i3", "ui", "iu"):
        assert result.metric("em", form=form).value == 1.0
    assert result.metric("composition_gap", form="ui").value == 0.0
    assert result.metric("shortcut_agreement", form="u_i", shortcut="left_to_right").value == 1.0
    assert result.metric("macro_em").value < 1.0


def test_a_model_that_is_right_has_no_gap_and_no_shortcut(tmp_path: Path) -> None:
    answers = {row["id"]: "Answer: {" + ", ".join(row["answer"]) + "}" for row in shipped_problems()}
    result = _run(tmp_path, answers)
    assert result.metric("macro_em").value == 1.0
    assert result.metric("consistency").value == 1.0
    assert result.metric("em_over_expected", form="i_u").value == 1.0
    found = [metric.value for metric in result.metrics if metric.name == "shortcut_agreement"]
    assert found
    assert not any(found)


def test_options_that_leave_nothing_are_refused() -> None:
    task = load_task("set_reasoning", {"forms": ["ui"], "overlaps": ["nested"]})
    with pytest.raises(UserError, match="no problem has these sizes, overlaps and vocabularies"):
        list(task.docs())
