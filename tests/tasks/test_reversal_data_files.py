"""The shipped files: their bytes, their loader, and what a damaged or contaminated set is answered with."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from suite.data import data_folder
from suite.errors import UserError
from suite.finetune.export import export_training
from suite.jsonl import read_jsonl, write_jsonl, write_text
from suite.task import TrainingDoc
from tasks.reversal_curse import shipped
from tasks.reversal_curse.files import read_dataset, write_dataset
from tasks.reversal_curse.generate import generate
from tasks.reversal_curse.records import Dataset


@pytest.fixture(scope="module")
def small() -> Dataset:
    return generate(seed=4, n_facts_per_group=2, n_train_templates=6, n_test_templates=2)


@pytest.fixture
def folder(small: Dataset, tmp_path: Path) -> Path:
    write_dataset(small, tmp_path)
    return tmp_path


def rewrite(file: Path, line: int, **changes: object) -> None:
    rows = [json.loads(text) for text in file.read_text("utf-8").splitlines()]
    rows[line - 1] |= changes
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def test_the_shipped_files_are_what_the_command_writes(tmp_path: Path) -> None:
    here = data_folder("reversal_curse")
    (tmp_path / "historical_parents.csv").write_bytes((here / "historical_parents.csv").read_bytes())
    command = [sys.executable, "-m", "tasks.reversal_curse.shipped", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[2])
    for name in (*shipped.FILES, "SHA256SUMS"):
        assert (tmp_path / name).read_bytes() == (here / name).read_bytes(), name


def test_the_sums_are_right() -> None:
    here = data_folder("reversal_curse")
    comment, *lines = (here / "SHA256SUMS").read_text().splitlines()
    assert {line.split()[1]: line.split()[0] for line in lines} == {
        name: hashlib.sha256((here / name).read_bytes()).hexdigest() for name in shipped.FILES
    }
    rows = [line for name in shipped.FILES[:3] for line in (here / name).read_bytes().splitlines(keepends=True)]
    assert comment.endswith(hashlib.sha256(b"".join(sorted(rows))).hexdigest())


def test_the_card_names_files_that_exist() -> None:
    here = data_folder("reversal_curse")
    _, head, text = (here / "README.md").read_text("utf-8").split("---\n", 2)
    card = yaml.safe_load(head)
    assert card["license"] == "apache-2.0"
    for config in card["configs"]:
        files = config["data_files"]
        for file in [files] if isinstance(files, str) else [each["path"] for each in files]:
            assert (here / file).is_file()
    assert all(f"`{name}` | " in text for name in shipped.FILES)


def test_the_shipped_set_is_seed_0() -> None:
    loaded, made = shipped.load_shipped(), generate()
    assert (loaded.facts, loaded.train, loaded.test, loaded.sha256) == (made.facts, made.train, made.test, made.sha256)
    assert (len(loaded.facts), len(loaded.train), len(loaded.test)) == (90, 3600, 1800)


def test_a_changed_shipped_file_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    here = data_folder("reversal_curse")
    for name in (*shipped.FILES, "SHA256SUMS"):
        (tmp_path / name).write_bytes((here / name).read_bytes())
    monkeypatch.setattr(shipped, "data_folder", lambda name: tmp_path)
    assert shipped.load_shipped().sha256
    rewrite(tmp_path / "test.jsonl", 3, target="the painter of another crown")
    with pytest.raises(UserError, match="install unreason again"):
        shipped.load_shipped()


@pytest.mark.parametrize("kind", ["name", "relation"])
def test_writing_and_reading_gives_the_same_records(kind: str, tmp_path: Path) -> None:
    data = generate(n_facts_per_group=2, kind=kind, style="demo")
    write_dataset(data, tmp_path)
    read = read_dataset(tmp_path, data.origin)
    assert replace(read, meta=data.meta) == data


def test_odd_but_harmless_files_are_accepted(folder: Path, small: Dataset) -> None:
    for name in ("facts", "train", "test"):
        file = folder / f"{name}.jsonl"
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n") + b"\r\n \n")
    assert read_dataset(folder, small.origin).sha256 == small.sha256


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("test.jsonl", {"target": ""}, r"test.jsonl:2: .*neither letter nor digit"),
        ("test.jsonl", {"target": "?!"}, r"test.jsonl:2: .*neither letter nor digit"),
        ("test.jsonl", {"target": 7}, r"test.jsonl:2: 'target' is 7; expected text"),
        ("test.jsonl", {"group": "p2d"}, r"test.jsonl:2: .*'p2d' is not one of n2d_only"),
        ("test.jsonl", {"fact_id": "fact-9999"}, "'fact-9999' is not in facts.jsonl"),
        ("train.jsonl", {"text": "Something else."}, r"train.jsonl:2: .*text is not prompt \+ completion"),
        ("train.jsonl", {"entities": [[0, 900]]}, r"train.jsonl:2: .*span 0..900 is not in the text"),
        ("train.jsonl", {"entities": 5}, "train.jsonl:2: not such a record"),
        ("facts.jsonl", {"fact_id": "fact-0000"}, "fact_id 'fact-0000' occurs twice"),
    ],
)
def test_a_wrong_record_is_named_with_file_and_line(
    folder: Path, file: str, changes: dict[str, object], message: str
) -> None:
    rewrite(folder / file, 2, **changes)
    with pytest.raises(UserError, match=message):
        read_dataset(folder, "here")


def test_contamination_stops_unless_it_is_allowed_and_recorded(folder: Path, small: Dataset) -> None:
    one_way = next(query for query in small.test if query.seen == "same")
    trained = next(row for row in small.train if (row.fact_id, row.direction) == (one_way.fact_id, one_way.direction))
    rewrite(folder / "test.jsonl", small.test.index(one_way) + 1, prompt=trained.prompt)
    with pytest.raises(UserError, match=f"{one_way.item_id} asks with the training wording.*--allow-overlap"):
        read_dataset(folder, "here")
    assert read_dataset(folder, "here", allow_overlap=True).meta == {"overlaps": 1}


def test_one_entity_in_two_groups_is_contamination(folder: Path, small: Dataset) -> None:
    other = next(fact for fact in small.facts if fact.group != small.facts[0].group)
    rewrite(folder / "facts.jsonl", 1, name=str(other.fields["name"]).upper())
    with pytest.raises(UserError, match=r"is in group .* and in group"):
        read_dataset(folder, "here")


# -- lines and files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": "x"}\n[1]\n', r":2: a JSON list; expected an object with a"),
        (b'{"a": "x"}\n{"a": "y"', r":2: not a JSON object \(is the file half-written\?\)"),
        (b'{"a": "x"}\n\n{"a": "y"}\n', ":2: not a JSON object"),
        (b'{"b": "x"}\n', ":1: key 'a' is missing"),
        (b'{"a": null}\n', ":1: 'a' is null; expected text"),
        (b'{"a": "\xff"}\n', "byte 7 is not UTF-8"),
        (b"[" * 100_000, ":1: not a JSON object"),
    ],
)
def test_a_bad_line_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_jsonl(file, ("a",))


def test_a_line_separator_inside_a_text_is_no_line_end(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"a": "x\u2028y"}\n', "utf-8")
    assert read_jsonl(file, ("a",)) == [(1, {"a": "x\u2028y"})]


@given(st.lists(st.dictionaries(st.text(), st.text())))
def test_what_is_written_is_read_again(rows: list[dict[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.jsonl"
        write_jsonl(file, rows)
        assert [row for _, row in read_jsonl(file)] == rows


def test_a_missing_file_and_an_unwritable_folder_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere.jsonl: cannot be read"):
        read_jsonl(tmp_path / "nowhere.jsonl")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write_text(tmp_path / "file" / "below.txt", "x")


def test_a_write_that_fails_leaves_the_old_file_and_no_part(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    write_text(file, "old")

    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("suite.jsonl.os.replace", full)
    with pytest.raises(UserError, match="No space left on device"):
        write_text(file, "new")
    assert [each.name for each in tmp_path.iterdir()] == ["rows.jsonl"]
    assert file.read_text() == "old"


# -- export ----------------------------------------------------------------------------------------------------------


def test_export_writes_the_same_documents_in_three_layouts(small: Dataset, tmp_path: Path) -> None:
    out = export_training(small.train, tmp_path / "new")
    assert out.documents == len(small.train)
    pairs, whole, plain = (
        [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        for file in (out.prompt_completion, out.whole_text, out.plain)
    )
    assert len(pairs) == len(whole) == len(plain) == len(small.train)
    row = small.train[0]
    assert pairs[0] == {
        "messages": [{"role": "user", "content": row.prompt}, {"role": "assistant", "content": row.completion.strip()}]
    }
    assert whole[0] == {"messages": [{"role": "assistant", "content": row.text}]}
    assert plain[0] == {"text": row.text}


def test_a_document_without_prompt_becomes_one_assistant_turn(tmp_path: Path) -> None:
    document = TrainingDoc("1", "1", "Rules\n\nAll of them.", "", "Rules\n\nAll of them.")
    out = export_training([document], tmp_path)
    message = json.loads(out.prompt_completion.read_text("utf-8"))
    assert message == {"messages": [{"role": "assistant", "content": "Rules\n\nAll of them."}]}
