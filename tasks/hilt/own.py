"""Prompts of the user's own, such as tweets and claims of a private copy of HILT: free text, labelled by a judge.

CSV or JSONL with id, text and orientation (FM: the text is true, SL: it is false), and if known category, reference
(the evidence that judges compare with), source and licence.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from suite.errors import UserError
from suite.jsonl import read_jsonl, read_text
from tasks.hilt.items import CATEGORIES, ORIENTATIONS

_NEEDED = ("id", "text", "orientation")
_OPTIONAL = ("category", "reference", "source", "licence")


def own_items(path: Path) -> list[dict[str, Any]]:
    """The items of a file.

    Raises:
        UserError: names file and line or column, where the file is not of this form.
    """
    found: dict[str, dict[str, Any]] = {}
    for where, row in _rows(path):
        item = _item(where, row)
        if item["id"] in found:
            raise UserError(f"{where}: id {item['id']!r} occurs twice; give every prompt an id of its own")
        found[item["id"]] = item
    if not found:
        raise UserError(f"{path}: no prompts; expected the columns {', '.join(_NEEDED)}")
    return list(found.values())


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        yield from ((f"{path}:{number}", row) for number, row in read_jsonl(path, _NEEDED))
        return
    if path.suffix.lower() != ".csv":
        raise UserError(f"{path}: unknown kind of file; give a .csv or .jsonl of prompts")
    reader = csv.DictReader(StringIO(read_text(path), newline=""))
    try:
        names = reader.fieldnames or ()
        for column in _NEEDED:
            if column not in names:
                raise UserError(f"{path}: column {column!r} is missing; expected {', '.join(_NEEDED)}")
        yield from ((f"{path}:{reader.line_num}", row) for row in reader)
    except csv.Error as error:
        raise UserError(f"{path}:{reader.line_num}: not CSV: {error}") from None


def _item(where: str, row: Mapping[str, Any]) -> dict[str, Any]:
    text = {name: str(row.get(name) or "").strip() for name in (*_NEEDED, *_OPTIONAL)}
    for name in ("id", "text"):
        if not text[name]:
            raise UserError(f"{where}: {name} is empty")
    for name, allowed in (("orientation", ORIENTATIONS), ("category", ("", *CATEGORIES))):
        if text[name] not in allowed:
            raise UserError(f"{where}: {name} is {text[name]!r}; expected {' or '.join(filter(None, allowed))}")
    return {
        "id": text["id"],
        "track": "own",
        "dossier_id": text["id"],
        "category": text["category"],
        "orientation": text["orientation"],
        "dossier": "",
        "reference": text["reference"],
        "statement": text["text"],
        "source": text["source"],
        "licence": text["licence"],
    }
