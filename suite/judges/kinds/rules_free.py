"""Rules for free text: typed values of a sentence against those of the evidence. EXPERIMENTAL: misses what has no type.

Deterministic and free of cost, but far from people's labels (the card of the task prints its measured kappa): it knows
no inference, no paraphrase of a value, and no claim without a year, number, name, quotation or acronym.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from suite.errors import UserError
from suite.judges.mentions import Mention, category_of, fold, known_names, mentions, prepared
from suite.judges.record import Label, Unit
from suite.judges.relations import Fact, facts_of, nearest_relation, sort_of
from suite.judges.taxonomy import DEFAULT_DEGREE, ordered

_REJECTION = re.compile(
    r"\b(?:not|never|wrong\w*|incorrect\w*|false\w*|actually|rather than|instead of|contrary to|unlike|mistaken\w*)\b"
    r"|n't\b",
    re.IGNORECASE,
)
_DIRECT = re.compile(
    r"(?:\b(?:not|never|rather than|instead of|contrary to|unlike)|n't)(?:\s+\S+){0,5}\s*$", re.IGNORECASE
)
_STATEMENT_WRONG = re.compile(
    r"\b(?:statement|claim)\b[^.]*\b(?:wrong|incorrect|false|mistaken|not (?:true|correct|accurate|right|supported))\b"
    r"|\b(?:contradicts?|at odds with|contrary to) the (?:record|dossier|statement)\b",
    re.IGNORECASE,
)
_ABSTENTION = re.compile(
    r"\b(?:unknown|unclear|no (?:information|record|mention|details?|answer))\b"
    r"|\b(?:not|never|n't|nowhere)\s+(?:\w+\s+)?(?:stated?|known?|given?|give|mention\w*|specif\w+|record\w*|say|tell|name\w*|provide\w*|reveal\w*)\b"
    r"|n't\s+(?:state|know|give|mention|specify|record|say|tell|name|provide|reveal)",
    re.IGNORECASE,
)
_REPORTED = re.compile(
    r"\b(?:said|says|declared|announced|remarked|stated|told \w+|claimed|insisted)\s+that\s+(.+)", re.IGNORECASE
)
_NOTHING = re.compile(r"^\W*$|[?:]$|\b(?:here (?:are|is)|sure|certainly|i hope|let me know|as an ai)\b", re.IGNORECASE)
_LEAST_QUOTED = 4  # words in a row that make a quotation


def load(name: str = "") -> RulesFree:
    """The judge ``rules_free``; it takes no name and no option."""
    if name:
        raise UserError(f"judge rules_free takes no name, got {name!r}")
    return RulesFree()


@dataclass(frozen=True)
class _World:
    """What the evidence says."""

    facts: tuple[Fact, ...]
    names: tuple[str, ...]  # as written
    folded: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Finding:
    """What one mention turned out to be: right, wrong (with its category), rejected (a false value), or nothing."""

    state: str
    category: str = ""
    text: str = ""


class RulesFree:
    """The judge ``rules_free``."""

    name = "rules_free"
    version = "1"
    reads_sentences = True

    def label(self, responses: Iterable[Sequence[Unit]]) -> Iterator[Sequence[Label]]:
        """See `suite.judges.record.Judge`.

        Raises:
            UserError: a unit has no evidence.
        """
        for units in responses:
            if not units[0].evidence.strip():
                raise UserError(
                    f"judge rules_free: response {units[0].sample_id} has no reference text to compare with; "
                    "add a column `reference` to the prompts, or take an llm/ judge"
                )
            yield [self._label(unit) for unit in units]

    def _label(self, unit: Unit) -> Label:
        text = prepared(unit.text)
        if _NOTHING.search(text):
            return Label.of(unit, self, "no_claim")
        world = _world(unit.evidence, tuple(map(str, unit.item.get("names", ()))))
        false_value = false_value_of(unit, world)
        given = (*world.names, false_value) if false_value else world.names
        findings = [self._finding(mention, text, world, false_value) for mention in mentions(text, given)]
        findings += _reported(text, world)
        wrong = [finding for finding in findings if finding.state == "wrong"]
        is_false_premise = unit.item.get("orientation") == "SL"
        if _STATEMENT_WRONG.search(text) and not wrong:
            if is_false_premise:
                return Label.of(unit, self, "supported", flags=("premise_rejected",))
            wrong = [_Finding("wrong", str(unit.item.get("category", "")), "")]
        if wrong:
            return self._wrong(unit, wrong)
        states = {finding.state for finding in findings}
        if "rejected" in states:
            return Label.of(unit, self, "supported", flags=("premise_rejected",))
        if _ABSTENTION.search(text):
            return Label.of(unit, self, "abstain")
        return Label.of(unit, self, "supported" if "right" in states else "unverifiable")

    def _wrong(self, unit: Unit, wrong: Sequence[_Finding]) -> Label:
        categories = ordered(finding.category for finding in wrong)
        shown = fold(prepared(unit.context))
        return Label.of(
            *(unit, self, "hallucinated"),
            primary=categories[0] if categories else "",
            categories=categories,
            split="intrinsic" if all(fold(finding.text) in shown for finding in wrong) else "extrinsic",
            degree=DEFAULT_DEGREE.get(categories[0]) if categories else None,
            degree_source="category",
            raw="; ".join(f"{finding.category} {finding.text}" for finding in wrong),
        )

    def _finding(self, mention: Mention, text: str, world: _World, false_value: str) -> _Finding:
        denied = bool(_DIRECT.search(_clause_before(text, mention)))
        if (false_value and fold(mention.text) == fold(false_value)) or mention.value.endswith(f"={fold(false_value)}"):
            rejects = denied or bool(_REJECTION.search(text))
            return _Finding("rejected") if rejects else _Finding("wrong", _category(mention, text, world), mention.text)
        if mention.kind == "name" and mention.value in world.folded and not _is_value(mention.value, world):
            return _Finding("nothing")  # what the sentence is about
        facts = _facts_with(mention, world)
        if not facts:
            return self._unknown(mention, text, world)
        found = _in_place(mention, text, facts)
        if found == "right" and denied:
            return _Finding("wrong", _category(mention, text, world), mention.text)
        if found == "wrong" and denied:
            return _Finding("rejected")
        return _Finding(found, _category(mention, text, world), mention.text)

    def _unknown(self, mention: Mention, text: str, world: _World) -> _Finding:
        """A value that no fact has."""
        if mention.kind == "number":
            years = [int(fact.value) for fact in world.facts if fact.sort == "year"]
            gaps = {str(abs(first - second)) for first in years for second in years}
            after = text[mention.end : mention.end + 8]
            if mention.value in gaps and "year" in after:
                return _Finding("right")
            if mention.value.isdigit() and int(mention.value) < 10 and not nearest_relation("number", mention, text):
                return _Finding("nothing")  # "one of the"
        if mention.kind == "name" and (mention.value in world.folded or _is_part(mention.value, world)):
            return _Finding("nothing")
        return _Finding("wrong", _category(mention, text, world), mention.text)


def false_value_of(unit: Unit, world: _World | None = None) -> str:
    """The false value of the statement that was shown, in SL; "" in FM or where it cannot be told.

    It is the item's ``false_value`` or a line's ``premise``, else what the statement says beyond the evidence.
    """
    item = unit.item
    if item.get("orientation") != "SL":
        return ""
    if item.get("false_value"):
        return str(item["false_value"])
    premises = [line.get("premise") for line in item.get("lines", ()) if isinstance(line, Mapping)]
    if given := next((premise for premise in premises if premise), None):
        return str(given)
    world = world or _world(unit.evidence, ())
    statement = prepared(str(item.get("statement", "")))
    new = [m for m in mentions(statement, world.names) if not _facts_with(m, world) and m.value not in world.folded]
    return new[-1].text.strip('"') if new else ""


@lru_cache(maxsize=256)
def _world(evidence: str, names: tuple[str, ...]) -> _World:
    known = tuple(dict.fromkeys((*names, *known_names(evidence))))
    facts = tuple(facts_of(evidence))
    full_names = [fact.value.partition("=")[2] for fact in facts if fact.sort == "expansion"]
    return _World(facts, known, frozenset([*map(fold, known), *full_names]))


def _facts_with(mention: Mention, world: _World) -> list[Fact]:
    """The facts whose value the mention is."""
    if mention.kind == "era":
        low, high = map(int, mention.value.split("-"))
        return [fact for fact in world.facts if fact.sort == "year" and low <= int(fact.value) <= high]
    if mention.kind == "quote":
        return [fact for fact in world.facts if fact.sort == "quote" and _quotes(mention.value, fact.value)]
    if mention.kind == "name":
        return [
            fact for fact in world.facts if fact.sort in ("place", "person") and _same_name(mention.value, fact.value)
        ]
    return [fact for fact in world.facts if fact.sort == mention.kind and fact.value == mention.value]


def _in_place(mention: Mention, text: str, facts: Sequence[Fact]) -> str:
    """right, wrong or nothing: whether a value that exists stands with the cues of its own relation."""
    if mention.kind in ("quote", "expansion"):
        return "right"
    sort = facts[0].sort
    told = nearest_relation(sort, mention, text)
    if not told:
        about = fold(text)
        return "right" if any(subject in about for fact in facts for subject in fact.subjects) else "nothing"
    return "right" if any(fact.relation in (told, "") for fact in facts) else "wrong"


def _reported(text: str, world: _World) -> list[_Finding]:
    """Words that somebody is said to have said, without quotation marks."""
    hit = _REPORTED.search(text)
    spoken = [set(fact.value.split()) for fact in world.facts if fact.sort == "quote"]
    if not hit or '"' in hit[1] or not spoken:
        return []
    words = {word for word in fold(hit[1]).split() if len(word) > 3}
    shared = max((len(words & quote) for quote in spoken), default=0)
    return [_Finding("right")] if words and 2 * shared >= len(words) else [_Finding("wrong", "VV", hit[1])]


def _quotes(said: str, gold: str) -> bool:
    """Equal, or at least four words in a row of the original and nothing else."""
    return said == gold or (len(said.split()) >= _LEAST_QUOTED and f" {said} " in f" {gold} ")


def _same_name(said: str, gold: str) -> bool:
    """Equal, or one whole word of the other, as a family name is."""
    return said == gold or said in gold.split()


def _is_value(name: str, world: _World) -> bool:
    return any(fact.sort in ("place", "person") and _same_name(name, fact.value) for fact in world.facts)


def _is_part(name: str, world: _World) -> bool:
    """Whether all words of a name stand in one known name ("the Regatta")."""
    return any(set(name.split()) <= set(known.split()) for known in world.folded)


def _category(mention: Mention, text: str, world: _World) -> str:
    if mention.kind == "name":
        if any(fact.sort == "expansion" for fact in world.facts) and re.search(r"stands for|short for|acronym", text):
            return "AA"
        return "GE" if sort_of(mention, text) == "place" else "GG"
    return category_of(mention, text)


def _clause_before(text: str, mention: Mention) -> str:
    """The text before the mention, from the last break of its clause."""
    return re.split(r"[,;:]|\bbut\b", text[: mention.start])[-1]
