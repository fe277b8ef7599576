"""What a language model is asked as a judge, and how its reply is read, whatever it holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from suite.judges.record import Degree, Split, Unit, Verdict
from suite.judges.taxonomy import CATEGORIES
from suite.task import Generate

PROMPT_VERSION = "1"
_VERDICTS = tuple(verdict for verdict in get_args(Verdict) if verdict != "unresolved")
_UNIT = {
    "n": {"type": "integer"},
    "verdict": {"type": "string", "enum": list(_VERDICTS)},
    # bounded, since small models go on for ever
    "categories": {"type": "array", "items": {"type": "string", "enum": list(CATEGORIES)}, "maxItems": len(CATEGORIES)},
    "split": {"type": "string", "enum": [*get_args(Split), "none"]},
    "degree": {"type": "string", "enum": ["none", *get_args(Degree)]},
    "evidence": {"type": "string"},
}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "units": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": _UNIT,
                "required": list(_UNIT),
                "additionalProperties": False,
            },
        }
    },
    "required": ["units"],
    "additionalProperties": False,
}
_ROLE = """You are a strict fact checker. Judge each numbered unit against the reference alone; what you know besides \
does not count. Give every unit one verdict:
- supported: the reference says so. A unit that rejects a false statement is supported.
- hallucinated: the reference contradicts it, or it states a fact that the reference does not hold.
- abstain: it says that the answer is not known or not given.
- no_claim: it claims nothing.
- unverifiable: it is an opinion, or cannot be checked.
For hallucinated units give all fitting categories: {categories}. Give the split: intrinsic if every wrong value \
stands in the reference or under "Shown text", else extrinsic. Give the degree: mild for a slight deviation, \
moderate for invented or misplaced facts, alarming for a break with the topic. For all other units categories is \
empty, split is none and degree is none. In "evidence" quote the words of the reference that decide it, or leave it \
empty. Reply with one JSON object {{"units": [...]}} with one entry for every unit."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """One vote on one unit, checked: hallucinated has a split and at least one category, all others have none.

    Attributes:
        level: how the JSON was got: json_schema, json_object, plain, or extracted from a longer text.
    """

    verdict: Verdict
    categories: tuple[str, ...]
    split: Split | None
    degree: Degree | None
    level: str
    raw: str


def question(units: Sequence[Unit], max_tokens: int, temperature: float, seed: int) -> Generate:
    """The request that asks for labels of units of one response."""
    kinds = ", ".join(f"{code} ({gloss})" for code, gloss in CATEGORIES.items())
    evidence = units[0].evidence or "(none: judge by what is generally known)"
    numbered = "\n".join(f"{unit.number}. {' '.join(unit.text.split())}" for unit in units)
    shown = units[0].context.replace(units[0].evidence, "(the reference)") if units[0].evidence else units[0].context
    text = f"Reference:\n{evidence}\n\nShown text:\n{shown}\n\nUnits:\n{numbered}"
    return Generate(
        (("system", _ROLE.format(categories=kinds)), ("user", text)),
        max_tokens=max_tokens,
        temperature=temperature,
        seed=seed,
        json_schema=SCHEMA,
    )


def opinions_in(text: str, units: Sequence[Unit], level: str) -> dict[int, Opinion]:
    """Unit number -> opinion, of those entries of a reply that are valid; a unit named twice counts as not answered.

    Args:
        level: how the JSON was asked for.
    """
    value = _parsed(text)
    if value is None:
        objects, level = list(_objects_in(text)), "extracted"
        value = next((one for one in objects if "units" in one), {"units": objects})  # else of a reply cut short
    entries = value.get("units") if isinstance(value, dict) else None
    found: dict[int, Opinion] = {}
    twice: set[int] = set()
    wanted = {unit.number for unit in units}
    for entry in entries if isinstance(entries, list) else []:
        number = entry.get("n") if isinstance(entry, dict) else None
        if not isinstance(number, int) or isinstance(number, bool) or number not in wanted:
            continue
        if number in found:
            twice.add(number)
        if opinion := _opinion(entry, level):
            found[number] = opinion
    return {number: opinion for number, opinion in found.items() if number not in twice}


def _opinion(entry: Mapping[str, Any], level: str) -> Opinion | None:
    verdict: Any = entry.get("verdict")
    split, degree = entry.get("split"), entry.get("degree")
    if verdict not in _VERDICTS:
        return None
    raw = json.dumps(entry, sort_keys=True)  # with NaN and half surrogate pairs, which a server may send, made harmless
    if verdict != "hallucinated":
        return Opinion(verdict, (), None, None, level, raw)
    given = entry.get("categories")
    categories = tuple(name for name in given if name in CATEGORIES) if isinstance(given, list) else ()
    if not categories or split not in get_args(Split):
        return None
    return Opinion(verdict, categories, split, degree if degree in get_args(Degree) else None, level, raw)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _objects_in(text: str) -> Iterator[dict[str, Any]]:
    """The balanced JSON objects in a longer text, in order; those within others are not repeated."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
            yield value
        except (ValueError, RecursionError):
            end = at + 1
        at = text.find("{", end)
