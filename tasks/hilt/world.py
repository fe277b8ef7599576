"""The closed world of track W: fictional organisations, of which every fact is known and nothing exists elsewhere.

A cluster is one organisation with its tower, event and people; a dossier tells it in eleven sentences. All choices go
through `draws`, so a seed is all that it takes to make the same world, or a new one that no model can have seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from tasks.hilt.draws import first_that, number, pick

SHIPPED_SEED = 2310
N_FULL, N_MINI = 40, 10  # clusters


@dataclass(frozen=True, slots=True)
class Cluster:
    """What is true of one organisation. `second_acronym` is mentioned in the dossier, and explained nowhere."""

    id: str
    acronym: str
    organisation: str
    staff: int
    tower: str
    height: int
    seat: str
    event: str
    event_place: str
    event_year: int
    leader: str
    quotation: str
    founded: int
    founder: str
    second_acronym: str

    @property
    def values(self) -> frozenset[str]:
        """Every value as text, case folded: a false value must be none of them."""
        return frozenset(str(getattr(self, field.name)).casefold() for field in fields(self))


@cache
def pools() -> dict[str, list[str]]:
    """The parts that names and quotations are made of, and what must not come out."""
    found: dict[str, list[str]] = json.loads(Path(__file__).with_name("pools.json").read_text(encoding="utf-8"))
    return found


def world(seed: int) -> tuple[Cluster, ...]:
    """The `N_FULL` clusters of a seed; no name, acronym, event or quotation occurs in two of them.

    Nor does any occur in the shipped world, so that nothing which that world tells is told again of a fresh one.
    """
    return _made(seed)[0]


def acronym_of(organisation: str) -> str:
    """The capitals of a name: "Office of Tidal Kilns" -> "OTK"."""
    return "".join(word[0] for word in organisation.split() if word[0].isupper())


@cache
def _made(seed: int) -> tuple[tuple[Cluster, ...], frozenset[str]]:
    """The clusters of a seed, and the names that they have taken."""
    denied = {*pools()["denied_names"], *(acronym.casefold() for acronym in pools()["denied_acronyms"])}
    names = _Names(seed, denied if seed == SHIPPED_SEED else _made(SHIPPED_SEED)[1])
    clusters = tuple(_cluster(seed, f"c{at}", names) for at in range(N_FULL))
    return clusters, names.taken


class _Names:
    """Draws names of which none has been used before: in this world, or by `taken`, in the real or the shipped one."""

    def __init__(self, seed: int, taken: Iterable[str]) -> None:
        self._seed = seed
        self._taken = set(taken)

    @property
    def taken(self) -> frozenset[str]:
        return frozenset(self._taken)

    def of_parts(self, path: str, *parts: str) -> str:
        """A word of one element of each pool named in `parts`."""
        return self._new(lambda n: "".join(self._part(f"{path}|{n}", part) for part in parts))

    def organisation(self, path: str) -> str:
        """A full name whose acronym has three different letters and is new too."""

        def make(attempt: int) -> str:
            role, adjective, noun = (self._part(f"{path}|{attempt}", at) for at in ("roles", "adjectives", "nouns"))
            return f"{role} of {adjective} {noun}"

        found = self._new(make, lambda name: self._is_new_acronym(acronym_of(name)))
        self._taken.add(acronym_of(found).casefold())
        return found

    def acronym(self, path: str) -> str:
        """Three different consonants."""
        letters = pools()["acronym_letters"]
        return self._new(
            lambda n: "".join(pick(self._seed, f"{path}|{n}|{at}", letters) for at in range(3)), self._is_new_acronym
        )

    def event(self, path: str) -> str:
        return self._new(lambda n: " ".join(self._part(f"{path}|{n}", part) for part in ("event_heads", "event_kinds")))

    def quotation(self, path: str) -> str:
        def make(attempt: int) -> str:
            parts = {"verb": "quote_verbs", "verb2": "quote_verbs", "noun": "quote_nouns", "noun2": "quote_nouns"}
            words = {name: pick(self._seed, f"{path}|{attempt}|{name}", pools()[part]) for name, part in parts.items()}
            is_dull = words["verb"] == words["verb2"] or words["noun"] == words["noun2"]
            return "" if is_dull else self._part(f"{path}|{attempt}", "quote_forms").format(**words)

        return self._new(make, bool)

    def _new(self, make: Callable[[int], str], is_fit: Callable[[str], bool] = lambda _: True) -> str:
        found = first_that(lambda name: name.casefold() not in self._taken and is_fit(name), make)
        self._taken.add(found.casefold())
        return found

    def _part(self, path: str, pool: str) -> str:
        return pick(self._seed, f"{path}|{pool}", pools()[pool])

    def _is_new_acronym(self, acronym: str) -> bool:
        return len(set(acronym)) == 3 and acronym.casefold() not in self._taken


def _cluster(seed: int, id: str, names: _Names) -> Cluster:
    def whole(what: str, low: int, high: int, attempt: int = 0) -> int:
        return low + number(seed, f"{id}|{what}|{attempt}") % (high - low + 1)

    def place(what: str) -> str:
        return names.of_parts(f"{id}|{what}", "place_stems", "place_ends")

    def person(what: str) -> str:
        given = names.of_parts(f"{id}|{what} given", "given_stems", "given_ends")
        return f"{given} {names.of_parts(f'{id}|{what} family', 'family_stems', 'family_ends')}"

    organisation = names.organisation(f"{id}|organisation")
    staff, founded = whole("staff", 21, 920), whole("founded", 1600, 1799)
    return Cluster(
        id=id,
        acronym=acronym_of(organisation),
        organisation=organisation,
        staff=staff,
        tower=f"{place('tower')} Tower",
        height=first_that(lambda height: height != staff, lambda n: whole("height", 31, 180, n)),
        seat=place("seat"),
        event=names.event(f"{id}|event"),
        event_place=place("event place"),
        event_year=founded + whole("event year", 20, 139),
        leader=person("leader"),
        quotation=names.quotation(f"{id}|quotation"),
        founded=founded,
        founder=person("founder"),
        second_acronym=names.acronym(f"{id}|second acronym"),
    )
