"""The output folder of a training: absent, or whole; work in progress lies beside it in ``NAME.partial``.

`settings.json` in the partial folder says what is being trained, so that the same command continues it and another
one is told.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from suite.errors import UserError

RECORD = "training.json"
_SETTINGS = "settings.json"


def finished(output: Path, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """The `training.json` of `output` if this very training is done; None if there is nothing yet.

    Raises:
        UserError: the folder holds something else.
    """
    if not output.exists() and not output.is_symlink():
        return None
    if not output.is_dir():
        raise UserError(f"output {output}: is a file; name a folder")
    record_path = output / RECORD
    if not record_path.is_file():
        if any(output.iterdir()):
            raise UserError(f"output {output}: holds files that no training wrote; choose another --out")
        return None
    try:
        record = json.loads(record_path.read_text(encoding="utf-8"))
        known = record["settings"]
    except (ValueError, KeyError, TypeError, OSError):
        raise UserError(f"{record_path}: damaged; delete the folder or choose another --out") from None
    if known != identity:
        raise UserError(
            f"output {output}: holds a training with another configuration ({_difference(known, identity)}); "
            "delete it or choose another --out"
        )
    return dict(record)


def read_record(output: Path) -> dict[str, Any]:
    """The content of `training.json`."""
    record: dict[str, Any] = json.loads((output / RECORD).read_text(encoding="utf-8"))
    return record


@contextmanager
def partial(output: Path, identity: Mapping[str, Any], resume: bool) -> Iterator[Path]:
    """The folder for work in progress, locked; what an earlier sitting left is kept if `resume`.

    Raises:
        UserError: it cannot be written, another process trains into it, or it belongs to another configuration.
    """
    from filelock import FileLock, Timeout

    folder = output.with_name(f"{output.name}.partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=0):
            _claim(folder, identity, resume)
            yield folder
    except Timeout:
        raise UserError(f"output {output}: another process is training into it") from None
    except OSError as error:
        raise UserError(
            f"output {output}: cannot be written: {error.strerror or error}; once that is mended, "
            "the same command continues the training"
        ) from error


def move_into_place(made: Path, output: Path, folder: Path) -> None:
    """`made` becomes `output` in one step, replacing what was there; the partial `folder` goes."""
    if (output / RECORD).is_file():  # trained again on purpose
        os.replace(output, folder / "replaced")
    os.replace(made, output)
    shutil.rmtree(folder, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Writes JSON under a temporary name, then renames."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def _claim(folder: Path, identity: Mapping[str, Any], resume: bool) -> None:
    """Marks `folder` as belonging to this training."""
    if not resume:
        _empty(folder)
    settings = folder / _SETTINGS
    if not settings.is_file():
        write_json(settings, identity)
        return
    try:
        known = json.loads(settings.read_text(encoding="utf-8"))
    except ValueError:
        raise UserError(f"{settings}: damaged; delete the folder {folder}") from None
    if known != identity:
        raise UserError(
            f"{folder}: holds an unfinished training with another configuration ({_difference(known, identity)}); "
            "delete it or choose another --out"
        )


def _difference(known: Any, asked: Mapping[str, Any]) -> str:
    """The first setting that differs, in words."""
    for key in sorted({*known, *asked}):
        if known.get(key) != asked.get(key):
            return f"{key}: {json.dumps(known.get(key))} there, {json.dumps(asked.get(key))} asked"
    return "equal"


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name == ".lock":
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
