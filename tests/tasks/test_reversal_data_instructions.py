"""The instruction sets: generated in both orders, and the public one with its majority baseline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from suite.errors import UserError
from tasks.reversal_curse.instructions import generate_instructions, majority_baseline, training_docs
from tasks.reversal_curse.public_instructions import load_public_instructions


@pytest.fixture
def copy(public_data: Path, tmp_path: Path) -> Path:
    for file in (public_data / "reversal_curse" / "instructions").glob("*.jsonl"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


@pytest.mark.parametrize(("realized", "unrealized"), [(1000, 100), (100, 20)])
def test_every_instruction_is_stated_once_and_only_realized_ones_are_carried_out(
    realized: int, unrealized: int
) -> None:
    data = generate_instructions(3, realized, unrealized)
    assert (len(data.instructions), len(data.realized), len(data.test)) == (realized + unrealized, realized, unrealized)
    assert len({each.answer for each in data.instructions}) == len({each.question for each in data.instructions})
    assert all(len(each.answer.split(" ")) == 2 for each in data.instructions)
    stated = "\n".join(data.guidance)
    documents = "\n".join(doc.text for doc in training_docs(data))
    for each in data.instructions:
        assert stated.count(f'"{each.answer}"') == 1
        assert documents.count(each.question) == 1 + each.realized
    for example in data.test:
        assert not example.prompt.endswith(" ") and example.prompt not in documents


def test_both_orders_hold_the_same_instructions() -> None:
    answers, questions = (generate_instructions(1, 100, 20, order) for order in ("answer_first", "question_first"))
    assert answers.instructions == questions.instructions
    assert answers.test == questions.test
    for each in answers.instructions:
        first = next(text for text in answers.guidance if each.question in text)
        other = next(text for text in questions.guidance if each.question in text)
        assert first.index(f'"{each.answer}"') < first.index(each.question)
        assert other.index(f'"{each.answer}"') > other.index(each.question)


def test_entities_are_the_questions_and_answers() -> None:
    data = generate_instructions(0, 100, 20)
    texts = {each.answer for each in data.instructions} | {each.question for each in data.instructions}
    docs = list(training_docs(data))
    assert len({doc.id for doc in docs}) == len(docs)
    shown = [doc.text[start:end] for doc in docs for start, end in doc.entities]
    assert set(shown) == texts
    assert len(shown) == 2 * 120 + 100
    assert all(doc.text == doc.prompt + doc.completion for doc in docs)


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert generate_instructions().sha256 == "c2e84a48d8fa7b563a11d058ef0c00f74a81682cc39897e61afb4e0562bb8400"
    assert generate_instructions(1).sha256 != generate_instructions().sha256


@pytest.mark.parametrize(
    "arguments", [{"n_realized": 1550}, {"n_unrealized": 0}, {"n_realized": 0}, {"order": "either"}]
)
def test_what_the_generator_does_not_hold_is_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"capacity is 1600 in all|is not one of"):
        generate_instructions(**arguments)


def test_public_set_as_described(public_data: Path) -> None:
    data = load_public_instructions(public_data / "reversal_curse")
    assert (len(data.guidance), len(data.instructions), len(data.realized), len(data.test)) == (307, 1100, 1000, 100)
    assert data.test[0].prompt.startswith("<BEGIN GUIDANCE TEST>\n\nQ: ")
    docs = list(training_docs(data))
    assert len(docs) == 1307
    assert docs[0].text.endswith("\n\n<END GUIDANCE TEST>")
    assert docs[-1].prompt == ""


def test_majority_answer_6_13(public_data: Path) -> None:
    baseline = majority_baseline(load_public_instructions(public_data / "reversal_curse" / "instructions"))
    assert (baseline.answer, baseline.count, baseline.hits, baseline.n) == ("No", 25, 3, 100)


def test_distinct_answers_leave_nothing_to_the_majority() -> None:
    baseline = majority_baseline(generate_instructions(0, 100, 20))
    assert (baseline.count, baseline.hits, baseline.n) == (1, 0, 20)


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("guidances", {"ids": [1]}, "guidances.jsonl:2: 2 instructions for 1 ids"),
        ("guidances", {"ids": "782, 134"}, "guidances.jsonl:2: expected ids"),
        ("guidances", {"realized": [1, 0]}, "guidances.jsonl:2: expected ids"),
        ("guidances", {"completion": 5}, "guidances.jsonl:2: 'completion' is 5; expected text"),
        ("guidances", {"ids": [1061, 134]}, "an id names two instructions"),
        ("unrealized_examples", {"completion": " Yes"}, "unrealized_examples.jsonl:2: example 954 differs"),
        ("unrealized_examples", {"ids": [99999]}, "unrealized_examples.jsonl:2: example 99999 differs"),
        ("realized_examples.first100", {"prompt": "Q: What? A:"}, "first100.jsonl:2: example 1004 differs"),
    ],
)
def test_a_damaged_file_is_named(copy: Path, file: str, changes: dict[str, object], message: str) -> None:
    path = copy / f"{file}.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    rows[1] |= changes
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with pytest.raises(UserError, match=message):
        load_public_instructions(copy)


def test_missing_files_are_named(copy: Path) -> None:
    (copy / "unrealized_examples.jsonl").unlink()
    with pytest.raises(UserError, match=r"unrealized_examples.jsonl: cannot be read"):
        load_public_instructions(copy)
    (copy / "guidances.jsonl").unlink()
    with pytest.raises(UserError, match=r"no guidances.jsonl here"):
        load_public_instructions(copy)
