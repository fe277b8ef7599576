"""Writes the YAML files through which the harness finds our tasks: one a task, subtask and mode, and groups of them.

They are made from the registry, so that a task is there as soon as `unreason list` shows it. They lie in the user's
cache, in a folder named after their content, and name importable modules only.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from suite.errors import UserError
from suite.identity import digest
from suite.pretrained import cache_folder
from suite.registry import task_classes
from suite.task import Mode, Subtask, Task

PREFIX = "unreason"  # before every name: the harness has thousands of its own, inverse_scaling_* among them
SUFFIXES: Mapping[Mode, str] = {"loglikelihood": "ll", "generate": "gen"}  # the modes that its backends have
_CLASS = "class: !function suite.lm_eval.task.HarnessTask\n"


def include_path(tasks_dir: Path | None = None) -> Path:
    """The folder for ``lm_eval --include_path``, made if need be; several processes may call this at once.

    Args:
        tasks_dir: a further folder of tasks.

    Raises:
        UserError: the cache cannot be written, or `tasks_dir` is no folder of tasks.
    """
    files = dict(_files(tasks_dir))
    folder = cache_folder() / "harness" / digest(files, 16)
    if folder.is_dir():
        return folder
    made = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.parent))
        for name, text in files.items():
            (made / name).write_text(text, encoding="utf-8")
        os.replace(made, folder)
    except OSError as error:
        if not folder.is_dir():  # another process may have been first
            raise UserError(f"{folder} cannot be written ({error.strerror}); set UNREASON_CACHE to a folder") from None
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)
    return folder


def names(tasks_dir: Path | None = None) -> list[str]:
    """Every task, group and tag that the files define."""
    found = {PREFIX, *(f"{PREFIX}_{suffix}" for suffix in SUFFIXES.values())}
    for task in task_classes(tasks_dir).values():
        for config in _leaves(task, None):
            found |= {_group_name(task), config["task"], *config["tag"]}
    return sorted(found)


def _files(tasks_dir: Path | None) -> Iterator[tuple[str, str]]:
    import yaml

    groups = []
    for task in task_classes(tasks_dir).values():
        leaves = list(_leaves(task, tasks_dir))
        for config in leaves:
            yield f"{config['task']}.yaml", _CLASS + yaml.safe_dump(config, sort_keys=False)
        if leaves:
            groups.append(_group_name(task))
            yield f"{groups[-1]}.yaml", yaml.safe_dump(_group(groups[-1], [leaf["task"] for leaf in leaves]))
    yield f"{PREFIX}.yaml", yaml.safe_dump(_group(PREFIX, groups))


def _leaves(task: type[Task], tasks_dir: Path | None) -> Iterator[dict[str, Any]]:
    """The configuration of each subtask in each mode, without its class."""
    for name, subtask in (task.subtasks or {"": Subtask()}).items():
        for mode, suffix in SUFFIXES.items():
            if mode not in (subtask.modes or task.modes):
                continue
            parts = [_group_name(task), *([name.replace("-", "_")] if name else []), suffix]
            source = {"task": task.name, "mode": mode, "options": dict(subtask.options)}
            if tasks_dir is not None:
                source["tasks_dir"] = str(tasks_dir.resolve())
            yield {
                "task": "_".join(parts),
                "tag": [f"{PREFIX}_{suffix}", *([f"{_group_name(task)}_{suffix}"] if name else [])],
                "metadata": {"version": task.version, PREFIX: source},
            }


def _group(name: str, members: list[str]) -> dict[str, Any]:
    return {"group": name, "task": members, "metadata": {"version": "1"}}


def _group_name(task: type[Task]) -> str:
    return f"{PREFIX}_{task.name}"
