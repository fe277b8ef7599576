"""Generated items, and the shipped files."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from suite.data import data_folder
from suite.errors import UserError
from tasks.position_bias import files
from tasks.position_bias.docqa_synth import docqa_items
from tasks.position_bias.items import FAMILIES, Family, Item, fewer
from tasks.position_bias.judge_synth import judge_items
from tasks.position_bias.kv_synth import kv_items
from tasks.position_bias.mcq_synth import mcq_items
from tasks.position_bias.needle import needle_items
from tasks.position_bias.parsing import normalised
from tasks.position_bias.premise_synth import premise_items
from tasks.position_bias.prompts import pair
from tasks.position_bias.sources import GENERATORS

# -- shipped files -----------------------------------------------------------------------------------------------------


def test_the_shipped_files_are_what_the_command_writes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tasks.position_bias.files", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[2])
    for name in (*files.FILES.values(), files.SUMS):
        assert (tmp_path / name).read_bytes() == (data_folder(files.NAME) / name).read_bytes(), name


def test_the_card_has_a_configuration_for_every_file() -> None:
    head = (data_folder(files.NAME) / "README.md").read_text("utf-8").split("---\n")[1]
    assert {one["data_files"] for one in yaml.safe_load(head)["configs"]} == set(files.FILES.values())


@pytest.mark.parametrize("family", FAMILIES)
def test_shipped_items_are_the_generated_ones(family: Family) -> None:
    shipped = (item for _, item in files.shipped_items(family))
    for item, made in zip(shipped, GENERATORS[family](0), strict=True):
        assert item == replace(made, meta=item.meta) and dict(item.meta) == dict(made.meta)


@pytest.mark.parametrize("family", FAMILIES)
def test_items_depend_on_the_seed_and_not_on_their_number(family: Family) -> None:
    few, many = list(GENERATORS[family](3, n=4)), list(GENERATORS[family](3, n=6))
    assert few == many[:4]
    assert [item.prefix + item.suffix for item in few] != [
        item.prefix + item.suffix for item in GENERATORS[family](4, n=4)
    ]


def test_a_changed_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write_shipped(tmp_path)
    (tmp_path / "kv_synth.jsonl").open("a").write("{}\n")
    monkeypatch.setattr(files, "data_folder", lambda _: tmp_path)
    with pytest.raises(UserError, match=r"kv_synth.jsonl: missing, or not the file that SHA256SUMS states"):
        files.shipped_items("kv")


# -- what generators promise -------------------------------------------------------------------------------------------


def test_options_are_distinct_balanced_and_of_like_length() -> None:
    items = list(mcq_items())
    assert Counter(item.gold_index for item in items) == {0: 50, 1: 50, 2: 50, 3: 50}
    for item in items:
        texts = [segment.text for segment in item.segments]
        lengths = [len(text) for text in texts]
        assert len(set(texts)) == 4 and max(lengths) - min(lengths) <= 2, item.id
        assert not any("above" in text for text in texts)


def test_the_right_option_follows_from_the_question() -> None:
    for item in mcq_items():
        question, (right,) = item.meta["question"], item.gold
        if item.template == "arithmetic":
            first, sign, second = question.removeprefix("What is ").rstrip("?").split()
            number = int(first) + int(second) * (1 if sign == "+" else -1)
            wrong = {int(segment.text) for segment in item.segments} - {number}
            assert int(right) == number
            assert int(right[::-1]) in wrong
            assert {abs(one - number) for one in wrong} >= {1, 10}
        elif item.template == "lookup":
            owner = question.rsplit(" does ", 1)[1].removesuffix(" own?")
            assert f"{owner}: {right}" in question
        elif "multiple" in question:
            divisor = int(question.rstrip("?").split()[-1])
            assert [segment.is_gold for segment in item.segments] == [
                int(segment.text) % divisor != 0 for segment in item.segments
            ]
        else:
            letter = question.rstrip("?").split()[-1]
            assert [segment.is_gold for segment in item.segments] == [
                not segment.text.startswith(letter) for segment in item.segments
            ]


def test_pairs_have_like_lengths_and_every_tenth_has_an_identical_one_beside_it() -> None:
    items = list(judge_items())
    assert Counter(item.template for item in items) == {
        "slip": 50,
        "count": 50,
        "name": 50,
        "code": 50,
        "identical": 20,
    }
    for item in items:
        first, second = (segment.text for segment in item.segments)
        assert abs(len(first) - len(second)) <= 0.1 * max(len(first), len(second)), item.id
        assert (first == second) == (item.template == "identical")
        assert item.gold == tuple(segment.text for segment in item.segments if segment.is_gold)


def test_no_label_that_travels_is_more_often_right_than_another() -> None:
    named = Counter((item.template, item.gold_index) for item in judge_items() if item.gold)
    assert set(named.values()) == {25}  # four kinds, A and B
    for k in (10, 20):
        shown = [fewer(item, k).segments for item in docqa_items()]
        assert all({int(str(one.label)) for one in own} == set(range(1, k + 1)) for own in shown)
        numbers = [int(str(one.label)) for own in shown for one in own if one.is_gold]
        assert set(numbers) == set(range(1, k + 1)) and max(Counter(numbers).values()) < 20


@pytest.mark.parametrize("kind", ["multiples", "sums", "counts down"])
def test_only_the_better_function_does_what_is_asked(kind: str) -> None:
    expected = {
        "multiples": lambda n, factor: [factor * i for i in range(1, n + 1)],
        "sums": lambda n, factor: factor * n * (n + 1) // 2,
        "counts down": lambda n, factor: list(range(n, factor - 1, -1)),
    }[kind]
    said = {"multiples": "multiples of", "sums": "adds up", "counts down": "counts down"}[kind]
    found = [item for item in judge_items() if item.template == "code" and said in item.meta["question"]]
    assert found
    for item in found:
        factor = int(item.segments[0].text.split("at least ")[1].split("\n")[0])
        right = [run_function(one.text, factor + 5) == expected(factor + 5, factor) for one in item.segments]
        assert right == [one.is_gold for one in item.segments]


def run_function(source: str, n: int) -> Any:
    space: dict[str, Any] = {}
    exec(source, space)  # our own generator's code
    return next(value for name, value in space.items() if not name.startswith("__"))(n)


def test_an_answer_stands_in_the_gold_passage_only() -> None:
    for item in docqa_items():
        assert len(item.segments) == 20
        answer = normalised(item.gold[0])
        holding = [segment.is_gold for segment in item.segments if answer in normalised(segment.text)]
        assert holding == [True]
        assert answer not in normalised(item.prefix + item.suffix)
        assert not item.meta["answer_in_question"]
        assert all(50 <= len(segment.text.split()) <= 75 for segment in item.segments)


def test_keys_and_values_are_version_4_uuids_and_all_differ() -> None:
    for item in kv_items(n=5):
        texts = [part for segment in item.segments for part in pair(segment.text)]
        assert len(set(texts)) == 2 * 50
        assert all(uuid.UUID(text).version == 4 for text in texts)


def test_filler_never_holds_the_number() -> None:
    for item in needle_items():
        assert [segment.is_gold for segment in item.segments] == [True] + [False] * 160
        assert not any(character.isdigit() for segment in item.segments[1:] for character in segment.text)


def test_premises_lead_to_the_answer_and_stand_on_their_own() -> None:
    items = list(premise_items())
    assert Counter(item.template for item in items) == {"chain": 100, "rules_0": 34, "rules_5": 33, "rules_10": 33}
    for item in items:
        assert sum(segment.is_gold for segment in item.segments) == 8
        assert {*item.gold}.isdisjoint(item.meta["wrong"]) and len(set(item.meta["wrong"])) == 3
        assert solved(item) == item.gold[0]
        words = {word.strip(".,").lower() for segment in item.segments for word in segment.text.split()}
        assert not words & {"it", "its", "they", "them", "then", "this", "these", "first", "next"}


def solved(item: Item) -> str:
    """The answer by forward chaining over all segments, distractors included."""
    texts = [segment.text.rstrip(".") for segment in item.segments]
    if item.template == "chain":
        amounts: dict[str, int] = {}
        for text in texts:
            box, rest = text.split(" holds ")
            words = rest.split()
            change = int(words[0]) * (-1 if "fewer" in words else 1)
            amounts[box.removeprefix("The ")] = change + (
                amounts[rest.split(" than the ")[1]] if " than the " in rest else 0
            )
        return str(amounts[item.meta["question"].split(" does the ")[1].removesuffix(" hold?")])
    given, asked = item.meta["question"].split(". Which number does the ")
    known = {given.removeprefix("The ")}
    for _ in texts:
        for text in texts:
            condition, result = text.removeprefix("If the ").split(", the ")
            if condition in known:
                known.add(result)
    found = [fact for fact in known if fact.startswith(asked.removesuffix(" show?") + " shows")]
    assert len(found) == 1, "a distractor fires"
    return found[0].split()[-1]
