"""One wall of the public data: its JSON object, checked, as a `Wall`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.only_connect_wall.walls import Group, Wall

GROUP_KEYS = ("group_1", "group_2", "group_3", "group_4")


class InvalidWall(Exception):
    """A wall that cannot be asked; says which and why."""


def public_wall(row: Any, number: int, variant: str) -> tuple[Wall, int]:
    """The wall of `row`, and how many of its clues were no text.

    Args:
        row: an object with wall_id, words and groups; the others are optional.
        number: place in the source, from 1: the name of a wall without an id.
        variant: recorded in ``meta``; human flags of randomised walls are those of groups from several walls.

    Raises:
        InvalidWall: other than sixteen clues in four groups of four, or groups of other clues than `words`.
    """
    if not isinstance(row, Mapping):
        raise InvalidWall(f"wall {number} is a {type(row).__name__}; expected an object with wall_id, words and groups")
    name = str(row.get("wall_id") or f"{number:04}")
    words, gold = row.get("words"), row.get("groups")
    if not isinstance(words, Sequence) or isinstance(words, str) or not isinstance(gold, Mapping):
        raise InvalidWall(f"wall {name}: words must be a list and groups an object")
    keys = sorted(key for key, group in gold.items() if group is not None)
    groups = [_group(gold[key], f"wall {name}, {key}") for key in keys]
    sizes = [len(clues) for _, clues in groups]
    if len(words) != 16 or tuple(keys) != GROUP_KEYS or sizes != [4, 4, 4, 4]:
        raise InvalidWall(
            f"wall {name}: {len(words)} clues in words, {len(groups)} groups of {', '.join(map(str, sizes)) or 'none'} "
            "clues; expected 16 in group_1 to group_4, four each"
        )
    coerced = sum(not isinstance(clue, str) for clue in words)
    shown = tuple(map(str, words))
    _check_same(name, shown, [clue for _, clues in groups for clue in clues])
    counts = Counter(clue.casefold() for clue in shown)
    wall = Wall(
        id=name,
        words=shown,
        groups=tuple(group for group, _ in groups),
        set="public",
        item=name,
        cluster=name,
        flags=("ambiguous_clue",) if max(counts.values()) > 1 else (),
        meta={"variant": variant} | {key: row[key] for key in ("season", "episode") if isinstance(row.get(key), int)},
    )
    return wall, coerced


def _group(group: Any, where: str) -> tuple[Group, tuple[str, ...]]:
    if not isinstance(group, Mapping) or not _is_list(group.get("gt_words")):
        raise InvalidWall(f"{where}: expected an object with a list gt_words")
    played = group.get("human_performance")
    flags = played if isinstance(played, Mapping) else {}
    clues = tuple(map(str, group["gt_words"]))
    label = str(group.get("gt_connection", ""))
    return Group(
        label, clues, found_by_humans=_flag(flags, "grouping"), named_by_humans=_flag(flags, "connection")
    ), clues


def _flag(flags: Mapping[str, Any], key: str) -> bool | None:
    value = flags.get(key)
    return bool(value) if value in (0, 1) else None


def _check_same(name: str, words: Sequence[str], gold: Sequence[str]) -> None:
    shown, grouped = Counter(words), Counter(gold)
    if shown != grouped:
        only_shown, only_grouped = sorted((shown - grouped).elements()), sorted((grouped - shown).elements())
        raise InvalidWall(
            f"wall {name}: words and groups differ; only in words: {', '.join(only_shown) or 'none'}; only in groups: "
            f"{', '.join(only_grouped) or 'none'}"
        )


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
