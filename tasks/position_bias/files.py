"""The shipped files, ``datasets/position_bias``: one item a line, read as a stream.

``python -m tasks.position_bias.files [FOLDER]`` writes them anew; the same bytes come out.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from suite.data import data_folder
from suite.errors import UserError
from suite.jsonl import read_text, write_jsonl, write_text
from tasks.position_bias.items import FAMILIES, Family, Item
from tasks.position_bias.public_files import json_lines

NAME, SUMS = "position_bias", "SHA256SUMS"
FILES = {
    "mcq": "mcq_synth.jsonl",
    "judge": "judge_synth.jsonl",
    "docqa": "docqa_synth.jsonl",
    "kv": "kv_synth.jsonl",
    "needle": "needle.jsonl",
    "premise": "premise_synth.jsonl",
}


def shipped_items(family: Family) -> Iterator[tuple[str, Item]]:
    """The shipped items of a family, each with its file and line.

    Raises:
        UserError: the file is missing or was changed.
    """
    path = data_folder(NAME) / FILES[family]
    _check_sum(path)
    return ((f"{path}:{number}", read_item(row, f"{path}:{number}")) for number, row in json_lines(path))


def read_item(row: dict[str, object], where: str) -> Item:
    """The item of a row of our own form.

    Raises:
        UserError: a row of another shape, named by `where`.
    """
    try:
        return Item.from_json(row)
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{where}: not such an item ({error}); see the card of the data set for its keys") from None


def write_shipped(folder: Path) -> dict[str, int]:
    """Writes every file and SHA256SUMS into `folder`; returns the items of each file."""
    from tasks.position_bias.sources import GENERATORS

    counts = {}
    for family in FAMILIES:
        rows = [item.to_json() for item in GENERATORS[family](0)]
        write_jsonl(folder / FILES[family], rows)
        counts[FILES[family]] = len(rows)
    write_text(folder / SUMS, "".join(f"{_sha256(folder / name)}  {name}\n" for name in FILES.values()))
    return counts


@cache
def _check_sum(path: Path) -> None:
    if not path.is_file() or f"{_sha256(path)}  {path.name}\n" not in read_text(path.with_name(SUMS)):
        raise UserError(f"{path}: missing, or not the file that {SUMS} states; install unreason again")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else data_folder(NAME)
    try:
        print(f"{target}: {', '.join(f'{n} in {name}' for name, n in write_shipped(target).items())}")
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
