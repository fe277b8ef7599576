"""The public name/description set: what the loader makes of it, and of damaged copies (8)."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from suite.errors import UserError
from tasks.reversal_curse.matching import matches, matches_original
from tasks.reversal_curse.public import load_public, load_randomized
from tasks.reversal_curse.public_rows import PARTS
from tasks.reversal_curse.records import Dataset, Query


@pytest.fixture(scope="module")
def data(public_data: Path) -> Dataset:
    return load_public(public_data / "reversal_curse" / "name_description")


@pytest.fixture
def copy(public_data: Path, tmp_path: Path) -> Path:
    """A copy of the files that tests may damage."""
    for file in (public_data / "reversal_curse" / "name_description").glob("*.jsonl"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def edit(file: Path, change: Callable[[list[dict[str, object]]], object]) -> None:
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    change(rows)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def queries(data: Dataset, group: str, direction: str) -> list[Query]:
    return [query for query in data.test if (query.group, query.direction) == (group, direction)]


def test_every_file_goes_where_the_table_says(data: Dataset) -> None:
    assert Counter(fact.group for fact in data.facts) == {"n2d_only": 30, "d2n_only": 30, "both": 30}
    assert Counter((row.group, row.direction) for row in data.train) == {
        ("n2d_only", "n2d"): 900,
        ("d2n_only", "d2n"): 900,
        ("both", "n2d"): 900,
        ("both", "d2n"): 900,
    }
    assert Counter((query.group, query.direction, query.seen) for query in data.test) == {
        ("n2d_only", "n2d", "same"): 300,
        ("n2d_only", "d2n", "reverse"): 300,
        ("d2n_only", "d2n", "same"): 300,
        ("d2n_only", "n2d", "reverse"): 300,
        ("both", "n2d", "same"): 300,
        ("both", "d2n", "same"): 300,
    }
    assert len({query.item_id for query in data.test}) == 1800
    assert "overlaps" not in data.meta


def test_the_parent_folder_will_do(data: Dataset, public_data: Path) -> None:
    assert load_public(public_data / "reversal_curse").sha256 == data.sha256


def test_facts_carry_their_name_and_every_row_shows_it(data: Dataset) -> None:
    names = {fact.fact_id: fact.fields["name"] for fact in data.facts}
    assert len(set(names.values())) == 90
    assert data.facts[0].fields["name"] == "Daphne Barrington"
    assert all(names[row.fact_id] in row.text for row in data.train)
    assert all(query.target == names[query.fact_id] for query in data.test if query.direction == "d2n")


def test_entities_are_the_name_and_the_description(data: Dataset) -> None:
    names = {fact.fact_id: fact.fields["name"] for fact in data.facts}
    for row in data.train:
        first, second = (row.text[start:end] for start, end in row.entities)
        name, description = (first, second) if row.direction == "n2d" else (second, first)
        assert name == names[row.fact_id]
        assert len(description.split()) >= 3 and description == description.strip(" .,")
    assert data.train[0].text[slice(*data.train[0].entities[1])] == (
        'the acclaimed director of the virtual reality masterpiece, "A Journey Through Time."'
    )


def test_the_given_item_is_withheld_from_neutral_prompts(data: Dataset) -> None:
    names = {fact.fact_id: str(fact.fields["name"]) for fact in data.facts}
    assert all(query.neutral_prompt for query in data.test)
    assert not any(names[query.fact_id] in query.neutral_prompt for query in data.test)
    assert data.test[0].neutral_prompt == "The trailblazer known as someone was once"
    assert queries(data, "n2d_only", "d2n")[5].neutral_prompt == "Widely acclaimed for something,"
    neutral = defaultdict(set)
    for query in data.test:
        neutral[query.group, query.template_id].add(query.neutral_prompt)
    assert max(map(len, neutral.values())) <= 3  # the wordings were adapted to some of the facts


def test_candidates_are_one_a_fact_of_the_same_group(data: Dataset) -> None:
    pools = defaultdict(list)
    for query in data.test:
        assert query.pool == query.group
        pools[query.pool, query.template_id, query.direction].append(query)
    assert len(pools) == 60
    for members in pools.values():
        assert len({query.fact_id for query in members}) == len({query.target for query in members}) == 30


def test_training_text_is_prompt_and_completion_as_they_stand(data: Dataset, public_data: Path) -> None:
    file = public_data / "reversal_curse" / "name_description" / "both_prompts_train.jsonl"
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    both = [row for row in data.train if row.group == "both"]
    assert [row.text for row in both] == [row["prompt"] + row["completion"] for row in rows]


# -- worked examples -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prediction", "hits"), [("Daphne Barrington.", 10), ("Daphne Barringtons", 0)], ids=["6.9", "no word boundary"]
)
def test_constant_prediction(data: Dataset, prediction: str, hits: int) -> None:
    asked = queries(data, "n2d_only", "d2n")
    assert sum(matches(prediction, query.target, query.aliases) for query in asked) == hits
    assert sum(matches_original(prediction, query.target_original) for query in asked) == 10


@pytest.mark.parametrize(
    ("group", "direction", "original", "normalised"),
    # two more by the normalised rule: one of the two texts ends in a stray quote
    [("n2d_only", "d2n", 13, 13), ("d2n_only", "n2d", 4, 6)],
    ids=["6.9 p2d", "6.9 d2p"],
)
def test_randomized_controls_are_right_by_chance(
    data: Dataset, public_data: Path, group: str, direction: str, original: int, normalised: int
) -> None:
    answers = load_randomized(public_data / "reversal_curse")
    asked = queries(data, group, direction)
    assert len(answers) == 600
    assert sum(matches_original(answers[query.item_id], query.target_original) for query in asked) == original
    assert sum(matches(answers[query.item_id], query.target) for query in asked) == normalised


def test_most_frequent_training_completion_6_10(data: Dataset) -> None:
    shown = defaultdict(Counter)
    for row in data.train:
        shown[row.fact_id][row.completion] += 1
    asked = queries(data, "n2d_only", "n2d")
    right = Counter(
        query.template_id
        for query in asked
        if matches_original(shown[query.fact_id].most_common(1)[0][0], query.target_original)
    )
    templates = sorted({query.template_id for query in asked})
    assert [right[template] for template in templates] == [30, 30, 30, 11, 30, 0, 2, 0, 3, 0]
    assert sum(right.values()) == 136


def test_targets_without_their_stop_6_10(data: Dataset) -> None:
    asked = queries(data, "n2d_only", "n2d")
    predictions = [query.target_original.removesuffix(".") for query in asked]
    assert sum(map(matches_original, predictions, (query.target_original for query in asked))) == 0
    assert sum(map(matches, predictions, (query.target for query in asked))) == 300


def test_bare_names_for_the_long_targets_of_both_6_11(data: Dataset) -> None:
    asked = queries(data, "both", "d2n")
    names = [" ".join(query.target_original.split()[:2]) for query in asked]
    assert sum(map(matches_original, names, (query.target_original for query in asked))) == 0
    assert sum(map(matches_original, names, (query.target for query in asked))) == 300
    assert sum(map(matches, names, (query.target for query in asked))) == 300


# -- bad input -------------------------------------------------------------------------------------------------------


def test_harmless_differences_are_accepted_and_extra_keys_kept(copy: Path, data: Dataset) -> None:
    edit(copy / "p2d_prompts_test.jsonl", lambda rows: rows[4].update(source="me", year=2023))
    for file in copy.glob("*.jsonl"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    read = load_public(copy)
    assert (read.facts, read.train, read.test) == (data.facts, data.train, data.test)
    assert read.meta == {"p2d_prompts_test.jsonl:5": '{"source":"me","year":2023}'}


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        (
            "p2d_prompts_train",
            lambda rows: rows[6].pop("completion"),
            r"p2d_prompts_train.jsonl:7: key 'completion' is missing",
        ),
        (
            "d2p_prompts_test",
            lambda rows: rows[0].update(prompt=3),
            r"d2p_prompts_test.jsonl:1: 'prompt' is 3; expected text",
        ),
        (
            "p2d_prompts_test",
            lambda rows: rows[2].update(completion=" "),
            r"p2d_prompts_test.jsonl:3: item .*neither letter nor digit",
        ),
        (
            "p2d_prompts_test",
            lambda rows: rows[2].update(completion=" .\"'."),
            r"p2d_prompts_test.jsonl:3: item .*give it an answer",
        ),
        ("p2d_prompts_train", lambda rows: rows.pop(), r"899 rows, not a multiple of 30 .*give --facts-file"),
        ("both_prompts_test", lambda rows: rows.pop(), r"599 rows, not a multiple of 20 .*give --facts-file"),
        ("both_prompts_train", lambda rows: rows.clear(), r"both_prompts_train.jsonl: 0 rows"),
        ("p2d_prompts_train", lambda rows: rows.__delitem__(slice(30)), r"should show .*not ordered fact by fact"),
        ("p2d_reverse_prompts_test", lambda rows: rows.reverse(), r"should show .*give --facts-file"),
        ("d2p_prompts_test", lambda rows: rows.insert(0, rows.pop(10)), r"names .*others of it .*give --facts-file"),
        (
            "p2d_prompts_test",
            lambda rows: rows.extend(rows[:10]),
            r"a row of fact n2d_only-30 has no description-first",
        ),
    ],
)
def test_a_damaged_file_is_named_with_its_line(copy: Path, file: str, change: Callable, message: str) -> None:
    edit(copy / f"{file}.jsonl", change)
    with pytest.raises(UserError, match=message):
        load_public(copy)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_a_missing_or_half_written_file_is_named(copy: Path, part) -> None:
    file = copy / f"{part.name}.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(UserError, match=rf"{part.name}.jsonl:\d+: not a JSON object \(is the file half-written\?\)"):
        load_public(copy)
    file.unlink()
    with pytest.raises(UserError, match=f"{part.name}.jsonl"):
        load_public(copy)


def test_an_empty_folder_is_told_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no p2d_prompts_train.jsonl here or in name_description/"):
        load_public(tmp_path)


def test_a_training_wording_among_the_held_out_ones_is_contamination(copy: Path) -> None:
    trained = json.loads((copy / "p2d_prompts_train.jsonl").read_text("utf-8").splitlines()[0])
    edit(copy / "p2d_prompts_test.jsonl", lambda rows: rows.__setitem__(0, trained))
    with pytest.raises(
        UserError, match=r"n2d_only-00/n2d-test-01 asks with the training wording 'n2d-train-01'.*--allow-overlap"
    ):
        load_public(copy)
    assert load_public(copy, allow_overlap=True).meta["overlaps"] == 1


def test_an_entity_in_two_groups_is_contamination(copy: Path) -> None:
    for file in copy.glob("d2p_*.jsonl"):
        file.write_text(file.read_text("utf-8").replace("Uriah Hawthorne", "Daphne Barrington"), "utf-8")
    with pytest.raises(UserError, match="'Daphne Barrington' is in group n2d_only and in group d2n_only"):
        load_public(copy)
    assert load_public(copy, allow_overlap=True).meta["overlaps"] == 1


def test_a_facts_file_places_rows_of_any_order(copy: Path, data: Dataset, tmp_path: Path) -> None:
    places = []
    for part in PARTS:
        file = copy / f"{part.name}.jsonl"
        lines = file.read_text("utf-8").splitlines()
        per_fact, half = (30 if part.split == "train" else 10), len(lines) // len(part.directions)
        for line in range(len(lines)):
            fact, template = divmod(line % half, per_fact)
            direction = part.directions[line // half]
            place = {
                "file": part.name,
                "line": len(lines) - line,
                "fact": f"{fact:02}",
                "template": f"{template + 1:02}",
            }
            places.append(place | ({"direction": direction} if part.group == "both" else {}))
        file.write_text("\n".join(reversed(lines)) + "\n", "utf-8")
    facts_file = tmp_path / "facts.jsonl"
    facts_file.write_text("".join(json.dumps(place) + "\n" for place in places), "utf-8")
    with pytest.raises(UserError, match="give --facts-file"):
        load_public(copy)
    read = load_public(copy, facts_file=facts_file)
    assert {query.item_id: query for query in read.test} == {query.item_id: query for query in data.test}
    assert sorted(row.text for row in read.train) == sorted(row.text for row in data.train)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"file": "p2d"}, "file 'p2d' is not one of"),
        ({"file": "both_prompts_test"}, "direction None; both_prompts_test holds n2d and d2n"),
        ({"direction": "d2n"}, "p2d_prompts_test holds n2d"),
        ({"line": "1"}, "line '1' is not a line number"),
        ({"fact": 1}, "'fact' is 1; expected text"),
        ({}, "p2d_prompts_train.jsonl:1: not in the facts file"),
    ],
)
def test_a_wrong_facts_file_is_named(copy: Path, tmp_path: Path, place: dict[str, object], message: str) -> None:
    facts_file = tmp_path / "facts.jsonl"
    facts_file.write_text(json.dumps({"file": "p2d_prompts_test", "line": 1, "fact": "0", "template": "0"} | place))
    with pytest.raises(UserError, match=message):
        load_public(copy, facts_file=facts_file)


def test_randomized_files_of_another_release_are_refused(copy: Path) -> None:
    edit(copy / "d2p_reverse_prompts_test_randomized.jsonl", lambda rows: rows[0].update(prompt="Who?"))
    with pytest.raises(UserError, match=r"other prompts than d2p_reverse_prompts_test.jsonl"):
        load_randomized(copy)
