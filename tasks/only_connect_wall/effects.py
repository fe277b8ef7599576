"""Contrasts within an item: herring effect, cost of the ambiguous word, their difference, dose slope, phantom, pairs.

Every contrast is positive where there is more fixation. A quad has two factors: the critical clue is the herring or its
neutral twin, and the competitor is on the wall or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Arms = Mapping[str, Mapping[str, float | None]]  # arm -> score -> value of one item

# Scores that fall when a model is lured, and scores that rise.
FALLING = ("host_correct", "correct_groups", "solved", "clue_acc")
RISING = ("lured", "margin", "margin_per_char", "critical_preferred")
BINARY = ("host_correct", "solved", "lured", "critical_preferred")
_DOSED = ("correct_groups", "solved")
_LADDERS = {"dose_slope": re.compile(r"r(\d)"), "extra_slope": re.compile(r"x(\d)")}


@dataclass(frozen=True, slots=True)
class Contrast:
    """One contrast of one item.

    Attributes:
        name: "sub_rh", "base_abs", "did", "dose_slope", "priming_effect", "paired_group1", ...
        pair: the two values that differ, (without, with), where there are but two.
    """

    name: str
    measure: str
    value: float
    pair: tuple[float, float] | None = None


def contrasts(arms: Arms) -> Iterator[Contrast]:
    """All contrasts that the arms of an item allow."""
    yield from _quad(arms)
    yield from _priming(arms)
    yield from _slopes(arms)
    yield from _two_arms(arms)


def _quad(arms: Arms) -> Iterator[Contrast]:
    for measure in (*FALLING, *RISING):
        sign = 1.0 if measure in FALLING else -1.0
        rh, sub = _value(arms, "RH", measure), _value(arms, "SUB", measure)
        absent, base = _value(arms, "ABS", measure), _value(arms, "BASE", measure)
        if rh is not None and sub is not None:
            yield Contrast("sub_rh", measure, sign * (sub - rh), (sub, rh))
        if absent is not None and base is not None:
            yield Contrast("base_abs", measure, sign * (base - absent), (base, absent))
        if rh is not None and sub is not None and absent is not None and base is not None:
            yield Contrast("did", measure, sign * ((sub - rh) - (base - absent)))


def _priming(arms: Arms) -> Iterator[Contrast]:
    """The herring effect after examples that use the competitor, after others, and the difference: the Einstellung."""
    for measure in (*FALLING, *RISING):
        effects = {}
        for shown in ("primed", "unrelated"):
            rh, sub = _value(arms, f"{shown}_RH", measure), _value(arms, f"{shown}_SUB", measure)
            if rh is not None and sub is not None:
                effects[shown] = (sub - rh) if measure in FALLING else (rh - sub)
                yield Contrast(f"sub_rh_{shown}", measure, effects[shown], (sub, rh))
        if len(effects) == 2:
            yield Contrast("priming_effect", measure, effects["primed"] - effects["unrelated"])


def _slopes(arms: Arms) -> Iterator[Contrast]:
    """Least-squares slope of a score on the number of herrings, or of surplus clues; the sign is the slope's own."""
    for name, pattern in _LADDERS.items():
        rungs = sorted((int(match[1]), arm) for arm in arms if (match := pattern.fullmatch(arm)))
        for measure in _DOSED if len(rungs) > 1 else ():
            points = [(rung, _value(arms, arm, measure)) for rung, arm in rungs]
            known = [(rung, value) for rung, value in points if value is not None]
            if len(known) == len(points):
                yield Contrast(name, measure, _slope(known))


def _two_arms(arms: Arms) -> Iterator[Contrast]:
    for name, measures, without, with_ in (
        ("phantom_effect", ("gathered",), "twin", "phantom"),
        ("phantom_cost", ("correct_groups", "solved"), "phantom", "twin"),
        ("paired_group1", ("group1_found",), "original", "randomized"),
    ):
        for measure in measures:
            first, second = _value(arms, without, measure), _value(arms, with_, measure)
            if first is not None and second is not None:
                yield Contrast(name, measure, second - first, (first, second))


def _value(arms: Arms, arm: str, measure: str) -> float | None:
    return arms[arm].get(measure) if arm in arms else None


def _slope(points: Sequence[tuple[int, float]]) -> float:
    middle = sum(x for x, _ in points) / len(points)
    spread = sum((x - middle) ** 2 for x, _ in points)
    return sum((x - middle) * y for x, y in points) / spread
