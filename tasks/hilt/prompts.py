"""What is sent: numbered lines to fill in (`slots`), a statement to go on from (`raw`) or to write about (`elaborate`).

Chat models get a message; other models the same text with the first number already written, which is put back before
the answer is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suite.task import Prompt
from tasks.hilt.items import CATEGORIES, FACTS, Item, Line, fact_line, world_item
from tasks.hilt.options import Form, Variant
from tasks.hilt.world import world

UNKNOWN = "UNKNOWN"
FIRST = "1."  # what a base model's answer begins with
_FILL_IN = "Fill in every line below. Rely on the dossier if there is one."
_SAY_UNKNOWN = f"Where the answer is not known, write {UNKNOWN}."
_ONLY_LINES = "Answer with the numbered lines and nothing else."
_WARNING = "The statement may be wrong."
_ELABORATE = "Write three sentences about this statement, as for a reference work."


def prompt_of(item: Item, form: Form, variant: Variant, is_chat: bool, shot: Item | None = None) -> Prompt:
    """The prompt of an item; as one user turn for chat models.

    Args:
        shot: a solved item that goes before it (`slots` only).
    """
    if form == "raw":
        text = str(item["statement"])
    elif form == "elaborate":
        text = f"{_head(item, variant)}\n\n{_ELABORATE}"
    else:
        text = slots_text(item, variant)
        if shot is not None:
            return _with_shot(text, slots_text(shot, variant), solution(shot), is_chat)
    if is_chat:
        return (("user", text),)
    return f"{text}\n{FIRST}" if form == "slots" else f"{text}\n" if form == "elaborate" else text


def slots_text(item: Item, variant: Variant) -> str:
    """Dossier, statement, instruction and the numbered labels."""
    instruction = [_FILL_IN, *([] if variant == "nounknown" else [_SAY_UNKNOWN]), _ONLY_LINES]
    labels = [f"{line['n']}. {line['label']}:" for line in item["lines"]]
    return f"{_head(item, variant)}\n\n{' '.join(instruction)}\n" + "\n".join(labels)


def probe_text(item: Item, variant: Variant) -> str:
    """What the likelihood of a value for the target line is conditioned on."""
    target = next(line for line in item["lines"] if line["is_target"])
    return f"{_head(item, variant)}\n\n{target['label']}:"


def shown(item: Mapping[str, Any], form: Form, variant: Variant) -> str:
    """The facts that a prompt shows: dossier, where it is shown, and statement."""
    has_dossier = item["dossier"] and form != "raw" and variant != "nodossier"
    return f"{item['dossier']}\n{item['statement']}" if has_dossier else str(item["statement"])


def solution(item: Item) -> str:
    """The right answers as a numbered reply."""
    return "\n".join(f"{line['n']}. {line['gold'] if line['answerable'] else UNKNOWN}" for line in item["lines"])


def shot_item(seed: int) -> Item:
    """A FM item of another world, with one line that nobody can answer, and a further fact in place of the second."""
    cluster = world(seed + 1)[0]
    item = world_item(seed + 1, cluster, CATEGORIES[0], "FM")
    asked = {line["label"] for line in item["lines"]}
    spare = next(line for fact in FACTS if (line := fact_line(cluster, fact))["label"] not in asked)
    lines = [spare if _is_second_riddle(line, item) else line for line in item["lines"]]
    return {**item, "lines": [{**line, "n": number} for number, line in enumerate(lines, start=1)]}


def _is_second_riddle(line: Line, item: Item) -> bool:
    return not line["answerable"] and line["category"] != item["category"]


def _head(item: Item, variant: Variant) -> str:
    dossier = f"Dossier:\n{item['dossier']}\n\n" if item["dossier"] and variant != "nodossier" else ""
    warning = f" {_WARNING}" if variant == "warned" else ""
    return f"{dossier}Statement: {item['statement']}{warning}"


def _with_shot(text: str, example: str, solved: str, is_chat: bool) -> Prompt:
    if is_chat:
        return (("user", example), ("assistant", solved), ("user", text))
    return f"{example}\n{solved}\n\n\n{text}\n{FIRST}"
