"""redefine: a symbol or word gets a new meaning, then a question about it. Larger models keep to the usual meaning.

The control asks the same question without the redefinition.
"""

from __future__ import annotations

import random

from tasks.inverse_scaling.generators.drawing import Twins, Wording, choice, content, phrasing

NAME = "redefine"
_SIZES = (2, 3, 4)  # digits of a new value


def draw(rng: random.Random, i: int, wording: Wording) -> Twins | None:
    """None where both meanings give the same answer."""
    words = content("redefine")
    part, (redefinition, question) = phrasing(rng, words["phrasings"], wording.style)
    thing, value, asked, new, usual, cluster = (_category if rng.random() < 0.25 else _number)(rng, i)
    if new == usual:
        return None
    position = i % 2 if new not in ("Yes", "No") else ("Yes", "No").index(new)
    plain = question.format(question=asked)
    return Twins(
        choice(NAME, redefinition.format(thing=thing, value=value) + plain, new, usual, position, part),
        choice(NAME, plain, usual, new, 1 - position, part),
        cluster,
    )


def _number(rng: random.Random, i: int) -> tuple[str, str, str, str, str, str]:
    """(thing, new value, question, new answer, usual answer, cluster) about digits or size."""
    thing, usual = rng.choice(content("redefine")["numbers"])
    size = rng.choice(_SIZES)
    value = str(rng.randrange(10 ** (size - 1), 10**size))
    kinds = ["first", "larger"] if "." in usual else ["first", "last", "larger"]
    kind = rng.choice(kinds)
    if kind == "larger":
        bound = rng.randrange(2, 2 * max(int(value), int(float(usual))))
        answers = ["Yes" if number > bound else "No" for number in (float(value), float(usual))]
        answers = answers if answers[0] == ("Yes", "No")[i % 2] else answers[:1] * 2
        return thing, value, f"Is {thing} larger than {bound}?", answers[0], answers[1], f"larger:{thing}"
    at = 0 if kind == "first" else -1
    digits = usual.lstrip("0.")
    return thing, value, f"What is the {kind} digit of {thing}?", value[at], digits[at], f"{kind}:{thing}"


def _category(rng: random.Random, i: int) -> tuple[str, str, str, str, str, str]:
    """As `_number`, about the kind of thing that a word names."""
    categories = content("redefine")["categories"]
    usual, new = rng.sample(sorted(categories), 2)
    word = rng.choice(categories[usual])
    first, second = (usual, new) if i % 4 < 2 else (new, usual)
    question = f'Is "{word}" a kind of {first} or a kind of {second}?'
    return f'"{word}"', f"a kind of {new}", question, new, usual, f"category:{usual}"
