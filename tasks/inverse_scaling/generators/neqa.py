"""neqa: negated multiple choice. Larger models answer as if the "not" were not there.

Kinds of things, what they are used for, made of and found in. The control is the same question without "not".
"""

from __future__ import annotations

import random

from tasks.inverse_scaling.generators.drawing import Twins, Wording, by_letter, content, lettered, ordered, phrasing

NAME = "neqa"
_MASS = ("metal",)


def draw(rng: random.Random, i: int, wording: Wording) -> Twins:
    words = content("neqa")
    part, templates = phrasing(rng, words["phrasings"], wording.style)
    subject, frame, true, false, cluster = rng.choices((_kind, _member, _relation), weights=(1, 2, 1))[0](rng)
    position = i % 2  # of the answer that the "not" makes right
    options = lettered(ordered(false, [true], position))
    trap, control = (
        f"{words['head']}\n\n{template.format(subject=subject, frame=frame, options=options)}" for template in templates
    )
    return Twins(
        by_letter(NAME, trap, 2, position, 1 - position, part),
        by_letter(NAME, control, 2, 1 - position, position, part),
        cluster,
    )


def _kind(rng: random.Random) -> tuple[str, str, str, str, str]:
    """A trout is (not) a kind of: fish, bird. (subject, frame, what is so, what is not, cluster)"""
    categories = content("neqa")["categories"]
    own, other = rng.sample(sorted(categories), 2)
    return _named(rng.choice(categories[own]), own).capitalize(), "a kind of", own, other, own


def _member(rng: random.Random) -> tuple[str, str, str, str, str]:
    """Something that is (not) a kind of fish is: a trout, a robin."""
    categories = content("neqa")["categories"]
    own, other = rng.sample(sorted(categories), 2)
    member, stranger = rng.choice(categories[own]), rng.choice(categories[other])
    return "Something that", f"a kind of {own} is", _named(member, own), _named(stranger, other), own


def _relation(rng: random.Random) -> tuple[str, str, str, str, str]:
    """A kettle is (not) used for: boiling water, sewing clothes."""
    relations = content("neqa")["relations"]
    relation = rng.choice(sorted(relations))
    own, other = rng.sample(sorted(relations[relation]), 2)
    return _a(own).capitalize(), relation, relations[relation][own], relations[relation][other], relation


def _named(member: str, category: str) -> str:
    """A trout, but copper without an article."""
    return member if category in _MASS else _a(member)


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
