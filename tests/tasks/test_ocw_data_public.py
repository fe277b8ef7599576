"""The public walls: every form of file, the hub, bad walls, our randomised version, and the figures of a copy."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from suite.errors import UserError
from tasks.only_connect_wall.facts import clue_facts, human_facts
from tasks.only_connect_wall.public import load_public
from tasks.only_connect_wall.public_randomized import randomized
from tasks.only_connect_wall.walls import Wall


def made_up(number: int, *, found: int = 4) -> dict[str, Any]:
    """A wall as in the release."""
    rows = [[f"w{number} {group}{clue}" for clue in range(4)] for group in "abcd"]
    words = [clue for column in zip(*rows, strict=True) for clue in column]
    groups = {
        f"group_{at + 1}": {
            "group_id": f"{number:04x}_0{at + 1}",
            "gt_words": row,
            "gt_connection": f"Connection {number}-{at}",
            "human_performance": {"grouping": int(at < found), "connection": 1},
        }
        for at, row in enumerate(rows)
    }
    return {
        "wall_id": f"{number:04x}",
        "season": 1,
        "episode": number,
        "words": words,
        "gt_connections": [f"Connection {number}-{at}" for at in range(4)],
        "groups": groups,
        "overall_human_performance": {"grouping": [1, 1, 0, 0], "connections": [1, 1, 1, 1]},
    }


def release(rows: list[dict[str, Any]], seasons: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"season_to_walls_map": seasons or {"1": {"num_walls": len(rows)}}, "dataset": rows}


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    return [made_up(number) for number in range(3)]


@pytest.fixture
def sample(public_data: Path) -> tuple[Wall, ...]:
    return load_public(str(public_data / "only_connect_wall" / "ocw_sample.json")).walls


@pytest.mark.parametrize("shape", ["release", "season counts", "hub raw", "list", "lines", "bom and crlf"])
def test_every_form_of_file_is_read_alike(shape: str, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    texts = {
        "release": json.dumps(release(rows)),
        "season counts": json.dumps(release(rows, {"0": 0, "1": 3})),
        "hub raw": json.dumps({"dataset": rows}),
        "list": json.dumps(rows),
        "lines": "\n".join(map(json.dumps, rows)),
        "bom and crlf": "\ufeff" + "\r\n".join(map(json.dumps, rows)) + "\r\n",
    }
    path = tmp_path / "walls.json"
    path.write_bytes(texts[shape].encode())
    loaded = load_public(str(path))
    assert [wall.id for wall in loaded.walls] == ["0000", "0001", "0002"]
    assert loaded.counts == {"loaded": 3, "skipped": 0, "coerced_clues": 0, "ambiguous": 0}
    assert loaded.warnings == ()
    first = loaded.walls[0]
    assert first.words == tuple(rows[0]["words"])
    assert [group.label for group in first.groups] == rows[0]["gt_connections"]
    assert (first.set, first.item, first.cluster) == ("public", "0000", "0000")
    assert first.meta == {"variant": "original", "season": 1, "episode": 0}


def test_one_wall_alone_is_a_file_too(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text(json.dumps(rows[0]))
    assert len(load_public(str(tmp_path / "one.jsonl")).walls) == 1


def test_a_folder_has_a_file_a_split(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    place = tmp_path / "OCW" / "dataset"
    place.mkdir(parents=True)
    for name, row in zip(("train", "validation", "test"), rows, strict=True):
        (place / f"{name}.json").write_text(json.dumps(release([row])))
    for folder in (place, place.parent):
        assert [load_public(str(folder), split=name).walls[0].id for name in ("train", "validation", "test")] == [  # type: ignore[arg-type]
            "0000",
            "0001",
            "0002",
        ]
        assert len(load_public(str(folder), split="all").walls) == 3
    (place / "OCW.json").write_text(json.dumps(release([made_up(9)])))
    assert [wall.id for wall in load_public(str(place), split="all").walls] == ["0009"]


@pytest.mark.parametrize("variant", ["randomized", "wordnet"])
def test_the_name_tells_the_variant(variant: str, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / f"easy_test_{variant}.json").write_text(json.dumps(release(rows)))
    loaded = load_public(str(tmp_path / f"easy_test_{variant}.json"))
    assert {wall.meta["variant"] for wall in loaded.walls} == {variant}
    of_folder = load_public(str(tmp_path), variant=variant)  # type: ignore[arg-type]
    assert of_folder.walls == loaded.walls


def test_a_folder_without_the_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no test.json, nor a folder dataset that does; give the path of a file"):
        load_public(str(tmp_path))


def test_clues_that_are_no_text_are_read_as_text_with_one_warning(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    for row, number in zip(rows, (8.5, 7, True), strict=True):
        old = row["groups"]["group_2"]["gt_words"][1]
        row["groups"]["group_2"]["gt_words"][1] = number
        row["words"][row["words"].index(old)] = number
    (tmp_path / "walls.json").write_text(json.dumps(rows))
    loaded = load_public(str(tmp_path / "walls.json"))
    assert [wall.groups[1].clues[1] for wall in loaded.walls] == ["8.5", "7", "True"]
    assert all(isinstance(clue, str) for wall in loaded.walls for clue in wall.words)
    assert loaded.counts["coerced_clues"] == 3
    assert len(loaded.warnings) == 1 and "3 clues are no text" in loaded.warnings[0]


def test_a_clue_twice_is_loaded_with_a_flag(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    first = rows[0]["groups"]["group_1"]["gt_words"]
    rows[0]["words"][rows[0]["words"].index(first[1])] = first[0].upper()
    first[1] = first[0].upper()
    (tmp_path / "walls.json").write_text(json.dumps(rows))
    loaded = load_public(str(tmp_path / "walls.json"))
    assert [wall.flags for wall in loaded.walls] == [("ambiguous_clue",), (), ()]
    assert "1 walls have a clue twice" in loaded.warnings[0]


def broken(row: dict[str, Any], how: str) -> Any:
    groups = row["groups"]
    if how == "fifteen":
        row["words"].pop()
    elif how == "three groups":
        del groups["group_4"]
    elif how == "five in a group":
        groups["group_1"]["gt_words"].append("more")
    elif how == "other clues":
        row["words"][0] = "other"
    elif how == "no words":
        del row["words"]
    elif how == "no clues":
        del groups["group_3"]["gt_words"]
    elif how == "same id":
        row["wall_id"] = "0000"
    return 5 if how == "no object" else row


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("fifteen", "wall 0001: 15 clues in words, 4 groups of 4, 4, 4, 4 clues; expected 16"),
        ("three groups", "wall 0001: 16 clues in words, 3 groups of 4, 4, 4 clues"),
        ("five in a group", "wall 0001: 16 clues in words, 4 groups of 5, 4, 4, 4 clues"),
        ("other clues", "wall 0001: words and groups differ; only in words: other; only in groups: w1 a0"),
        ("no words", "wall 0001: words must be a list and groups an object"),
        ("no clues", "wall 0001, group_3: expected an object with a list gt_words"),
        ("no object", "wall 2 is a int; expected an object with wall_id, words and groups"),
        ("same id", "wall 0000: the id occurs twice"),
    ],
)
def test_a_faulty_wall_is_named_or_left_out_and_counted(
    how: str, message: str, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "walls.json"
    path.write_text(json.dumps([rows[0], broken(rows[1], how), rows[2]]))
    with pytest.raises(UserError, match=message) as raised:
        load_public(str(path))
    assert "--skip-invalid" in str(raised.value) and str(path) in str(raised.value)
    loaded = load_public(str(path), skip_invalid=True)
    assert [wall.id for wall in loaded.walls] == ["0000", "0002"]
    assert loaded.counts["skipped"] == 1
    assert "1 faulty walls left out" in loaded.warnings[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3", "expected an object with a list 'dataset'"),
        ('{"dataset": {}}', "expected an object with a list 'dataset'"),
        ('{"dataset": []}', "no wall in it; check the file"),
        ('{"dataset": [', "not a JSON object"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_holds_no_walls_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "walls.json"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        load_public(str(path))


@pytest.mark.parametrize("source", ["nowhere", "nowhere/at/all", "folder/walls.json"])
def test_a_path_that_does_not_exist_is_refused(source: str) -> None:
    with pytest.raises(UserError, match="no such file or folder; give the path"):
        load_public(source)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(UserError, match="split 'dev': known are train, validation, test, all"):
        load_public("TaatiTeam/OCW_main", split="dev")  # type: ignore[arg-type]


@pytest.mark.parametrize("source", ["TaatiTeam/OCW_main", "TaatiTeam/OCW_randomized", "TaatiTeam/OCW"])
def test_without_the_hub_the_local_path_is_offered(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def fails(*args: Any, **options: Any) -> None:
        raise ConnectionError("no route\nto the hub")

    monkeypatch.setattr(datasets, "load_dataset", fails)
    with pytest.raises(
        UserError, match=r"split test: not to be had from the hub \(ConnectionError: no route\); .*path"
    ):
        load_public(source)


@pytest.mark.parametrize(
    ("source", "split", "variant", "asked"),
    [
        ("TaatiTeam/OCW_main", "test", None, [("TaatiTeam/OCW_main", None, "test")]),
        ("TaatiTeam/OCW_randomized", "all", None, [("TaatiTeam/OCW_randomized", None, "test")]),
        (
            "TaatiTeam/OCW_wordnet",
            "all",
            None,
            [("TaatiTeam/OCW_wordnet", None, name) for name in ("train", "validation", "test")],
        ),
        ("TaatiTeam/OCW", "train", None, [("json", "hf://datasets/TaatiTeam/OCW/train.json", "train")]),
        (
            "TaatiTeam/OCW",
            "test",
            "randomized",
            [("json", "hf://datasets/TaatiTeam/OCW/easy_test_randomized.json", "train")],
        ),
        (
            "TaatiTeam/OCW",
            "validation",
            "wordnet",
            [("json", "hf://datasets/TaatiTeam/OCW/easy_validation_wordnet.json", "train")],
        ),
    ],
)
def test_what_is_asked_of_the_hub(
    source: str,
    split: Any,
    variant: Any,
    asked: list[tuple[str, str | None, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import datasets

    calls = []

    def load(path: str, *, split: str, data_files: str | None = None, field: str | None = None) -> Any:
        assert field == ("dataset" if path == "json" else None)
        calls.append((path, data_files, split))
        return SimpleNamespace(to_list=lambda: [made_up(len(calls))])

    monkeypatch.setattr(datasets, "load_dataset", load)
    loaded = load_public(source, split=split, variant=variant)
    assert calls == asked
    assert len(loaded.walls) == len(asked)
    expected = variant or ("original" if source.endswith(("main", "OCW")) else source.rsplit("_", 1)[1])
    assert loaded.walls[0].meta["variant"] == expected


def test_the_randomized_walls_have_a_test_split_only() -> None:
    with pytest.raises(UserError, match="a test split only; ask for split test, not train"):
        load_public("TaatiTeam/OCW_randomized", split="train")


@pytest.mark.parametrize("form", ["json", "parquet"])
def test_what_the_library_makes_of_the_files_is_read(
    form: str, rows: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library itself reads a raw file, and Parquet, as it would from the hub."""
    import datasets

    real = datasets.load_dataset  # type: ignore[attr-defined]
    (tmp_path / "test.json").write_text(json.dumps(release(rows)))
    datasets.Dataset.from_list(rows).to_parquet(str(tmp_path / "test.parquet"))  # type: ignore[attr-defined]

    def load(path: str, *, split: str, **options: Any) -> Any:
        options["data_files"] = {split: str(tmp_path / f"test.{form}")}
        return real(form, split=split, cache_dir=str(tmp_path / "cache"), **options)

    monkeypatch.setattr(datasets, "load_dataset", load)
    loaded = load_public("TaatiTeam/OCW" if form == "json" else "TaatiTeam/OCW_main")
    (tmp_path / "walls.json").write_text(json.dumps(rows))
    assert loaded.walls == load_public(str(tmp_path / "walls.json")).walls


def test_human_flags_are_read_and_may_be_missing(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    rows[0] = made_up(0, found=2)
    del rows[1]["groups"]["group_1"]["human_performance"]
    rows[2]["groups"]["group_4"]["human_performance"] = {"grouping": 1, "connection": None}
    (tmp_path / "walls.json").write_text(json.dumps(rows))
    walls = load_public(str(tmp_path / "walls.json")).walls
    assert [group.found_by_humans for group in walls[0].groups] == [True, True, False, False]
    assert walls[1].groups[0].found_by_humans is None
    assert walls[2].groups[3].named_by_humans is None
    facts = human_facts(walls)
    assert (facts["walls played"], facts["walls solved"], facts["groups found"]) == (2, 1, 6)
    assert (facts["pattern 1111"], facts["pattern 1100"]) == (1, 1)


def test_2_2_the_sample_of_real_walls(sample: tuple[Wall, ...]) -> None:
    assert len(sample) == 24
    facts = clue_facts(sample)
    commas = {clue for wall in sample for clue in wall.words if "," in clue}
    assert commas == {"$64,000", "1,000", "10,000", "5, 6, 7, 8"}
    assert (facts["clues with a comma"], facts["walls with a comma in a clue"]) == (4, 3)
    assert facts["walls with a clue twice"] == 2
    assert any("8.5" in wall.words for wall in sample)
    assert facts["connections with a blank"] == 14
    humans = human_facts(sample)
    assert {name for name in humans if name.startswith("pattern")} <= {
        f"pattern {pattern}" for pattern in ("1111", "1100", "1000", "0000")
    }
    assert (humans["groups found"], humans["first groups found"], humans["connections named"]) == (65, 18, 76)


def test_2_3_randomized_walls_keep_the_first_group_and_use_every_other_once(sample: tuple[Wall, ...]) -> None:
    made = randomized(sample, seed=0)
    assert [wall.id for wall in made] == [wall.id for wall in sample]
    origin = {group: wall.id for wall in sample for group in wall.groups}
    for old, new in zip(sample, made, strict=True):
        assert new.groups[0] == old.groups[0]
        homes = [origin[group] for group in new.groups[1:]]
        assert len(set(homes)) == 3 and old.id not in homes
        assert Counter(new.words) == Counter(clue for group in new.groups for clue in group.clues)
        assert new.meta["variant"] == "randomized"
        if "ambiguous_clue" not in new.flags:
            assert len({clue.casefold() for clue in new.words}) == 16
    used = Counter(group for wall in made for group in wall.groups[1:])
    assert used == Counter(group for wall in sample for group in wall.groups[1:])


def test_randomized_walls_depend_on_the_seed_alone(sample: tuple[Wall, ...]) -> None:
    assert randomized(sample, seed=1) == randomized(sample, seed=1)
    assert randomized(sample, seed=1) != randomized(sample, seed=2)


@pytest.mark.parametrize("seed", range(20))
def test_494_walls_with_many_clues_in_common_are_randomized(seed: int, tmp_path: Path) -> None:
    """Rejection alone can loop for ever here: one clue in twenty stands on other walls too."""
    rng = random.Random(seed)
    rows = [made_up(number) for number in range(494)]
    for row in rows:
        for group in row["groups"].values():
            if rng.random() < 0.2:
                old, new = group["gt_words"][0], f"common {rng.randrange(12)}"
                if new not in row["words"]:
                    group["gt_words"][0] = row["words"][row["words"].index(old)] = new
    (tmp_path / "walls.json").write_text(json.dumps(rows))
    made = randomized(load_public(str(tmp_path / "walls.json")).walls, seed=seed)
    assert all(len(set(wall.words)) == 16 for wall in made)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_too_few_walls_to_randomize_are_refused(count: int, tmp_path: Path) -> None:
    (tmp_path / "walls.json").write_text(json.dumps([made_up(number) for number in range(count)]))
    walls = load_public(str(tmp_path / "walls.json")).walls
    with pytest.raises(UserError, match=f"{count} walls cannot be randomised"):
        randomized(walls)
