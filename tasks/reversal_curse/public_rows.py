"""The rows of the public files, each with its fact, wording and direction.

The files hold nothing but prompts and completions: ``fact = row // templates`` and ``template = row % templates``,
or what a facts file says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from suite.errors import UserError
from suite.jsonl import read_jsonl
from tasks.reversal_curse.records import Direction, Group, Seen

TEMPLATES = {"train": 30, "test": 10}


class Part(NamedTuple):
    """One file of the set; a `both` file holds its first direction in the first half, the other in the second."""

    name: str
    split: Literal["train", "test"]
    group: Group
    directions: tuple[Direction, ...]
    seen: Seen = "same"


PARTS = (
    Part("p2d_prompts_train", "train", "n2d_only", ("n2d",)),
    Part("d2p_prompts_train", "train", "d2n_only", ("d2n",)),
    Part("both_prompts_train", "train", "both", ("n2d", "d2n")),
    Part("p2d_prompts_test", "test", "n2d_only", ("n2d",)),
    Part("p2d_reverse_prompts_test", "test", "n2d_only", ("d2n",), "reverse"),
    Part("d2p_prompts_test", "test", "d2n_only", ("d2n",)),
    Part("d2p_reverse_prompts_test", "test", "d2n_only", ("n2d",), "reverse"),
    Part("both_prompts_test", "test", "both", ("n2d", "d2n")),
)


class Place(NamedTuple):
    """What a row shows."""

    fact: str
    template: str
    direction: Direction


Places = Mapping[tuple[str, int], Place]  # (file without .jsonl, line) -> place


@dataclass(frozen=True)
class PublicRow:
    """One row of one file."""

    file: Path
    line: int
    part: Part
    place: Place
    prompt: str
    completion: str
    extra: Mapping[str, Any]

    @property
    def fact_id(self) -> str:
        return f"{self.part.group}-{self.place.fact}"

    @property
    def template_id(self) -> str:
        return f"{self.direction}-{self.part.split}-{self.place.template}"

    @property
    def direction(self) -> Direction:
        return self.place.direction

    @cached_property
    def item_id(self) -> str:
        """Unique among the held-out rows."""
        return f"{self.fact_id}/{self.template_id}"

    @property
    def key(self) -> tuple[str, int]:
        """Unique among all rows."""
        return self.part.name, self.line


def read_rows(folder: Path, part: Part, places: Places | None = None, name: str | None = None) -> Iterator[PublicRow]:
    """The rows of one file of the set.

    Args:
        folder: where the files lie.
        part: which of them.
        places: from a facts file; by row number without it.
        name: another file of the same layout (a randomized control).

    Raises:
        UserError: the file is missing or a row is no pair of texts; the number of rows does not tell the facts;
            a row is missing from the facts file.
    """
    file = folder / f"{name or part.name}.jsonl"
    content = read_jsonl(file, ("prompt", "completion"))
    if places is None:
        per_fact = TEMPLATES[part.split] * len(part.directions)
        if not content or len(content) % per_fact:
            raise UserError(
                f"{file}: {len(content)} rows, not a multiple of {per_fact} (templates × directions): "
                "the fact of a row can't be inferred; give --facts-file"
            )
    for index, (line, row) in enumerate(content):
        place = _by_number(index, len(content), part) if places is None else places.get((part.name, line))
        if place is None:
            raise UserError(f"{file}:{line}: not in the facts file; add a row with file {part.name!r} and this line")
        extra = {key: value for key, value in row.items() if key not in ("prompt", "completion")}
        yield PublicRow(file, line, part, place, row["prompt"], row["completion"], extra)


def read_places(facts_file: Path) -> dict[tuple[str, int], Place]:
    """The places of all rows of the set, for files of another layout than the original's.

    The file has one JSON object a row: ``{"file": "p2d_prompts_test", "line": 3, "fact": "7", "template": "2"}``,
    for the two `both` files also ``"direction": "n2d"`` or ``"d2n"``.

    Raises:
        UserError: a line is no such object.
    """
    parts = {part.name: part for part in PARTS}
    places = {}
    for number, row in read_jsonl(facts_file, ("file", "fact", "template")):
        where = f"{facts_file}:{number}"
        part = parts.get(row["file"])
        if part is None:
            raise UserError(f"{where}: file {row['file']!r} is not one of {', '.join(parts)}")
        direction = row.get("direction", part.directions[0] if len(part.directions) == 1 else None)
        if direction not in part.directions:
            raise UserError(f"{where}: direction {direction!r}; {part.name} holds {' and '.join(part.directions)}")
        if type(row.get("line")) is not int:
            raise UserError(f"{where}: line {row.get('line')!r} is not a line number")
        places[part.name, row["line"]] = Place(row["fact"], row["template"], direction)
    return places


def _by_number(index: int, n_rows: int, part: Part) -> Place:
    half, within = divmod(index, n_rows // len(part.directions))
    fact, template = divmod(within, TEMPLATES[part.split])
    return Place(f"{fact:02}", f"{template + 1:02}", part.directions[half])
