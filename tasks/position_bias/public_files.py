"""Rows of public data as streams: JSON lines (packed or not), a JSON array, CSV without a header, or the hub.

A file is never held whole, but for JSON arrays and for what `datasets` keeps of the hub's.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from suite.errors import UserError

Row = dict[str, Any]
# hub id -> configuration and split
HUB: Mapping[str, tuple[str | None, str]] = {
    "allenai/ai2_arc": ("ARC-Challenge", "test"),
    "cais/mmlu": ("all", "test"),
    "tau/commonsense_qa": (None, "validation"),
    "allenai/reward-bench": (None, "filtered"),
}
_WHERE = f"files of github.com/nelson-liu/lost-in-the-middle, or one of the hub ids {', '.join(HUB)}"


def rows(source: str) -> Iterator[tuple[str, Row]]:
    """The rows of a file or hub id, each with its place for messages.

    Raises:
        UserError: no such file, a hub that cannot be reached, or a line that is no row.
    """
    path = Path(source)
    if source in HUB and not path.exists():
        return _hub_rows(source)
    if not path.is_file():
        raise UserError(f"data {source}: no such file; give a path to {_WHERE}")
    if ".csv" in path.suffixes:
        return _csv_rows(path)
    if path.suffix == ".json":
        return _array_rows(path)
    return ((f"{path}:{number}", row) for number, row in json_lines(path))


def json_lines(path: Path) -> Iterator[tuple[int, Row]]:
    """Line number (from 1) and object of each line.

    Raises:
        UserError: the file cannot be read, or a line is no JSON object in UTF-8.
    """
    number = 0
    try:
        with _opened(path) as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise UserError(f"{path}:{number}: a JSON {type(row).__name__}; expected an object")
                yield number, row
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise UserError(f"{path}: the packed file is damaged after line {number}; fetch it again") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}:{number + 1}: not UTF-8; save the file as UTF-8") from None
    except (ValueError, RecursionError):
        raise UserError(f"{path}:{number}: not a JSON object (is the file half-written?)") from None


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")


def _array_rows(path: Path) -> Iterator[tuple[str, Row]]:
    from suite.jsonl import read_text

    try:
        values = json.loads(read_text(path))
    except (ValueError, RecursionError):
        raise UserError(f"{path}: not JSON (is the file half-written?)") from None
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise UserError(f"{path}: expected a JSON array of objects")
    yield from ((f"{path}, item {number}", value) for number, value in enumerate(values, 1))


def _csv_rows(path: Path) -> Iterator[tuple[str, Row]]:
    """Question, options, gold letter: the layout of MMLU and of the four-option ARC file."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, cells in enumerate(csv.reader(file), 1):
                if not cells:
                    continue
                if len(cells) < 4:
                    raise UserError(f"{path}:{number}: {len(cells)} columns; expected question, options, gold letter")
                question, *options, gold = cells
                labels = [chr(ord("A") + slot) for slot in range(len(options))]
                choices = {"text": options, "label": labels}
                yield (
                    f"{path}:{number}",
                    {"id": f"{path.stem}-{number}", "question": question, "choices": choices, "answerKey": gold},
                )
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not CSV in UTF-8: {error}") from None


def _hub_rows(source: str) -> Iterator[tuple[str, Row]]:
    import datasets

    config, split = HUB[source]
    try:
        loaded = datasets.load_dataset(source, config, split=split)  # type: ignore[attr-defined]
    except Exception as error:  # what the hub's client raises differs between its releases
        reason = str(error).split("\n")[0][:200]
        raise UserError(
            f"{source}, split {split}: not to be had from the hub ({type(error).__name__}: {reason}); download its "
            "files and give the path of one instead, e.g. --data ARC-Challenge-Test.jsonl"
        ) from None
    yield from ((f"{source}, row {number}", dict(row)) for number, row in enumerate(loaded, 1))
