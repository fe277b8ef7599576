"""Pairs of a real child and parent: the bundled historical set, or a CSV file of the user's.

Nothing about living people is shipped. The historical set is known to every model in both orders: a smoke test.
"""

from __future__ import annotations

import csv
import io
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from suite.data import data_folder
from suite.errors import UserError
from suite.identity import digest_rows
from suite.jsonl import read_text
from tasks.reversal_curse.names_match import folded
from tasks.reversal_curse.real_prompts import EXEMPLAR_PEOPLE

PARENT_TYPES = ("mother", "father")
log = logging.getLogger("unreason.reversal_curse")


@dataclass(frozen=True, slots=True)
class ParentRow:
    """One row: who the child's mother or father is. `row` counts the data rows of the file from 1.

    Attributes:
        parents: accepted answers to the forward question, `parent` first.
        children: accepted answers to the reverse question, `child` first; all children of that parent in the file.
        prediction: the answer that the file records for the reverse question; "" where there is none.
        can_reverse: the verdict that the file records on it.
        source: "historical" for the bundled rows, which are a smoke test, else "file".
    """

    row: int
    child: str
    parent: str
    parent_type: str
    parents: tuple[str, ...]
    children: tuple[str, ...]
    prediction: str = ""
    can_reverse: bool | None = None
    source: str = "file"


@dataclass(frozen=True, slots=True)
class RealSet:
    """The rows to ask about, and how many rows of the file were left out as duplicates or as exemplars."""

    rows: tuple[ParentRow, ...]
    duplicates: int
    exemplar_rows: int
    sha256: str
    origin: str


def load_real(celebrity_csv: Path | None = None) -> RealSet:
    """The rows of the REAL track.

    Args:
        celebrity_csv: columns child, parent, parent_type (mother or father); optionally can_reverse (True or False),
            child_prediction, other_parent_names and other_children (further accepted answers, between semicolons).
            The bundled historical set without it.

    Raises:
        UserError: the file cannot be read, a column is missing, or a row has a value that is not allowed.
    """
    path = celebrity_csv or data_folder("reversal_curse") / "historical_parents.csv"
    source = "file" if celebrity_csv else "historical"
    rows = [replace(row, source=source) for row in read_pairs(path)]
    kept = {(folded(row.child), folded(row.parent), row.parent_type): row for row in reversed(rows)}
    unique = sorted(kept.values(), key=lambda row: row.row)
    if len(unique) < len(rows):
        log.warning("%s: %d duplicate rows are left out", path, len(rows) - len(unique))
    asked = [row for row in unique if not {folded(row.child), folded(row.parent)} & EXEMPLAR_PEOPLE]
    if not asked:
        raise UserError(f"{path}: no rows to ask about; expected child, parent and parent_type in each")
    return RealSet(
        rows=tuple(_with_siblings(asked)),
        duplicates=len(rows) - len(unique),
        exemplar_rows=len(unique) - len(asked),
        sha256=digest_rows(asdict(row) for row in asked),
        origin=str(path) if celebrity_csv else "historical set (smoke test)",
    )


def read_pairs(path: Path) -> list[ParentRow]:
    """Every row of the file as it stands, duplicates included.

    Raises:
        UserError: as `load_real`.
    """
    pairs = []
    for number, row in read_csv(path, ("child", "parent", "parent_type")):
        where = f"{path}: row {number}"
        if row["parent_type"] not in PARENT_TYPES:
            raise UserError(f"{where}: parent_type {row['parent_type']!r}; expected mother or father")
        if not folded(row["child"]) or not folded(row["parent"]):
            raise UserError(f"{where}: child or parent is empty; give both names")
        verdict = row.get("can_reverse")
        if verdict not in (None, "True", "False"):
            raise UserError(f"{where}: can_reverse {verdict!r}; expected True or False")
        pairs.append(
            ParentRow(
                row=number,
                child=row["child"],
                parent=row["parent"],
                parent_type=row["parent_type"],
                parents=(row["parent"], *_listed(row.get("other_parent_names", ""))),
                children=(row["child"], *_listed(row.get("other_children", ""))),
                prediction=row.get("child_prediction", ""),
                can_reverse=None if verdict is None else verdict == "True",
            )
        )
    return pairs


def read_csv(path: Path, columns: Sequence[str]) -> list[tuple[int, Mapping[str, str]]]:
    """The data rows of a CSV file with a header, numbered from 1, values stripped.

    Raises:
        UserError: the file cannot be read, one of `columns` is missing, or a row has more or fewer fields.
    """
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
    rows: list[tuple[int, Mapping[str, str]]] = []
    try:
        header = reader.fieldnames or ()
        for column in columns:
            if column not in header:
                raise UserError(f"{path}: column {column!r} is missing; the header must have {', '.join(columns)}")
        for number, row in enumerate(reader, 1):
            if None in row or None in row.values():
                raise UserError(f"{path}: row {number} has not {len(header)} fields; quote fields that hold commas")
            rows.append((number, {key: value.strip() for key, value in row.items()}))
    except csv.Error as error:
        raise UserError(f"{path}: line {reader.line_num}: {error}; is this a CSV file?") from None
    return rows


def _with_siblings(rows: Sequence[ParentRow]) -> list[ParentRow]:
    """Accepts every child that the file lists for a parent: the reverse question asks for any of them."""
    children: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        children[folded(row.parent)] += row.children
    return [replace(row, children=tuple(dict.fromkeys((*row.children, *children[folded(row.parent)])))) for row in rows]


def _listed(field: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in field.split(";") if name.strip())
