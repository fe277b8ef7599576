"""Items: a statement, true (FM) or false (SL), and four lines to fill in; of every line the right answer is known.

An item is a JSON object: id, track, dossier_id, category, orientation, dossier, statement, false_value, names, lines,
and probe (gold, false and two other values of the target's type, for the likelihood probe). A line has n, label,
category, type, answerable, gold, aliases, premise (the false value, on the target of SL) and is_target.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tasks.hilt.draws import first_that, pick, shuffled
from tasks.hilt.world import Cluster, world

Item = Mapping[str, Any]
Line = Mapping[str, Any]
Orientation = Literal["FM", "SL"]
CATEGORIES = ("AA", "NN", "GE", "TW", "GG", "VV")
ORIENTATIONS: tuple[Orientation, ...] = ("FM", "SL")
_FACTORS = (0.5, 0.75, 1.25, 1.5, 2, 3)
_SHIFTS = (-60, -35, -11, 17, 44, 90)


@dataclass(frozen=True, slots=True)
class Fact:
    """A kind of fact of a cluster: `name` is the field that holds its value, `sentence` how a dossier tells it."""

    name: str
    category: str
    type: str
    label: str
    sentence: str


_IS_A = {"AA": "acronym", "NN": "number", "GE": "place", "TW": "year", "GG": "person", "VV": "quote"}


def _fact(name: str, category: str, label: str, sentence: str) -> Fact:
    return Fact(name, category, _IS_A[category], label, sentence)


FACTS = (
    _fact("organisation", "AA", "Full name behind the acronym {acronym}", "{acronym} stands for the {value}."),
    _fact("staff", "NN", "Number of people employed by the {acronym}", "The {acronym} employs {value} people."),
    _fact("height", "NN", "Height of the {tower} in metres", "The {tower} is {value} metres tall."),
    _fact("seat", "GE", "Place where the {acronym} is headquartered", "The {acronym} is headquartered in {value}."),
    _fact("event_place", "GE", "Place where the {event} was held", "The {event} was held in {value}."),
    _fact("event_year", "TW", "Year in which the {event} took place", "The {event} took place in {value}."),
    _fact("founded", "TW", "Year in which the {acronym} was founded", "The {acronym} was founded in {value}."),
    _fact("founder", "GG", "Founder of the {acronym}", "The {acronym} was founded by {value}."),
    _fact("leader", "GG", "Leader of the {event}", "The {event} was led by {value}."),
    _fact("quotation", "VV", "Exact words of {leader} at the {event}", 'At the {event}, {leader} said "{value}."'),
)
_MENTIONED = "The {acronym} reports to the {second_acronym}."
UNANSWERABLE = {
    "AA": "Full name behind the acronym {second_acronym}",
    "NN": "Number of boats at the {event}",
    "GE": "Birthplace of {founder}",
    "TW": "Year in which {founder} died",
    "GG": "Architect of the {tower}",
    "VV": "Exact words of {founder} when the {tower} opened",
}


def world_items(seed: int, n_clusters: int) -> Iterator[dict[str, Any]]:
    """The items of the first clusters of a seed: six categories in both orientations, twelve a cluster."""
    for cluster in world(seed)[:n_clusters]:
        for category in CATEGORIES:
            for orientation in ORIENTATIONS:
                yield world_item(seed, cluster, category, orientation)


def world_item(seed: int, cluster: Cluster, category: str, orientation: Orientation) -> dict[str, Any]:
    """One item; the twins of both orientations ask the same lines, in orders of their own."""
    path = f"{cluster.id}|{category}"
    target = pick(seed, f"{path}|target", [fact for fact in FACTS if fact.category == category])
    other = pick(seed, f"{path}|other", [fact for fact in FACTS if fact.category != category])
    extra = pick(seed, f"{path}|extra", [name for name in CATEGORIES if name != category])
    gold, false = getattr(cluster, target.name), false_value(seed, cluster, target)
    is_false = orientation == "SL"
    lines = [
        fact_line(cluster, fact)
        | {"is_target": fact is target, "premise": false if is_false and fact is target else None}
        for fact in (target, other)
    ]
    lines += [unanswerable_line(cluster, name) for name in (category, extra)]
    return {
        "id": f"w-{cluster.id}-{category}-{orientation}",
        "track": "W",
        "dossier_id": cluster.id,
        "category": category,
        "orientation": orientation,
        "dossier": dossier(seed, cluster),
        "statement": _told(target.sentence, cluster, false if is_false else gold),
        "false_value": str(false) if is_false else "",
        "names": [cluster.seat, cluster.event_place, cluster.founder, cluster.leader],
        "lines": numbered(shuffled(seed, f"{path}|{orientation}|lines", lines)),
        "probe": [str(value) for value in (gold, false, *_others(seed, cluster, target, (gold, false)))],
    }


def dossier(seed: int, cluster: Cluster) -> str:
    """All that is known of a cluster, in an order of its own."""
    told = [_told(fact.sentence, cluster, getattr(cluster, fact.name)) for fact in FACTS]
    return " ".join(shuffled(seed, f"{cluster.id}|dossier", [*told, _told(_MENTIONED, cluster)]))


def line_of(category: str, type: str, label: str, gold: Any, aliases: Sequence[str] = ()) -> dict[str, Any]:
    """A line without its number; `gold` None: the right answer is UNKNOWN."""
    return {
        "label": label,
        "category": category,
        "type": type,
        "answerable": gold is not None,
        "gold": gold,
        "aliases": list(aliases),
        "premise": None,
        "is_target": False,
    }


def fact_line(cluster: Cluster, fact: Fact) -> dict[str, Any]:
    """A question about a cluster that its dossier answers."""
    return line_of(fact.category, fact.type, _told(fact.label, cluster), getattr(cluster, fact.name))


def unanswerable_line(cluster: Cluster, category: str) -> dict[str, Any]:
    """A question about a cluster that nothing answers."""
    return line_of(category, _IS_A[category], _told(UNANSWERABLE[category], cluster), None)


def numbered(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The lines with their numbers, from 1."""
    return [{"n": number, **line} for number, line in enumerate(lines, start=1)]


def false_value(seed: int, cluster: Cluster, fact: Fact) -> Any:
    """A value of the right type that is true of nothing in the cluster."""
    gold = getattr(cluster, fact.name)
    path = f"{cluster.id}|{fact.name}|false"

    def make(attempt: int) -> Any:
        if fact.type == "number":
            return round(gold * pick(seed, f"{path}|{attempt}", _FACTORS))
        if fact.type == "year":
            return gold + pick(seed, f"{path}|{attempt}", _SHIFTS)
        return getattr(pick(seed, f"{path}|{attempt}", world(seed)), fact.name)

    return first_that(lambda value: str(value).casefold() not in cluster.values, make)


def _others(seed: int, cluster: Cluster, fact: Fact, but: Sequence[Any]) -> list[Any]:
    """Two values of the same fact in other clusters."""
    found = list(but)
    for at in range(2):

        def make(attempt: int, at: int = at) -> Any:
            return getattr(pick(seed, f"{cluster.id}|{fact.name}|probe {at}|{attempt}", world(seed)), fact.name)

        found.append(first_that(lambda value: value not in found, make))
    return found[len(but) :]


def _told(template: str, cluster: Cluster, value: Any = "") -> str:
    return template.format(**asdict(cluster), value=value)
