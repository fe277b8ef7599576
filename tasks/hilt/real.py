"""Track R: well-known facts without a dossier, asked beside questions about things that do not exist.

Strong models know these facts by heart, so the track stands on its own and is never mixed with track W.
"""

from __future__ import annotations

import csv
import hashlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from suite.data import data_folder
from suite.errors import UserError
from suite.jsonl import read_text
from tasks.hilt.draws import pick, shuffled
from tasks.hilt.items import CATEGORIES, ORIENTATIONS, Orientation, line_of, numbered, unanswerable_line
from tasks.hilt.world import SHIPPED_SEED, world

FILE = "real_facts.csv"
_COLUMNS = ("id", "category", "type", "label", "gold", "aliases", "false_value", "statement_true", "statement_false")


@dataclass(frozen=True, slots=True)
class RealFact:
    """A row of the table; `type` is a slot type, the statements tell the gold and the false value."""

    id: str
    category: str
    type: str
    label: str
    gold: str
    aliases: tuple[str, ...]
    false_value: str
    statement_true: str
    statement_false: str


@dataclass(frozen=True, slots=True)
class RealFacts:
    """The table, and whether it was edited since it was shipped."""

    facts: tuple[RealFact, ...]
    is_custom: bool


def load_real() -> RealFacts:
    """The shipped table; an edited one is used with a warning.

    Raises:
        UserError: the file is missing, or a row is not of the expected form.
    """
    folder = data_folder("hilt")
    path = folder / FILE
    text = read_text(path)
    line = f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {FILE}"
    is_custom = line not in read_text(folder / "SHA256SUMS").splitlines()
    if is_custom:
        warnings.warn(f"{path} is not the shipped file: its results are marked data=custom", stacklevel=2)
    return RealFacts(tuple(_rows(path, text)), is_custom)


def real_items(facts: Sequence[RealFact]) -> Iterator[dict[str, Any]]:
    """Two items a fact: beside a true statement (FM) and beside a false one about it (SL)."""
    for fact in facts:
        for orientation in ORIENTATIONS:
            yield _item(fact, facts, orientation)


def _item(fact: RealFact, facts: Sequence[RealFact], orientation: Orientation) -> dict[str, Any]:
    def choose(what: str, pool: Sequence[Any]) -> Any:
        return pick(SHIPPED_SEED, f"{fact.id}|{what}", pool)

    akin = [other for other in facts if other.category == fact.category and other is not fact]
    other = choose("other", [one for one in facts if one.category != fact.category])
    stated, is_false = choose("stated", akin), orientation == "SL"
    lines = [
        line_of(one.category, one.type, one.label, one.gold, one.aliases)
        | {"is_target": one is fact, "premise": fact.false_value if is_false and one is fact else None}
        for one in (fact, other)
    ]
    extra = choose("extra", [name for name in CATEGORIES if name != fact.category])
    lines += [
        unanswerable_line(choose(f"invented {name}", world(SHIPPED_SEED)), name) for name in (fact.category, extra)
    ]
    told = [fact, other] if is_false else [stated, fact, other]
    return {
        "id": f"{fact.id}-{orientation}",
        "track": "R",
        "dossier_id": fact.id,
        "category": fact.category,
        "orientation": orientation,
        "dossier": "",
        "reference": " ".join(dict.fromkeys(one.statement_true for one in told)),
        "statement": fact.statement_false if is_false else stated.statement_true,
        "false_value": fact.false_value if is_false else "",
        "names": [one.gold for one in (fact, other) if one.type in ("place", "person")],
        "lines": numbered(shuffled(SHIPPED_SEED, f"{fact.id}|{orientation}|lines", lines)),
        "probe": [fact.gold, fact.false_value, *_others(fact, akin)],
    }


def _others(fact: RealFact, akin: Sequence[RealFact]) -> list[str]:
    """Two right values of other facts of the same kind."""
    pool = [one.gold for one in akin if one.type == fact.type and one.gold != fact.false_value]
    return shuffled(SHIPPED_SEED, f"{fact.id}|probe", pool)[:2]


def _rows(path: Path, text: str) -> Iterator[RealFact]:
    reader = csv.DictReader(StringIO(text))
    for column in _COLUMNS:
        if column not in (reader.fieldnames or ()):
            raise UserError(f"{path}: column {column!r} is missing; install unreason again")
    for number, row in enumerate(reader, start=2):
        if row["category"] not in CATEGORIES or not row["gold"] or not row["false_value"]:
            raise UserError(
                f"{path}:{number}: expected a category of {', '.join(CATEGORIES)}, a gold and a false value"
            )
        aliases = tuple(alias for alias in row["aliases"].split("|") if alias)
        yield RealFact(**{name: row[name] for name in _COLUMNS if name != "aliases"}, aliases=aliases)
