"""Annotation sheets: CSV or JSONL, a row a unit and annotator, safe to open in a spreadsheet, lossless both ways."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from suite.errors import UserError
from suite.jsonl import read_jsonl, read_text, write_jsonl, write_text

COLUMNS = (
    *("unit_key", "orientation_hidden", "reference", "statement", "response", "unit_text", "annotator"),
    *("verdict", "categories", "split", "degree", "note"),
)
_ACTIVE = ("=", "+", "-", "@", "\t", "\r", "'")  # what makes a spreadsheet compute, and the mark against it

SheetRow = Mapping[str, str]


def write_sheet(path: Path, rows: Iterable[SheetRow]) -> None:
    """Writes rows with `COLUMNS`; the suffix decides the format.

    Raises:
        UserError: another suffix, or the folder cannot be written.
    """
    plain = [{name: row[name] for name in COLUMNS} for row in rows]
    if _format(path) == "jsonl":
        write_jsonl(path, plain)
        return
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")  # a lone carriage return is else not quoted
    writer.writerow(COLUMNS)
    writer.writerows([_guarded(row[name]) for name in COLUMNS] for row in plain)
    write_text(path, out.getvalue())


def read_sheet(path: Path) -> list[tuple[int, dict[str, str]]]:
    """(line number, row) of every row; columns in any order, further columns, a BOM and CRLF are accepted.

    Raises:
        UserError: an unreadable or empty file, a missing column, or a row of another width.
    """
    if _format(path) == "jsonl":
        rows = [(number, _of_json(row, f"{path}:{number}")) for number, row in read_jsonl(path, COLUMNS[:1])]
    else:
        rows = _read_csv(path)
    if not rows:
        raise UserError(f"{path}: no rows; expected a sheet made by `unreason annotate export`")
    return rows


def _read_csv(path: Path) -> list[tuple[int, dict[str, str]]]:
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    rows: list[tuple[int, dict[str, str]]] = []
    try:
        header = next(reader, [])
        _check_columns(header, str(path))
        begin = reader.line_num + 1
        for cells in reader:
            if cells and len(cells) != len(header):
                raise UserError(f"{path}:{begin}: {len(cells)} cells; expected {len(header)}, as the first line has")
            if cells:
                row = dict(zip(header, map(_unguarded, cells), strict=True))
                rows.append((begin, {name: row[name] for name in COLUMNS}))
            begin = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}:{reader.line_num}: not CSV: {error}") from None
    return rows


def _of_json(row: Mapping[str, object], where: str) -> dict[str, str]:
    _check_columns(list(row), where)
    cells = {}
    for name in COLUMNS:
        value = row[name]
        if isinstance(value, list) and name == "categories":
            value = ";".join(map(str, value))
        if not isinstance(value, str):
            raise UserError(f"{where}: {name!r} is no text")
        cells[name] = value
    return cells


def _check_columns(found: Sequence[str], where: str) -> None:
    missing = [name for name in COLUMNS if name not in found]
    if missing:
        raise UserError(f"{where}: column {missing[0]!r} is missing; expected {', '.join(COLUMNS)}")


def _guarded(cell: str) -> str:
    return "'" + cell if cell.startswith(_ACTIVE) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_ACTIVE) else cell


def _format(path: Path) -> str:
    suffix = path.suffix.lower().lstrip(".")
    if suffix not in ("csv", "jsonl"):
        raise UserError(f"{path}: expected a name that ends in .csv or .jsonl")
    return suffix
