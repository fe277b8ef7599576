"""The pieces of a response that judges label: its numbered lines (`slots`), or its sentences (free text)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suite.judges.record import Unit
from suite.judges.sentences import sentences
from suite.task import Prompt, Scalar
from tasks.hilt.prompts import FIRST, shown
from tasks.hilt.slots import answers_of, without_thought


def units_of(
    item: Mapping[str, Any], sample_id: str, condition: Mapping[str, Scalar], prompt: Prompt, text: str
) -> list[Unit]:
    """The units of one response. A requested line is a unit whether it was answered or not.

    Args:
        item: the doc's data; condition: form and variant of the sample.
        prompt: as it was sent; a plain text ended with the first number, which belongs to the answer.
    """
    form, variant = str(condition["form"]), str(condition["variant"])
    context = shown(item, form, variant)  # type: ignore[arg-type]
    evidence = str(item.get("reference") or item["dossier"])
    if form != "slots":
        return [
            Unit(sample_id, number, sentence, context, evidence, item)
            for number, sentence in enumerate(sentences(without_thought(text)), start=1)
        ]
    whole = f"{FIRST}{text}" if isinstance(prompt, str) else text
    lines = asked_lines(item, variant)
    answers = answers_of(whole, [line["label"] for line in lines])
    return [
        Unit(sample_id, line["n"], answer, context, evidence, {**item, "line": line})
        for line, answer in zip(lines, answers, strict=True)
    ]


def asked_lines(item: Mapping[str, Any], variant: str) -> list[Mapping[str, Any]]:
    """The lines of an item with what is right under a variant: without the dossier, the statement is all there is."""
    if variant != "nodossier":
        return list(item["lines"])
    return [line if line["is_target"] else {**line, "answerable": False, "gold": None} for line in item["lines"]]
