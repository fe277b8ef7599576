"""The YAML files through which lm-evaluation-harness finds our tasks; no harness needed."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from suite.errors import UserError
from suite.lm_eval import catalogue
from suite.registry import task_classes

TOY_TASKS = Path(__file__).parent / "toy_tasks"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNREASON_CACHE", str(tmp_path / "cache"))


def configs(tasks_dir: Path | None = None) -> dict[str, Any]:
    """File name without its ending -> content, functions as text."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))
    files = sorted(catalogue.include_path(tasks_dir).glob("*.yaml"))
    return {file.stem: yaml.load(file.read_text(encoding="utf-8"), Loader) for file in files}


def test_every_task_has_a_variant_for_each_mode_that_the_harness_knows() -> None:
    found = configs()
    prompted = {name: task for name, task in task_classes().items() if set(task.modes) & set(catalogue.SUFFIXES)}
    assert len(prompted) >= 7
    for name, task in prompted.items():
        group = found[f"unreason_{name}"]
        for mode, suffix in catalogue.SUFFIXES.items():
            has = any(leaf.endswith(f"_{suffix}") for leaf in group["task"])
            assert has == (mode in task.modes), (name, mode)
    assert set(found["unreason"]["task"]) == {f"unreason_{name}" for name in prompted}


def test_all_names_are_prefixed_and_none_is_there_twice() -> None:
    found = configs()
    defined = [config.get("group") or config["task"] for config in found.values()]
    tags = {tag for config in found.values() for tag in config.get("tag", ())}
    assert defined == list(found)
    assert all(re.fullmatch(r"unreason(_\w+)?", name) for name in {*defined, *tags})
    assert not tags & set(defined), "a tag that is also a task hides it"
    assert set(catalogue.names()) == tags | set(defined)


def test_files_name_importable_modules_and_no_place_on_this_machine() -> None:
    for name, config in configs().items():
        if "class" in config:
            module, _, attribute = config["class"].rpartition(".")
            assert importlib.util.find_spec(module), name
            assert attribute == "HarnessTask"
        assert str(Path.home()) not in yaml.safe_dump(config)
    assert "/lm_eval/tasks/" not in catalogue.include_path().as_posix()


def test_subtasks_come_with_the_options_that_pick_them() -> None:
    found = configs()
    source = found["unreason_inverse_scaling_memo_trap_ll"]["metadata"]["unreason"]
    assert source == {"task": "inverse_scaling", "mode": "loglikelihood", "options": {"subtask": ["memo-trap"]}}
    assert "unreason_position_bias_needle_gen" in found
    assert "unreason_position_bias_needle_ll" not in found, "a needle is found in words only"


@pytest.mark.parametrize("task", task_classes().values(), ids=lambda task: task.name)
def test_options_and_modes_of_subtasks_are_those_of_their_task(task: Any) -> None:
    for subtask in task.subtasks.values():
        task.options_model()(**subtask.options)
        assert set(subtask.modes or ()) <= set(task.modes)


def test_the_folder_is_the_same_as_long_as_its_content_is() -> None:
    first = catalogue.include_path()
    written = {file.name: file.stat().st_mtime_ns for file in first.iterdir()}
    assert catalogue.include_path() == first
    assert {file.name: file.stat().st_mtime_ns for file in first.iterdir()} == written
    assert [path.name for path in first.parent.iterdir()] == [first.name], "nothing temporary is left"


def test_a_folder_of_further_tasks_is_taken_in() -> None:
    found = configs(TOY_TASKS)
    source = found["unreason_toy_gen"]["metadata"]["unreason"]
    assert source["tasks_dir"] == str(TOY_TASKS.resolve())
    assert catalogue.include_path(TOY_TASKS) != catalogue.include_path()
    assert "unreason_toy" in catalogue.names(TOY_TASKS)
    with pytest.raises(UserError, match="no such folder"):
        catalogue.include_path(TOY_TASKS / "nowhere")


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("UNREASON_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match="UNREASON_CACHE"):
        catalogue.include_path()
