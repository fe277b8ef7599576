"""Turns what was typed (free flags, NAME=VALUE pairs, an options file) into option mappings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from suite.errors import UserError, unknown


def task_options(flags: Sequence[str], config: Path | None = None) -> dict[str, Any]:
    """Options of a task from ``--name value``, ``--name=value`` or a bare ``--name`` (true), over those of a file.

    Raises:
        UserError: a word that is no flag, or an unreadable file.
    """
    options = _read_config(config) if config else {}
    words = list(flags)
    while words:
        word = words.pop(0)
        if not word.startswith("--") or len(word) < 3:
            raise UserError(f"unexpected argument {word!r}; options of the task are written --name value")
        name, equals, value = word[2:].partition("=")
        if not equals:
            value = words.pop(0) if words and not words[0].startswith("--") else "true"
        options[name.replace("-", "_")] = value
    return options


def listing(words: Sequence[str]) -> tuple[str | None, Path | None, bool]:
    """(task, further folder of tasks, whether as JSON) from the words after ``unreason list``.

    Raises:
        UserError: a flag that does not exist, or more than one task.
    """
    named = [word for word in words[:1] if not word.startswith("-")]
    flags = task_options(words[len(named) :])
    as_json, tasks_dir = flags.pop("json", "false") == "true", flags.pop("tasks_dir", None)
    if flags:
        raise unknown("option of list", "--" + next(iter(flags)).replace("_", "-"), ["--json", "--tasks-dir"])
    return (named[0] if named else None), (Path(tasks_dir) if tasks_dir else None), as_json


def pairs(flag: str, values: Sequence[str] | None) -> dict[str, str]:
    """``NAME=VALUE`` words of a repeatable flag as a mapping.

    Raises:
        UserError: a word without an equals sign.
    """
    found = {}
    for word in values or ():
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UserError(f"{flag} {word!r}: expected NAME=VALUE")
        found[name] = value
    return found


def model_options(
    values: Sequence[str] | None, base_url: str | None, intervention: str | None = None
) -> dict[str, Any]:
    """Options for the model provider; values that are JSON (numbers, true, null) are read as such."""
    options: dict[str, Any] = {}
    for name, value in pairs("--model-option", values).items():
        if "key" in name.lower() or name.lower() == "token":
            raise UserError(
                f"--model-option {name}: keys are read from the environment only (OPENAI_API_KEY, HF_TOKEN)"
            )
        options[name] = _json_or_text(value)
    if base_url:
        options["base_url"] = base_url
    if intervention:
        options["intervention"] = intervention
    return options


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _read_config(path: Path) -> dict[str, Any]:
    import yaml

    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"--config {path}: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"--config {path}: not YAML or JSON: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"--config {path}: expected a mapping of option names to values")
    return {str(key).replace("-", "_"): item for key, item in value.items()}
