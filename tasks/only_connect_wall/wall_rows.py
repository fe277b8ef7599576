"""A wall of ours as a JSON row and back; the README of the data set explains the fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from suite.identity import canonical_json
from suite.jsonl import Row
from tasks.only_connect_wall.walls import Group, Wall

_ITEM_KEYS = {"quads": "quad_id", "examples": "wall_id"}  # "item_id" elsewhere


def wall_row(wall: Wall) -> Row:
    """The row of one wall."""
    row: Row = {_ITEM_KEYS.get(wall.set, "item_id"): wall.item, **example_row(wall)}
    if wall.set == "dose":
        herrings = str(wall.meta["herrings"])
        return row | {"dose": int(wall.condition[1:]), "herrings": herrings.split(" | ") if herrings else []}
    if wall.set != "examples":
        row |= {"condition": wall.condition}
    if wall.host is not None:
        row |= {"host": wall.groups[wall.host].category, "competitor": wall.competitor, "critical": wall.critical}
        row |= {"herring": wall.herring, "neutral_twin": wall.neutral_twin}
    if wall.set == "priming":
        row |= {"examples": json.loads(str(wall.meta["examples"]))}
    if wall.set == "phantom":
        row |= {"phantom": wall.competitor, "phantom_clues": list(wall.competitor_clues)}
    return row


def example_row(wall: Wall) -> Row:
    """Clues and groups alone: all that a solved example shows."""
    return {"words": list(wall.words), "groups": [_group_row(group) for group in wall.groups]}


def row_wall(row: Mapping[str, Any]) -> Wall:
    """The wall of one row.

    Raises:
        ValueError, KeyError, TypeError: the row is none of ours, or its clues are not those of its groups.
    """
    set_, item = _identity(row)
    groups = tuple(_row_group(group) for group in row["groups"])
    words = tuple(_text(word) for word in row["words"])
    clues = [clue for group in groups for clue in group.clues]
    _check_shape(set_, words, clues, groups)
    condition = f"r{int(row['dose'])}" if set_ == "dose" else str(row.get("condition", ""))
    fields: dict[str, Any] = {}
    if set_ in ("quads", "priming"):
        fields = _herring_fields(row, groups)
    if set_ == "phantom":
        fields = {"competitor": row["phantom"], "competitor_clues": tuple(map(_text, row["phantom_clues"]))}
    if set_ == "dose":
        fields = {"meta": {"herrings": " | ".join(row["herrings"])}}
    if set_ == "priming":
        fields["meta"] = {"examples": canonical_json(row["examples"])}
    return Wall(
        id=f"{item}-{condition}" if condition else item,
        words=words,
        groups=groups,
        set=set_,
        condition=condition,
        item=item,
        **{"cluster": "" if set_ == "examples" else item, **fields},
    )


def prime_walls(wall: Wall) -> tuple[Wall, ...]:
    """The three solved walls that a wall of the priming arm is shown after; none for other walls."""
    rows = json.loads(str(wall.meta.get("examples", "[]")))
    return tuple(row_wall({"wall_id": f"{wall.id}-{number}", **row}) for number, row in enumerate(rows, 1))


def _identity(row: Mapping[str, Any]) -> tuple[str, str]:
    """Set and item id, told by the keys of the row."""
    if "quad_id" in row:
        return "quads", _text(row["quad_id"])
    if "wall_id" in row:
        return "examples", _text(row["wall_id"])
    kinds = {"dose": "dose", "phantom": "phantom", "examples": "priming", "condition": "extra"}
    for key, kind in kinds.items():
        if key in row:
            return kind, _text(row["item_id"])
    raise ValueError("neither quad_id, wall_id, dose, phantom nor condition is there")


def _herring_fields(row: Mapping[str, Any], groups: tuple[Group, ...]) -> dict[str, Any]:
    categories = [group.category for group in groups]
    if row["host"] not in categories or row["critical"] not in groups[categories.index(row["host"])].clues:
        raise ValueError(f"the host {row['host']!r} holds no clue {row['critical']!r}")
    texts = {key: _text(row[key]) for key in ("competitor", "critical", "herring", "neutral_twin")}
    lure = next((group.clues for group in groups if group.category == row["competitor"]), ())
    return {
        **texts,
        "host": categories.index(row["host"]),
        "competitor_clues": lure,
        "cluster": texts["herring"],
    }


def _check_shape(set_: str, words: tuple[str, ...], clues: list[str], groups: tuple[Group, ...]) -> None:
    sizes = [len(group.clues) for group in groups]
    if sizes != [4, 4, 4, 4]:
        raise ValueError(f"groups of {sizes} clues; expected four of four")
    if len(set(words)) != len(words) or len(set(clues)) != len(clues):
        raise ValueError("a clue stands twice")
    unused = set(words) - set(clues)
    if set(clues) - set(words) or (unused and set_ != "extra"):
        raise ValueError(f"the clues of the groups are not those of words: {sorted(set(words) ^ set(clues))}")


def _group_row(group: Group) -> Row:
    row: Row = {"category": group.category, "label": group.label, "clues": list(group.clues)}
    return row | ({"aliases": list(group.aliases)} if group.aliases else {})


def _row_group(row: Mapping[str, Any]) -> Group:
    return Group(
        label=_text(row["label"]),
        clues=tuple(map(_text, row["clues"])),
        category=_text(row.get("category", "")),
        aliases=tuple(map(_text, row.get("aliases", ()))),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r} is not text")
    return value
