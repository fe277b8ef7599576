"""A wall and its four groups: what loaders and generators make, and prompts and scoring read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from suite.task import Scalar


@dataclass(frozen=True, slots=True)
class Group:
    """Four clues and what connects them.

    Attributes:
        aliases: other accepted names of the connection (our own walls).
        found_by_humans, named_by_humans: how the contestants did; None where nobody played.
    """

    label: str
    clues: tuple[str, ...]
    category: str = ""
    aliases: tuple[str, ...] = ()
    found_by_humans: bool | None = None
    named_by_humans: bool | None = None


@dataclass(frozen=True, slots=True)
class Wall:
    """Sixteen clues in the order of display, and the one partition that is right.

    Attributes:
        set: "public", "quads", "dose", "phantom", "priming" or "extra".
        condition: the arm within the set (RH, SUB, ABS, BASE, r0 ... r3, ...); "" for public walls.
        item: what the arms of one item share (the quad's id); the wall's own id for public walls.
        cluster: unit of resampling: the herring word, or the wall.
        critical: the clue that the arms exchange; herring and neutral_twin: its two fillings.
        host, competitor: index in `groups` of the group that holds the critical clue, category id of the lure.
        competitor_clues: the competitor's clues that are on the wall.
        flags: "ambiguous_clue", ...
    """

    id: str
    words: tuple[str, ...]
    groups: tuple[Group, ...]
    set: str
    condition: str = ""
    item: str = ""
    cluster: str = ""
    critical: str = ""
    herring: str = ""
    neutral_twin: str = ""
    host: int | None = None
    competitor: str = ""
    competitor_clues: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    meta: Mapping[str, Scalar] = field(default_factory=dict)
