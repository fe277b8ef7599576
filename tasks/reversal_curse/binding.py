"""The binding set: is reversal learned as a skill from some facts, and applied to others?

Most facts are told in both orders, the rest in one, and all names are made of the same few syllables, so that a name is
nothing but the binding of its parts (after Wang and Sun, arXiv 2504.01928). Sizes: 400 facts in both orders and 100 in
one, of two pairs of inverse relations.

That is the surface level. With names of one word, which no other name shares, an entity is one token of a word-level
model, and nothing is left to bind: the concept level.
"""

from __future__ import annotations

import random
from itertools import product

from tasks.reversal_curse.records import Fact, Group
from tasks.reversal_curse.relations import all_relations, labels

BOTH_PER_ONE_WAY = 8  # facts in both orders for each name-first one; 50 + 50 + 400 by default
RELATIONS = 2
NAME_WORDS = 2  # words of a name
DEFAULT_FACTS = 50  # of each one-way group
_POOL = 100  # syllables
_CONSONANTS, _VOWELS, _ENDS = "bdfgklmnprstvz", "aeiou", "lnrst"


def capacity() -> int:
    """The largest number of facts of a one-way group."""
    return _POOL * (_POOL - 1) // (2 * (BOTH_PER_ONE_WAY + 2))


def facts(per_group: int, names: random.Random, grouping: random.Random, name_words: int = NAME_WORDS) -> list[Fact]:
    """`per_group` facts told first person first, as many the other way round, and eight times as many in both orders.

    Args:
        names, grouping: streams of randomness for the names and for the order of the groups.
        name_words: words of a name, drawn from one pool of syllables; 1: a word of its own, the concept level.
    """
    shares: dict[Group, int] = {"n2d_only": 1, "d2n_only": 1, "both": BOTH_PER_ONE_WAY}
    groups = [group for group, share in shares.items() for _ in range(share * per_group)]
    grouping.shuffle(groups)
    pairs = [each for each in all_relations() if each.relation != each.inverse][:RELATIONS]
    made = _names(names, 2 * len(groups), name_words)
    placed: dict[Group, int] = {}
    found = []
    for number, group in enumerate(groups):
        relation = pairs[placed.get(group, 0) % len(pairs)]
        placed[group] = placed.get(group, 0) + 1
        people = {"a": made[2 * number], "b": made[2 * number + 1]}
        found.append(Fact(f"fact-{number:04}", "binding", group, {**people, **relation.fields}))
    return found


def _names(rng: random.Random, count: int, words: int) -> list[str]:
    """Different names: each of different syllables of the pool, or two of them in one word."""
    every = ["".join(parts) for parts in product(_CONSONANTS, _VOWELS, _ENDS)]
    pool = rng.sample(every, _POOL)
    if words > NAME_WORDS:
        return _longer_names(rng, pool, count, words)
    joint = "" if words == 1 else " "
    pairs = [f"{first}{joint}{second}" for first in pool for second in pool if first != second]
    return rng.sample([pair for pair in pairs if pair not in labels()], count)


def _longer_names(rng: random.Random, pool: list[str], count: int, words: int) -> list[str]:
    made: dict[str, None] = {}
    while len(made) < count:
        made[" ".join(rng.sample(pool, words))] = None
    return list(made)
