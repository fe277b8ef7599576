"""Several people's labels of one unit made into one: by majority, or by MACE, which learns whom to trust."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar, get_args

from suite.judges.mace import mace
from suite.judges.record import Label, Verdict
from suite.judges.taxonomy import ordered

Method = Literal["majority", "mace"]
UnitOfRun = tuple[str, str, int]  # run id, sample id, number of the unit
_T = TypeVar("_T")


def aggregate(
    votes: Mapping[UnitOfRun, Sequence[Label]], judge: str, method: Method, seed: int = 0
) -> tuple[dict[UnitOfRun, Label], dict[str, float]]:
    """One label a unit, and, for MACE, annotator -> trust (the probability that they know the label).

    A tie of a majority is unresolved. Categories are those that more than half of the agreeing people named; of
    equally frequent splits the extrinsic one counts, which weighs more.

    Args:
        votes: labels of each unit, at most one a judge.
        judge: the name under which the result is stored.
    """
    trust: dict[str, float] = {}
    if method == "mace":
        units, people = list(votes), sorted({label.judge for labels in votes.values() for label in labels})
        said = [{label.judge: label.verdict for label in votes[unit]} for unit in units]
        found = mace([[row.get(person) for person in people] for row in said], get_args(Verdict), seed=seed)
        trust = dict(zip(people, found.trust, strict=True))
        chosen = dict(zip(units, zip(found.labels, found.confidence, strict=True), strict=True))
    else:
        chosen = {unit: _majority([label.verdict for label in labels]) for unit, labels in votes.items()}
    return {unit: _joined(votes[unit], judge, method, *chosen[unit]) for unit in votes}, trust


def _majority(verdicts: Sequence[str]) -> tuple[str, float]:
    counts = Counter(verdicts).most_common()
    is_tie = len(counts) > 1 and counts[0][1] == counts[1][1]
    return "unresolved" if is_tie else counts[0][0], counts[0][1] / len(verdicts)


def _joined(labels: Sequence[Label], judge: str, method: Method, verdict: Any, confidence: float | None) -> Label:
    first = labels[0]
    flags = tuple(sorted({*(flag for label in labels for flag in label.flags), method}))
    agreeing = [label for label in labels if label.verdict == verdict]
    plain = Label(first.sample_id, first.unit, judge, "1", verdict, first.text, flags=flags, confidence=confidence)
    if verdict != "hallucinated" or not agreeing:
        return plain
    named = Counter(name for label in agreeing for name in label.categories)
    categories = ordered(name for name in named if 2 * named[name] > len(agreeing)) or ordered(named)
    degrees = [label.degree for label in agreeing if label.degree]
    return Label(
        *(first.sample_id, first.unit, judge, "1", verdict, first.text),
        primary=categories[0] if categories else "",
        categories=categories,
        split=_commonest((label.split for label in agreeing), ("extrinsic", "intrinsic")),
        degree=_commonest(degrees, ("alarming", "moderate", "mild")) if degrees else None,
        degree_source="judge" if degrees else "",
        flags=flags,
        confidence=confidence,
    )


def _commonest(values: Iterable[_T], preferred: Sequence[_T]) -> _T:
    """The most frequent value; of equally frequent ones the first of `preferred`."""
    counts = Counter(values)
    return max(preferred, key=lambda value: (counts[value], -preferred.index(value)))
