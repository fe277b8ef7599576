"""JSON lines in and out: every fault of a file is one line that names the file, the line and what was expected."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from suite.errors import UserError
from suite.identity import canonical_json

Row = dict[str, Any]


def read_jsonl(path: Path, strings: Sequence[str] = ()) -> list[tuple[int, Row]]:
    """The objects of `path` with their line numbers (from 1); a BOM, CRLF and a blank last line are accepted.

    Args:
        path: UTF-8 text, one JSON object a line.
        strings: keys that every object must have, with text as value; further keys are kept.

    Raises:
        UserError: the file is missing or not UTF-8, or a line is no such object (a half-written last one included).
    """
    lines = read_text(path).split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    return [(number, _parse(line, f"{path}:{number}", strings)) for number, line in enumerate(lines, 1)]


def read_text(path: Path) -> str:
    """The text of `path` without a BOM.

    Raises:
        UserError: the file cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None


def write_jsonl(path: Path, rows: Iterable[Any]) -> None:
    """Writes `rows` as canonical JSON lines; the file appears whole or not at all."""
    write_text(path, "".join(canonical_json(row) + "\n" for row in rows))


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text with plain line feeds; the file appears whole or not at all.

    Raises:
        UserError: the folder cannot be written.
    """
    half = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        half.write_bytes(text.encode())
        os.replace(half, path)
    except OSError as error:
        with suppress(OSError):
            half.unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another folder") from None


def _parse(line: str, where: str, strings: Sequence[str]) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise UserError(f"{where}: not a JSON object (is the file half-written?)") from None
    if not isinstance(row, dict):
        raise UserError(f"{where}: a JSON {type(row).__name__}; expected an object with {_listed(strings)}")
    for key in strings:
        if key not in row:
            raise UserError(f"{where}: key {key!r} is missing; expected {_listed(strings)}")
        if not isinstance(row[key], str):
            raise UserError(f"{where}: {key!r} is {json.dumps(row[key])[:40]}; expected text")
    return row


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(keys) or "keys"
