"""How the contestants did on a televised wall, from the flags in the public data.

The flags of a wall are sorted: they carry how many groups were found, not which (group 1 is the one found first).
People had 150 seconds, tries until two groups were found, then three lives, and were told what was right; a model
answers once. The flags of the randomised walls came along with their groups and say nothing of a wall.
"""

from __future__ import annotations

from tasks.only_connect_wall.walls import Wall


def human_scores(wall: Wall) -> dict[str, float]:
    """Groups found, wall solved, share of connections named; nothing for walls that nobody played."""
    found = [group.found_by_humans for group in wall.groups if group.found_by_humans is not None]
    named = [group.named_by_humans for group in wall.groups if group.named_by_humans is not None]
    if len(found) != len(wall.groups) or wall.condition == "randomized" or wall.meta.get("variant") == "randomized":
        return {}
    scores = {"human_groups": float(sum(found)), "human_solved": float(all(found))}
    return scores | ({"human_connections": sum(named) / len(named)} if named else {})
