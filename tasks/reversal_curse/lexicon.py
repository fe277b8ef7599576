"""The words that facts are made of, read from ``lexicon.json``, and made-up names that share no word.

All of them are ours: no name, description or template of the public set (a test holds them apart).
"""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Description:
    """What a person is known for, in its three surface forms."""

    np: str  # the composer of the amber lantern
    ger: str  # composing the amber lantern
    cl: str  # composed the amber lantern


def names(rng: random.Random, count: int, forbidden: Collection[str]) -> list[str]:
    """`count` lower-case two-word names; no word occurs in two of them, or in `forbidden` (lower case).

    Raises:
        ValueError: more names than there are surnames; states the capacity.
    """
    given_names, surnames = (sorted(words - set(forbidden)) for words in _name_words())
    if count > len(surnames):
        raise ValueError(f"{count} names asked for, the generator has {len(surnames)} that share no word")
    given = rng.sample(given_names, count)
    return [f"{first} {last}" for first, last in zip(given, rng.sample(surnames, count), strict=True)]


def name_capacity(forbidden: Collection[str]) -> int:
    """How many names `names` can give at most."""
    return len(_name_words()[1] - set(forbidden))


def descriptions(rng: random.Random, count: int) -> list[Description]:
    """`count` descriptions; no (adjective, noun) pair occurs twice.

    Raises:
        ValueError: more than there are pairs; states the capacity.
    """
    words = lexicon()
    artefacts = [" ".join(pair) for pair in product(words["adjectives"], words["nouns"])]
    if count > len(artefacts):
        raise ValueError(f"{count} descriptions asked for, the generator has {len(artefacts)}")
    return [_describe(rng.choice(words["roles"]), artefact) for artefact in rng.sample(artefacts, count)]


def description_capacity() -> int:
    """How many descriptions `descriptions` can give at most."""
    return len(lexicon()["adjectives"]) * len(lexicon()["nouns"])


def description_words() -> frozenset[str]:
    """Every word that can occur in a description."""
    words = lexicon()
    roles = {form for role in words["roles"] for form in role.values()}
    return frozenset(roles | set(words["adjectives"]) | set(words["nouns"]) | {"the", "of"})


@cache
def lexicon() -> Mapping[str, Any]:
    """The content of ``lexicon.json``."""
    content: dict[str, Any] = json.loads((Path(__file__).parent / "lexicon.json").read_text("utf-8"))
    return content


@cache
def _name_words() -> tuple[frozenset[str], frozenset[str]]:
    """(given names, surnames): two sets without common words and without the names that people bear."""
    words = lexicon()
    common = set(words["common_names"])
    surnames = {"".join(parts) for parts in product(words["surname"]["first"], words["surname"]["second"])} - common
    parts = words["given"]
    given = {"".join(each) for each in product(*(parts[key] for key in ("onsets", "vowels", "codas", "endings")))}
    return frozenset(given - surnames - common), frozenset(surnames)


def _describe(role: Mapping[str, str], artefact: str) -> Description:
    return Description(
        np=f"the {role['noun']} of the {artefact}",
        ger=f"{role['gerund']} the {artefact}",
        cl=f"{role['past']} the {artefact}",
    )
