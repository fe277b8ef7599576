"""Walls as files of JSON lines: our shipped sets, and files that a user made in their form."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from suite.data import data_folder
from suite.errors import UserError, unknown
from suite.jsonl import read_jsonl, read_text, write_jsonl
from tasks.only_connect_wall.bank import NAME
from tasks.only_connect_wall.wall_rows import row_wall, wall_row
from tasks.only_connect_wall.walls import Wall

WALL_FILES = {name: f"{name}.jsonl" for name in ("quads", "dose", "phantom", "priming", "extra", "examples")}
SUMS = "SHA256SUMS"


def shipped_walls(set: str) -> list[Wall]:
    """The walls of one shipped set, seed 0: quads, dose, phantom, priming, extra, or examples (for prompts).

    Raises:
        UserError: an unknown set, or the file is missing or was changed.
    """
    if set not in WALL_FILES:
        raise unknown("set of walls", set, WALL_FILES)
    path = data_folder(NAME) / WALL_FILES[set]
    if not path.is_file() or f"{sha256(path)}  {path.name}\n" not in read_text(path.with_name(SUMS)):
        raise UserError(f"{path}: missing, or not the file that {SUMS} states; install unreason again")
    return read_walls(path)


def read_walls(path: Path | str) -> list[Wall]:
    """The walls in a file of JSON lines of any of our sets.

    Raises:
        UserError: the file is missing or half-written, or a line is no such wall; names the line.
    """
    walls, seen = [], set()
    for number, row in read_jsonl(Path(path)):
        try:
            wall = row_wall(row)
        except KeyError as error:
            raise UserError(f"{path}:{number}: key {error} is missing; see the README of the data set") from None
        except (TypeError, ValueError) as error:
            raise UserError(f"{path}:{number}: not such a wall: {error}; see the README of the data set") from None
        if wall.id in seen:
            raise UserError(f"{path}:{number}: wall {wall.id!r} occurs twice; make its id and condition unique")
        seen.add(wall.id)
        walls.append(wall)
    return walls


def write_walls(path: Path, walls: Iterable[Wall]) -> None:
    """Writes `walls` of one of our sets; the file appears whole or not at all."""
    write_jsonl(path, map(wall_row, walls))


def sha256(path: Path) -> str:
    """SHA-256 of the bytes of `path`, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
