"""The judge `slots`: reads numbered answers and labels each line by the truth; deterministic, exact by construction.

The order of the rules in `judge_line` is the protocol: missing, abstention, right (unless hedged), no value, wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from suite.errors import UserError
from suite.judges.record import Label, Split, Unit, Verdict
from suite.judges.sentences import plain
from suite.judges.taxonomy import DEFAULT_DEGREE
from tasks.hilt.typed import equals, holds_name, is_family_name, occurs, values

Reason = Literal["missing", "unknown", "correct", "hedge", "unparsed", "premise_echo", "contradiction", "fabrication"]
_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_LINE = re.compile(
    r"^[\s>*•#|_-]*(?:line\s+)?[*_\[(]*(\d{1,2})[*_]*\s*[.):|\]-](?!\d)[*_]*\s*(.*)$",
    re.IGNORECASE,
)
_PREFIX = re.compile(r"^((?:\S+\s+){0,13}\S*):\s+")
_ABSTENTION = re.compile(
    r"""^["'(\[]*(?:(?:it|this|that|he|she|they)\s+(?:is|are|was|were)\s+)?(?:
        unknown | n/?a\b | none\b | nothing\b
      | not\s+(?:\w+\s+)?(?:stated|given|known|specified|mentioned|available|provided|recorded)
      | no\s+(?:answer|information|data|record|mention)
      | (?:can\s?not|can't|cannot)\s+(?:be\s+)?(?:say|tell|answer|know|determined?)
      | i\s+(?:do\s+not|don't)\s+know | (?:the|this)\s+(?:dossier|statement|text)\s+(?:does\s+not|doesn't)
      | \?+\s*$ | -+\s*$
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_DENIED = r"\b(?:not|nor|rather than|instead of|contrary to)\s+(?:(?:in|by|the|of)\s+)*"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a line turned out to be; `split` only where it is hallucinated."""

    verdict: Verdict
    reason: Reason
    split: Split | None = None


def answers_of(text: str, labels: Sequence[str]) -> list[str]:
    """The answer to each label, from a numbered reply; "" where there is none.

    Bullets, markdown, the word "line" and a repeated label are taken off; the first answer to a number counts, other
    lines do not. Reasoning between <think> tags is no answer.
    """
    found: dict[int, str] = {}
    for row in without_thought(text).splitlines():
        if hit := _LINE.match(row.strip()):
            found.setdefault(int(hit[1]), hit[2].rstrip(" |"))
    return [_without_label(found.get(number, ""), label) for number, label in enumerate(labels, start=1)]


def without_thought(text: str) -> str:
    """`text` without reasoning, closed or cut off."""
    return _THOUGHT.sub("", text)


def judge_line(line: Mapping[str, Any], answer: str, shown: str, names: Sequence[str] = ()) -> Finding:
    """The verdict on one answer.

    Args:
        line: type, answerable, gold, and optionally aliases, premise and label.
        answer: without number and label.
        shown: dossier and statement, as the model saw them.
        names: the persons and places of the item.
    """
    if not answer.strip():
        return Finding("no_claim", "missing")
    if _ABSTENTION.match(answer.strip()):
        return Finding("abstain", "unknown")
    kind, question, premise = line["type"], str(line.get("label", "")), line.get("premise")
    golds = [line["gold"], *line.get("aliases", ())] if line["answerable"] else []
    known = [*names, *([str(premise)] if premise is not None and kind in ("place", "person") else [])]
    if any(_is_right(kind, answer, gold, question, names) for gold in golds):
        others = [name for name in known if name not in map(str, golds)]
        hedged = [name for name in others if _also_says(kind, answer, name, golds)]
        if not hedged:
            return Finding("supported", "correct")
        return Finding("hallucinated", "hedge", _split(kind, hedged, shown))
    wrong = values(kind, answer)
    if not wrong:
        return Finding("no_claim", "unparsed")
    if kind in ("number", "year"):
        wrong = [value for value in wrong if value not in {str(gold) for gold in golds}]
    elif kind != "quote":
        wrong = [name for name in known if holds_name(answer, name, question)] or wrong
    split = _split(kind, wrong, shown)
    if premise is not None and equals(kind, answer, premise, question):
        return Finding("hallucinated", "premise_echo", split)
    return Finding("hallucinated", "contradiction" if line["answerable"] else "fabrication", split)


class SlotsJudge:
    """The judge for lines whose truth the item holds; see `suite.judges.record.Judge`."""

    name = "slots"
    version = "1"
    reads_sentences = False

    def label(self, responses: Iterable[Sequence[Unit]]) -> Iterator[Sequence[Label]]:
        """Labels every line.

        Raises:
            UserError: a unit is no line of an item whose truth is known.
        """
        for units in responses:
            yield [self._label(unit) for unit in units]

    def _label(self, unit: Unit) -> Label:
        line = unit.item.get("line")
        if not isinstance(line, Mapping):
            raise UserError(
                "judge slots labels numbered lines only (--form slots); for free text take rules_free, nli/ or llm/"
            )
        found = judge_line(line, unit.text, unit.context, unit.item.get("names", ()))
        if found.verdict != "hallucinated":
            return Label.of(unit, self, found.verdict, flags=(found.reason,))
        category = str(line["category"])
        return Label.of(
            *(unit, self, found.verdict),
            primary=category,
            categories=(category,),
            split=found.split,
            degree=DEFAULT_DEGREE[category],
            degree_source="category",
            flags=(found.reason,),
        )


def _is_right(kind: Any, answer: str, gold: object, question: str, names: Sequence[str]) -> bool:
    return equals(kind, answer, gold, question) or (kind == "person" and is_family_name(answer, str(gold), names))


def _also_says(kind: Any, answer: str, name: str, golds: Sequence[object]) -> bool:
    """Whether a right answer names another one as well, other than to deny it."""
    if kind not in ("place", "person") or any(holds_name(str(gold), name) for gold in golds):
        return False
    asserted = re.sub(_DENIED + re.escape(name), "", answer, flags=re.IGNORECASE)
    return occurs("place", _folded(name), asserted)


def _split(kind: Any, wrong: Sequence[str], shown: str) -> Split:
    """Intrinsic if every wrong value stands in what the model was shown."""
    keys = [value if kind in ("number", "year", "quote") else _folded(value) for value in wrong]
    return "intrinsic" if all(occurs(kind, key, shown) for key in keys) else "extrinsic"


def _folded(name: str) -> str:
    return next(iter(values("place", name)), "")


def _without_label(answer: str, label: str) -> str:
    text = plain(answer.strip()).strip()
    if label and text.casefold().startswith(plain(label).casefold()):
        return text[len(plain(label)) :].lstrip(" :-–").strip()
    if not text.startswith('"') and (hit := _PREFIX.match(text)):
        return text[hit.end() :].strip()
    return text
