"""The arithmetic world: variables that are defined by two others modulo a small number, and chains through them.

Each chain begins at a variable whose value is given. A variable of a chain is the left operand of `branching`
definitions, of which one goes on and the others end at once; right operands are given too. Finding the definition that
goes on is looking up "what is x plus y?", so where definitions were only told as "z is x plus y", it is the reverse
question (after Wang and Sun, arXiv 2504.01928, who chain definitions that stand in the weights alone).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

GENERATOR_VERSION = "1"
MOST_PROBLEMS, MOST_DEPTH, MOST_BRANCHING = 200, 12, 40
OPERATIONS = ("plus", "minus", "times")

Told = Literal["forward", "backward", "both"]

_LEAST_RIGHTS = 10
_CONSONANTS, _VOWELS, _ENDS = "bdfgklmnprstvz", "aeiou", "lnrst"


@dataclass(frozen=True, slots=True)
class Definition:
    """``left operation right is name``, modulo the world's number.

    Attributes:
        told: forward ("x plus y is z"), backward ("z is x plus y"), or in both orders.
        chain: of a definition that a problem goes through, the problem's id; "" for the others.
        step: its place in the chain, from 0.
    """

    name: str
    left: str
    operation: str
    right: str
    told: Told
    chain: str = ""
    step: int = 0

    @property
    def expression(self) -> str:
        """What defines the variable."""
        return f"{self.left} {self.operation} {self.right}"


@dataclass(frozen=True, slots=True)
class Problem:
    """A chain of definitions, and the values that are given.

    Attributes:
        given: values of the first variable and of every right operand.
        values: of the variable that each step defines.
    """

    problem_id: str
    told: Told
    steps: tuple[Definition, ...]
    given: dict[str, int]
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class World:
    """All definitions, and the problems through them."""

    definitions: tuple[Definition, ...]
    problems: tuple[Problem, ...]
    modulus: int


def generate(seed: int = 0, problems: int = 20, depth: int = 4, branching: int = 5, modulus: int = 7) -> World:
    """A world of ``2 * problems`` chains; the same arguments give the same world on every platform.

    Args:
        problems: chains whose definitions are told forwards, and as many whose are told backwards; what leads off a
            chain is told both ways.
        depth: steps of a chain; branching: definitions of each variable of a chain; modulus: values are below it.

    Raises:
        ValueError: an argument out of range, or more variables than there are names.
    """
    bounds = {"problems": MOST_PROBLEMS, "depth": MOST_DEPTH, "branching": MOST_BRANCHING}
    for name, value in (("problems", problems), ("depth", depth), ("branching", branching)):
        if not 1 <= value <= bounds[name]:
            raise ValueError(f"{name} {value}: expected 1 to {bounds[name]}")
    if modulus < 2:
        raise ValueError(f"modulus {modulus}: expected at least 2")
    rights_needed = max(_LEAST_RIGHTS, branching)
    names = _names(_stream(seed, "names"), rights_needed + 2 * problems * (1 + depth * branching))
    rights = [next(names) for _ in range(rights_needed)]
    rng = _stream(seed, "definitions")
    definitions: list[Definition] = []
    found: list[Problem] = []
    for number in range(2 * problems):
        told: Told = "forward" if number % 2 == 0 else "backward"
        chain, first = f"chain-{number:03}", next(names)
        steps: list[Definition] = []
        left = first
        for step in range(depth):
            pairs = rng.sample(list(product(OPERATIONS, rights)), branching)
            on, *off = [Definition(next(names), left, operation, right, "both") for operation, right in pairs]
            steps.append(Definition(on.name, left, on.operation, on.right, told, chain, step))
            definitions += [steps[-1], *off]
            left = on.name
        found.append(_problem(chain, told, steps, first, modulus, rng))
    return World(tuple(definitions), tuple(found), modulus)


def apply(operation: str, left: int, right: int, modulus: int) -> int:
    """The value of ``left operation right``."""
    return {"plus": left + right, "minus": left - right, "times": left * right}[operation] % modulus


def _problem(
    chain: str, told: Told, steps: Sequence[Definition], first: str, modulus: int, rng: random.Random
) -> Problem:
    given = {first: rng.randrange(modulus)}
    value, values = given[first], []
    for step in steps:
        right = given.setdefault(step.right, rng.randrange(modulus))
        value = apply(step.operation, value, right, modulus)
        values.append(value)
    return Problem(chain, told, tuple(steps), given, tuple(values))


def _names(rng: random.Random, count: int) -> Iterator[str]:
    """Different made-up words of two syllables."""
    syllables = ["".join(parts) for parts in product(_CONSONANTS, _VOWELS, _ENDS)]
    words = [f"{first}{second}" for first, second in product(syllables, syllables)]
    if count > len(words):
        raise ValueError(f"{count} variables: the generator has {len(words)}; ask for fewer problems or branches")
    return iter(rng.sample(words, count))


def _stream(seed: int, name: str) -> random.Random:
    return random.Random(f"forward_chaining:{GENERATOR_VERSION}:{seed}:{name}")  # noqa: S311 (data, not secrets)
