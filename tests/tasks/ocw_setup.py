"""Walls for the tests: from reference files, from a toy, and a task that asks exactly them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from suite.registry import load_task
from suite.task import Doc, Draft, ModelInfo, Response, Text
from tasks.only_connect_wall.options import OUR_SETS
from tasks.only_connect_wall.sources import Source
from tasks.only_connect_wall.task import OnlyConnectWall
from tasks.only_connect_wall.walls import Group, Wall

GOLD = [[f"{group}{number}" for number in range(1, 5)] for group in "abcd"]
CHAT = ModelInfo("scripted/chat", "scripted", "f", frozenset({"generate", "chat"}))
LOCAL = ModelInfo("hf/local", "hf", "f", frozenset({"generate", "loglikelihood", "first_token"}))


def toy_wall(**changes: Any) -> Wall:
    """Groups a to d of clues a1 ... d4, shown in no order that gives them away."""
    groups = tuple(Group(f"Group {row[0][0]}", tuple(row), category=row[0][0]) for row in GOLD)
    words = tuple(clue for column in zip(*GOLD, strict=True) for clue in column)
    return Wall(
        **{"id": "toy", "words": words, "groups": groups, "set": "public", "item": "toy", "cluster": "toy", **changes}
    )


def toy_quad(item: str = "q0", herring: str = "x", **changes: Any) -> list[Wall]:
    """A quad whose critical clue is a1 (the twin n) or the herring; competitor b, stand-in e, fillers c and d."""
    walls = []
    for arm in ("BASE", "ABS", "SUB", "RH"):
        critical = herring if arm in ("RH", "ABS") else "n"
        lure = "b" if arm in ("RH", "SUB") else "e"
        rows = [[critical, "a2", "a3", "a4"], [f"{lure}{number}" for number in range(1, 5)], *GOLD[2:]]
        names = ("a", lure, "c", "d")
        groups = tuple(Group(name.upper(), tuple(row), category=name) for name, row in zip(names, rows, strict=True))
        words = tuple(clue for column in zip(*rows, strict=True) for clue in column)
        facts = {"critical": critical, "herring": herring, "neutral_twin": "n", "host": 0, "competitor": "b"}
        walls.append(
            Wall(f"{item}-{arm}", words, groups, "quads", condition=arm, item=item, cluster=herring, **facts, **changes)
        )
    return walls


def reference_quads(folder: Path) -> list[Wall]:
    """The walls of herring_quads_reference.jsonl."""
    walls = []
    for line in (folder / "only_connect_wall" / "herring_quads_reference.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        categories = [group["category"] for group in row["groups"]]
        walls.append(
            Wall(
                id=f"{row['quad_id']}-{row['condition']}",
                words=tuple(row["words"]),
                groups=groups_of(row),
                set="quads",
                condition=row["condition"],
                item=row["quad_id"],
                cluster=row["herring"],
                critical=row["critical"],
                herring=row["herring"],
                neutral_twin=row["neutral_twin"],
                host=categories.index(row["host"]),
                competitor=row["competitor"],
            )
        )
    return walls


def reference_doses(folder: Path) -> list[Wall]:
    """The walls of herring_dose_reference.jsonl."""
    lines = (folder / "only_connect_wall" / "herring_dose_reference.jsonl").read_text("utf-8").splitlines()
    return [
        Wall(
            id=f"{row['item_id']}-r{row['dose']}",
            words=tuple(row["words"]),
            groups=groups_of(row),
            set="dose",
            condition=f"r{row['dose']}",
            item=row["item_id"],
            cluster=row["item_id"],
        )
        for row in map(json.loads, lines)
    ]


def groups_of(row: dict[str, Any]) -> tuple[Group, ...]:
    return tuple(Group(group["label"], tuple(group["clues"]), category=group["category"]) for group in row["groups"])


def task_with(walls: Sequence[Wall], pool: Sequence[Wall] = (), **options: Any) -> OnlyConnectWall:
    """The task, asking these walls."""
    task = load_task("only_connect_wall", options)
    assert isinstance(task, OnlyConnectWall)
    task.__dict__["_source"] = Source(walls, pool, is_ours=options.get("data", "quads") in OUR_SETS)
    return task


def written(groups: Sequence[Sequence[str]]) -> str:
    return "\n".join(" | ".join(group) for group in groups)


def answered(draft: Draft, text: str, finish: str = "stop") -> tuple[Response, ...]:
    return (Response(draft.requests[0].id, texts=(Text(text, finish),)),)


def drafts_of(task: OnlyConnectWall, info: ModelInfo = CHAT) -> list[tuple[Doc, Draft]]:
    modes = frozenset(mode for mode in task.modes if mode in info.capabilities)
    return [(doc, draft) for doc in task.docs() for draft in task.requests(doc, info, modes)]
