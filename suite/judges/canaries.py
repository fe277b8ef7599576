"""Units of known truth that are mixed into every judge's work, to see how often it errs: invented, generated, seeded.

A canary is a response about a small invented record: some sentences follow from it, one contradicts it, one adds what
it does not say, and one rejects a false statement, which is right. Judges cannot tell them from other responses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from suite.judges.record import Unit, Verdict

PREFIX = "canary-"
LEAST = 20  # units
SHARE = 0.05  # of the units to judge

_HEADS = (
    "Bor",
    "Cal",
    "Dren",
    "Fal",
    "Gost",
    "Hul",
    "Jor",
    "Kesp",
    "Lorn",
    "Mav",
    "Nesk",
    "Pral",
    "Rudd",
    "Tov",
    "Wenl",
)
_TOWNS = ("abury", "ecombe", "idorp", "oville", "ugate", "anes")
_FAMILIES = ("asson", "ekker", "inova", "orez", "ulian", "ansky")
_GIVEN = ("Adela", "Bruno", "Carla", "Dimitri", "Edith", "Felix", "Greta", "Hugo", "Irma", "Jonas")
_BODIES = ("Library", "Academy", "Orchestra", "Brewery", "Observatory", "Shipyard", "Printing House", "Seed Bank")


@dataclass(frozen=True, slots=True)
class Canary:
    """One response of known truth; `verdicts` are those of its units, in order."""

    units: tuple[Unit, ...]
    verdicts: tuple[Verdict, ...]


def canaries(n_units: int, seed: int = 0) -> list[Canary]:
    """Canaries for a judge that has `n_units` units to label: 5 % of them, at least 20 units.

    With no unit to label there are none.
    """
    wanted = max(LEAST, SHARE * n_units) if n_units else 0
    made: list[Canary] = []
    while sum(len(one.units) for one in made) < wanted:
        made.append(_canary(len(made), seed))
    return made


def is_canary(sample_id: str) -> bool:
    """Whether this is the sample id of a canary."""
    return sample_id.startswith(PREFIX)


def _canary(number: int, seed: int) -> Canary:
    def pick(what: str, pool: Sequence[str]) -> str:
        return pool[_draw(seed, number, what) % len(pool)]

    def name(what: str, endings: Sequence[str]) -> str:
        return pick(what, _HEADS) + pick(f"{what} end", endings)

    town, elsewhere = _two(name, "town", _TOWNS)
    founder, stranger = _two(name, "family", _FAMILIES)
    founder, stranger = f"{pick('given', _GIVEN)} {founder}", f"{pick('given 2', _GIVEN)} {stranger}"
    body = f"{name('body', _TOWNS)} {pick('kind', _BODIES)}"
    year = 1600 + _draw(seed, number, "year") % 200
    wrong_year = year + (17, -35, 44)[_draw(seed, number, "wrong year") % 3]
    staff = 21 + _draw(seed, number, "staff") % 800
    facts = (
        f"The {body} was founded in {year}.",
        f"The {body} was founded by {founder}.",
        f"The {body} is headquartered in {town}.",
        f"The {body} employs {staff} people.",
    )
    statement = f"The {body} was founded in {wrong_year}."
    sentences: list[tuple[str, Verdict]] = [
        (f"The {body} has its headquarters in {town}.", "supported"),
        (f"It employs {staff} people.", "supported"),
        (f"The {body} was founded by {founder} in {wrong_year}.", "hallucinated"),
        (f"The {body} was not founded in {wrong_year}, but in {year}.", "supported"),
        (f"A second seat was opened in {elsewhere} by {stranger}.", "hallucinated"),
    ]
    sentences.sort(key=lambda pair: _draw(seed, number, pair[0]))
    evidence = " ".join(facts)
    item = {"track": "W", "orientation": "SL", "category": "TW", "statement": statement, "names": [town, founder]}
    units = tuple(
        Unit(f"{PREFIX}{seed}-{number}", place, text, f"{evidence}\n{statement}", evidence, item)
        for place, (text, _) in enumerate(sentences, start=1)
    )
    return Canary(units, tuple(verdict for _, verdict in sentences))


def _two(name: Callable[[str, Sequence[str]], str], what: str, endings: Sequence[str]) -> tuple[str, str]:
    """Two different names."""
    first, tries = name(what, endings), 2
    while (second := name(f"{what} {tries}", endings)) == first:
        tries += 1
    return first, second


def _draw(seed: int, number: int, what: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}|{number}|{what}".encode()).digest()[:6])
