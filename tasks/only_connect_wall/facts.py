"""What the public walls look like, and how the contestants did: the figures that a loaded copy should show.

``python -m tasks.only_connect_wall.facts FILE_OR_ID [SPLIT]`` prints them.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence

from suite.errors import UserError
from tasks.only_connect_wall.public import load_public
from tasks.only_connect_wall.walls import Wall


def clue_facts(walls: Sequence[Wall]) -> dict[str, int]:
    """Numbers of walls, clues, and clues and connections of a kind; a clue counts as often as it stands."""
    clues = [clue for wall in walls for clue in wall.words]
    labels = [group.label for wall in walls for group in wall.groups]
    return {
        "walls": len(walls),
        "clues": len(clues),
        "clues of one word": sum(len(clue.split()) == 1 for clue in clues),
        "clues with a comma": sum("," in clue for clue in clues),
        "walls with a comma in a clue": sum(any("," in clue for clue in wall.words) for wall in walls),
        "clues beyond ASCII": sum(not clue.isascii() for clue in clues),
        "clues of one character": sum(len(clue) == 1 for clue in clues),
        "clues of digits only": sum(clue.isdecimal() for clue in clues),
        "walls with a clue twice": sum("ambiguous_clue" in wall.flags for wall in walls),
        "connections": len(labels),
        "connections with a blank": sum("___" in label for label in labels),
        "different connections": len(set(labels)),
    }


def human_facts(walls: Sequence[Wall]) -> dict[str, int]:
    """How many walls and groups the contestants found, and how many connections they named.

    The flags of a wall are sorted, so ``pattern 1100`` is two groups found, whichever; three are impossible. Walls that
    nobody played are left out.
    """
    played = [wall for wall in walls if all(group.found_by_humans is not None for group in wall.groups)]
    patterns = Counter("".join(str(int(bool(group.found_by_humans))) for group in wall.groups) for wall in played)
    named = [group.named_by_humans for wall in played for group in wall.groups if group.named_by_humans is not None]
    return {
        "walls played": len(played),
        "walls solved": patterns["1111"],
        "groups": 4 * len(played),
        "groups found": sum(pattern.count("1") * times for pattern, times in patterns.items()),
        "first groups found": sum(bool(wall.groups[0].found_by_humans) for wall in played),
        "connections asked": len(named),
        "connections named": sum(named),
        **{f"pattern {pattern}": times for pattern, times in sorted(patterns.items(), reverse=True)},
    }


def _print(facts: Mapping[str, int]) -> None:
    for name, number in facts.items():
        print(f"{name}: {number}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python -m tasks.only_connect_wall.facts FILE_OR_ID [SPLIT]")
    try:
        loaded = load_public(sys.argv[1], split=sys.argv[2] if len(sys.argv) > 2 else "test")  # type: ignore[arg-type]
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    _print(clue_facts(loaded.walls))
    _print(human_facts(loaded.walls))
    for line in loaded.warnings:
        print(line, file=sys.stderr)
