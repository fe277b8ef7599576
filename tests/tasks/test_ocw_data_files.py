"""The shipped walls: their bytes, their card, their reader, and what a damaged file is answered with."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from suite.data import data_folder
from suite.errors import UserError
from tasks.only_connect_wall import files, shipped
from tasks.only_connect_wall.bank import BANK_FILE
from tasks.only_connect_wall.files import WALL_FILES, read_walls, shipped_walls, write_walls
from tasks.only_connect_wall.generate import SETS, generated_walls
from tasks.only_connect_wall.wall_rows import prime_walls

HERE = data_folder("only_connect_wall")
ROOT = Path(__file__).parents[2]


def test_the_shipped_files_are_what_the_command_writes(tmp_path: Path) -> None:
    (tmp_path / BANK_FILE).write_bytes((HERE / BANK_FILE).read_bytes())
    command = [sys.executable, "-m", "tasks.only_connect_wall.shipped", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    for name in (*WALL_FILES.values(), "SHA256SUMS"):
        assert (tmp_path / name).read_bytes() == (HERE / name).read_bytes(), name


def test_the_sums_are_right() -> None:
    lines = (HERE / "SHA256SUMS").read_text().splitlines()
    names = (BANK_FILE, *WALL_FILES.values())
    assert {line.split()[1]: line.split()[0] for line in lines} == {
        name: hashlib.sha256((HERE / name).read_bytes()).hexdigest() for name in names
    }


@pytest.mark.parametrize("name", SETS)
def test_a_shipped_set_is_read_as_it_was_made(name: str) -> None:
    assert shipped_walls(name) == list(generated_walls(name, seed=0, n=shipped.ITEMS[name]))


def test_the_card_names_the_files_and_their_rows() -> None:
    _, head, text = (HERE / "README.md").read_text("utf-8").split("---\n", 2)
    card = yaml.safe_load(head)
    assert card["license"] == "apache-2.0"
    listed = {config["config_name"]: config["data_files"][0]["path"] for config in card["configs"]}
    assert listed == WALL_FILES
    for name, file in WALL_FILES.items():
        assert f"| `{file}` | {len(shipped_walls(name))} | " in text
    assert f"| `{BANK_FILE}` | {len(json.loads((HERE / BANK_FILE).read_text())['categories'])} | " in text


@pytest.mark.parametrize("name", SETS)
def test_the_library_of_the_hub_loads_the_files(name: str, tmp_path: Path) -> None:
    from datasets import load_dataset  # type: ignore[attr-defined]

    file = str(HERE / WALL_FILES[name])
    found = load_dataset("json", data_files=file, split="train", cache_dir=str(tmp_path))
    assert found["words"][:] == [list(wall.words) for wall in shipped_walls(name)]


def test_a_quad_has_the_fields_of_the_reference_file(public_data: Path) -> None:
    reference = (public_data / "only_connect_wall" / "herring_quads_reference.jsonl").open(encoding="utf-8").readline()
    ours = (HERE / "quads.jsonl").open(encoding="utf-8").readline()
    assert set(json.loads(ours)) == set(json.loads(reference))


def test_a_dose_wall_has_the_fields_of_the_reference_file(public_data: Path) -> None:
    reference = (public_data / "only_connect_wall" / "herring_dose_reference.jsonl").open(encoding="utf-8").readline()
    ours = (HERE / "dose.jsonl").open(encoding="utf-8").readline()
    assert set(json.loads(ours)) == set(json.loads(reference))


def test_a_changed_or_missing_shipped_file_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("quads.jsonl", "SHA256SUMS"):
        (tmp_path / name).write_bytes((HERE / name).read_bytes())
    monkeypatch.setattr(files, "data_folder", lambda name: tmp_path)
    assert len(shipped_walls("quads")) == 960
    with (tmp_path / "quads.jsonl").open("a") as file:
        file.write("\n")
    for name in ("quads", "dose"):
        with pytest.raises(UserError, match=f"{name}.jsonl: missing, or not the file that SHA256SUMS states"):
            shipped_walls(name)


def test_an_unknown_set_is_refused_with_the_known() -> None:
    with pytest.raises(UserError, match="did you mean phantom"):
        shipped_walls("phantoms")


def test_a_bank_with_faults_writes_nothing_and_exits_with_2(tmp_path: Path) -> None:
    bank = json.loads((HERE / BANK_FILE).read_text("utf-8"))
    bank["categories"][0]["fits"] = ["Mercury"]
    (tmp_path / BANK_FILE).write_text(json.dumps(bank), "utf-8")
    command = [sys.executable, "-m", "tasks.only_connect_wall.shipped", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr == "category bank: planets: mercury in members and in fits (faults: 1)\n"
    assert [path.name for path in tmp_path.iterdir()] == [BANK_FILE]


@pytest.mark.parametrize("name", SETS)
def test_what_is_written_is_read_again(name: str, tmp_path: Path) -> None:
    walls = list(generated_walls(name, seed=5, n=3))
    write_walls(tmp_path / "walls.jsonl", walls)
    assert read_walls(tmp_path / "walls.jsonl") == walls


def test_primes_are_read_from_the_file() -> None:
    wall = shipped_walls("priming")[0]
    assert [len(example.words) for example in prime_walls(wall)] == [16, 16, 16]
    assert prime_walls(shipped_walls("quads")[0]) == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quad_id": 3}, "3 is not text"),
        ({"words": ["a"]}, "the clues of the groups are not those of words"),
        ({"words": None}, "not such a wall"),
        ({"groups": []}, r"groups of \[\] clues; expected four of four"),
        ({"host": "nothing"}, "the host 'nothing' holds no clue"),
        ({"critical": "nothing"}, "holds no clue 'nothing'"),
        ({"herring": ""}, "'' is not text"),
    ],
)
def test_a_row_that_is_no_wall_is_named_with_its_line(change: dict[str, object], message: str, tmp_path: Path) -> None:
    lines = (HERE / "quads.jsonl").read_text("utf-8").splitlines()[:2]
    lines[1] = json.dumps(json.loads(lines[1]) | change)
    path = tmp_path / "walls.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    with pytest.raises(UserError, match=message) as raised:
        read_walls(path)
    assert str(raised.value).startswith(f"{path}:2: ")


@pytest.mark.parametrize("key", ["words", "groups", "host", "critical", "herring", "competitor"])
def test_a_missing_key_is_named(key: str, tmp_path: Path) -> None:
    row = json.loads((HERE / "quads.jsonl").open(encoding="utf-8").readline())
    del row[key]
    path = tmp_path / "walls.jsonl"
    path.write_text(json.dumps(row), "utf-8")
    with pytest.raises(UserError, match=f":1: key '{key}' is missing; see the README"):
        read_walls(path)


def test_a_wall_that_stands_twice_is_refused(tmp_path: Path) -> None:
    line = (HERE / "dose.jsonl").open(encoding="utf-8").readline()
    path = tmp_path / "walls.jsonl"
    path.write_text(line + line, "utf-8")
    with pytest.raises(UserError, match=r"walls\.jsonl:2: wall 'd000-r0' occurs twice"):
        read_walls(path)


def test_a_row_of_no_known_set_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "walls.jsonl"
    path.write_text('{"item_id": "a"}', "utf-8")
    with pytest.raises(UserError, match=":1: not such a wall: neither quad_id, wall_id, dose, phantom nor condition"):
        read_walls(path)
