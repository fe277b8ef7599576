"""Files of the public form: what is read, what is mended, and what is refused with its line."""

from __future__ import annotations

import json
import sys
import types
from collections import Counter

import pytest

from suite.errors import UserError
from suite.registry import load_task
from tasks.inverse_scaling.files import kind_of, read_file, task_of
from tasks.inverse_scaling.subtasks import NAMES, release

GOOD = {
    "prompt": "Question: x\nA. y\nB. z\nAnswer:",
    "classes": "[' A', ' B']",
    "answer_index": 1,
    "round": 1,
    "part": 1,
}


@pytest.fixture
def write(tmp_path):
    def make(*rows, name="neqa_classification.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return make


def test_real_neqa_6_12(public_data):
    loaded = read_file(public_data / "inverse_scaling" / "neqa_classification.jsonl", "neqa")
    rows = [row for _, row in loaded.rows]
    assert loaded.revision == "isp-2023-03" and loaded.warnings == ()
    assert Counter(row.answer_index for row in rows) == {0: 137, 1: 163}
    assert {row.classes for row in rows} == {(" A", " B")} and {row.answer for row in rows} == {"letter"}


def test_real_memo_trap_6_12(public_data):
    loaded = read_file(public_data / "inverse_scaling" / "memo-trap_classification.jsonl", "memo-trap")
    rows = [row for _, row in loaded.rows]
    assert loaded.revision == "isp-2023-03"
    assert Counter(row.part for row in rows) == {1: 837, 3: 99}
    assert Counter(row.answer_index for row in rows) == {0: 484, 1: 452}
    assert {len(row.classes) for row in rows} == {2} and len({row.prompt for row in rows}) == 936
    assert all(text.endswith(".") == (row.part == 1) for row in rows for text in row.classes)
    first = [row for row in rows if row.part == 1]
    assert all(row.prompt.split('"')[1] == row.gold.strip(" .") for row in first)


def test_default_run_leaves_memo_trap_part_3_out(public_data):
    folder = str(public_data / "inverse_scaling")

    def docs(**options):
        return list(load_task("inverse_scaling", {"source": folder, "subtask": "memo-trap", **options}).docs())

    assert len(docs()) == 837
    assert len(docs(parts="all")) == 936
    assert len(docs(parts="3")) == 99


def test_hashes_and_rows_are_those_of_the_list_of_public_files(public_data):
    listed = (public_data / "inverse_scaling" / "public_files.csv").read_text(encoding="utf-8").split("\n")[1:]
    known = {f"{name},{task.file},{task.rows},{task.bytes},{task.sha256}" for name, task in release().tasks.items()}
    assert known == {line for line in listed if line}
    assert set(release().tasks) == set(NAMES)


def test_a_file_that_was_changed_says_so(public_data, write):
    text = (public_data / "inverse_scaling" / "neqa_classification.jsonl").read_text(encoding="utf-8")
    path = write()
    path.write_text(text + "\n", encoding="utf-8")
    loaded = read_file(path, "neqa")
    assert loaded.revision == "unknown" and "not the released file" in loaded.warnings[-1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": "['A', __import__('os')]"}, "expected a list of texts"),
        ({"classes": "A or B"}, "expected a list of texts"),
        ({"classes": "[" * 5000}, "expected a list of texts"),
        ({"classes": "[' A']"}, "two texts or more"),
        ({"classes": "[' A', ' A']"}, "two are the same"),
        ({"classes": "[' A', '']"}, "none of them empty"),
        ({"classes": "[' A', 3]"}, "expected a list of texts"),
        ({"classes": {"a": 1}}, "expected a list of texts"),
        ({"answer_index": 2}, "whole number from 0 to 1"),
        ({"answer_index": -1}, "whole number from 0 to 1"),
        ({"answer_index": True}, "whole number from 0 to 1"),
        ({"answer_index": "one"}, "whole number from 0 to 1"),
        ({"answer_index": 0.5}, "whole number from 0 to 1"),
        ({"prompt": 7}, "expected text"),
        ({"prompt": None}, "'prompt' is missing"),
    ],
)
def test_faulty_rows_are_refused_with_file_and_line_or_left_out(write, change, message):
    path = write(GOOD, GOOD | change)
    with pytest.raises(UserError, match=rf"{path.name}:2: .*{message}"):
        read_file(path, "neqa")
    loaded = read_file(path, "neqa", skip_bad=True)
    assert len(loaded.rows) == 1 and any("1 faulty rows left out" in line for line in loaded.warnings)


def test_lists_and_whole_numbers_as_text_are_accepted_and_noted(write):
    loaded = read_file(write(GOOD | {"classes": [" A", " B"]}, GOOD | {"answer_index": "0"}), "neqa")
    assert [row.answer_index for _, row in loaded.rows] == [1, 0]
    assert any("1 answer_index written as text" in line for line in loaded.warnings)


def test_odd_spaces_are_warned_of_and_mended_on_demand(write):
    path = write(GOOD | {"classes": "['A', 'B']"}, GOOD | {"prompt": GOOD["prompt"] + "  "})
    text = " ".join(read_file(path, "neqa").warnings)
    assert "1 answers without a leading space" in text and "1 prompts with a trailing space" in text
    mended = read_file(path, "neqa", fix_spaces=True)
    assert not any(" space" in line for line in mended.warnings)
    assert [row.classes for _, row in mended.rows] == [(" A", " B")] * 2
    assert {row.prompt for _, row in mended.rows} == {GOOD["prompt"]}


def test_a_class_that_begins_another_is_warned_of(write):
    loaded = read_file(write(GOOD | {"classes": "[' dog', ' dogs']"}), "neqa")
    assert any("1 rows where one class begins another" in line for line in loaded.warnings)


def test_csv_has_the_same_columns(tmp_path):
    path = tmp_path / "neqa.csv"
    path.write_text('prompt,classes,answer_index,part\n"Q: ""x""\nA:","[\' Yes\', \' No\']",1,2\n', encoding="utf-8")
    ((_, row),) = read_file(path, "neqa").rows
    assert (row.prompt, row.gold, row.part) == ('Q: "x"\nA:', " No", 2)


@pytest.mark.parametrize("kind", ["logodds", "absolute_logodds"])
def test_log_odds_files_have_two_prompts_and_exactly_two_classes(write, kind):
    row = {"prompt": "He is a", "other_prompt": "She is a", "classes": [" x", " y"], "answer_index": 0}
    name = f"own_{kind.replace('_', '-')}.jsonl"
    path = write(row, name=name)
    assert (kind_of(path), task_of(path)) == (kind, "own")
    ((_, found),) = read_file(path, "own").rows
    assert (found.kind, found.other_prompt) == (kind, "She is a")
    with pytest.raises(UserError, match="exactly two"):
        read_file(write(row | {"classes": [" x", " y", " z"]}, name=name), "own")


def test_sequences_need_a_completion(write):
    name = "prompt-injection_sequence-probability.jsonl"
    ((_, row),) = read_file(write({"prompt": "p", "completion": " Ignore"}, name=name), "prompt-injection").rows
    assert (row.kind, row.gold) == ("sequence_prob", " Ignore")
    with pytest.raises(UserError, match="'completion' is missing"):
        read_file(write({"prompt": "p"}, name=name), "prompt-injection")


def test_source_that_is_nothing_and_folder_without_the_file_say_what_is_expected(tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        list(load_task("inverse_scaling", {"source": str(tmp_path / "nowhere" / "else")}).docs())
    with pytest.raises(UserError, match=r"expected names such as redefine_classification\.jsonl"):
        list(load_task("inverse_scaling", {"source": str(tmp_path), "subtask": "redefine"}).docs())


class _Hub(types.ModuleType):
    """Stands for `datasets`: one data set with a configuration a task."""

    def __init__(self, found):
        super().__init__("datasets")
        self.found = found
        self.asked = []

    def get_dataset_config_names(self, source):
        if source not in self.found:
            raise ConnectionError("offline")
        return list(self.found[source])

    def load_dataset(self, source, config):
        self.asked.append((source, config))
        return self.found[source][config or "default"]


def test_hub_takes_the_configuration_of_the_task_and_whatever_split_there_is(monkeypatch):
    hub = _Hub(
        {
            "pminervini/inverse-scaling": {"neqa": {"data": [GOOD]}},
            "inverse-scaling/NeQA": {"default": {"train": [GOOD]}},
        }
    )
    monkeypatch.setitem(sys.modules, "datasets", hub)
    for source, config in (("hub", "neqa"), ("inverse-scaling/NeQA", None)):
        task = load_task("inverse_scaling", {"source": source, "subtask": "neqa"})
        (doc,) = task.docs()
        assert doc.data["rows"]["trap"]["classes"] == [" A", " B"]
        assert hub.asked[-1][1] == config
    with pytest.raises(UserError, match=r"isp-data-release\.zip"):
        list(load_task("inverse_scaling", {"source": "some/other", "subtask": "neqa"}).docs())
