"""The labels of the judge `slots` as compact JSON in a sample's `answer`, so that metrics need no more than samples."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from suite.judges.record import Label, Unit
from suite.judges.taxonomy import DEFAULT_DEGREE
from suite.task import Outcome, Sample
from tasks.hilt.slots import SlotsJudge

LineAnswer = Mapping[str, Any]  # n, text, verdict, reason, category, answerable, target, and split where hallucinated


def encode(units: Sequence[Unit], labels: Sequence[Label]) -> str:
    """One object a line."""
    rows = []
    for unit, label in zip(units, labels, strict=True):
        line = unit.item["line"]
        row = {"n": label.unit, "text": label.text, "verdict": label.verdict, "reason": label.flags[0]}
        row |= {"split": label.split} if label.split else {}
        row |= {"category": line["category"], "answerable": line["answerable"], "target": line["is_target"]}
        rows.append(row)
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def lines_of(sample: Sample) -> list[LineAnswer]:
    """The lines of a scored sample; none where it failed or was asked for free text."""
    if sample.error or not sample.answer or sample.condition.get("form") != "slots" or sample.mode != "generate":
        return []
    rows: list[LineAnswer] = json.loads(sample.answer)
    return rows


def labels_of(samples: Iterable[Sample]) -> list[Label]:
    """The labels of the judge `slots`, read back from the samples."""
    return [_label(sample.sample_id, row) for sample in samples for row in lines_of(sample)]


def outcome_of(labels: Sequence[Label], answerable: Sequence[bool], is_truncated: bool) -> Outcome:
    """What a reader wants to filter samples by."""
    verdicts = [label.verdict for label in labels]
    if all(verdict == "no_claim" for verdict in verdicts):
        return "truncated" if is_truncated else "unparsed"
    if "hallucinated" in verdicts:
        return "wrong"
    if all(verdict == "abstain" for verdict in verdicts):
        return "refusal"
    is_right = [v == ("supported" if can else "abstain") for v, can in zip(verdicts, answerable, strict=True)]
    return "correct" if all(is_right) else "scored"


def _label(sample_id: str, row: LineAnswer) -> Label:
    split, category = row.get("split"), str(row["category"])
    return Label(
        *(sample_id, row["n"], SlotsJudge.name, SlotsJudge.version, row["verdict"], row["text"]),
        primary=category if split else "",
        categories=(category,) if split else (),
        split=split,
        degree=DEFAULT_DEGREE[category] if split else None,
        degree_source="category" if split else "",
        flags=(row["reason"],),
    )
