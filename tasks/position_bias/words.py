"""Invented names, places and things for generated items, and random streams that are the same on every machine."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any


@cache
def words() -> Mapping[str, Any]:
    """The content of ``words.json``."""
    content: dict[str, Any] = json.loads((Path(__file__).parent / "words.json").read_text("utf-8"))
    return content


def stream(family: str, seed: int, index: int) -> random.Random:
    """The random numbers of one item: they do not depend on how many items are made."""
    return random.Random(f"{family}/{seed}/{index}")  # noqa: S311


def distinct(make: Callable[[random.Random], str], rng: random.Random, count: int) -> list[str]:
    """`count` different texts of `make`, in the order in which they came."""
    found: dict[str, None] = {}
    while len(found) < count:
        found[make(rng)] = None
    return list(found)


def person(rng: random.Random) -> str:
    """An invented name of two words."""
    given = rng.choice(words()["first"]) + rng.choice(words()["last"])
    return f"{given} {rng.choice(words()['surname'])}{rng.choice(words()['surname_end'])}"


def place(rng: random.Random) -> str:
    """An invented place."""
    return str(rng.choice(words()["place"]) + rng.choice(words()["place_end"]))


def thing(rng: random.Random) -> str:
    """A thing of two words, such as ``copper lamp``."""
    return f"{rng.choice(words()['adjectives'])} {rng.choice(words()['nouns'])}"
