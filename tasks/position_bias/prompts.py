"""What is sent: prefix, segments in an order with their labels, suffix; the only place that puts separators.

Separators and labels belong to segments, so that with label mode `none` (and `travel`) a segment's text does not
depend on its place. Sources of the wordings: multiple choice, Zheng et al. (arXiv 2309.03882); search
results and key-value retrieval, Liu et al. (arXiv 2307.03172, MIT); `pair_v2`, RewardBench (arXiv 2403.13787,
Apache-2.0), quoted word for word. The rest is our own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from suite.task import Chat, Mode, Prompt, Segmented
from tasks.position_bias.items import Family, Item, Segment

LabelMode = Literal["travel", "slot", "none"]
JudgePrompt = Literal["own", "pair_v2"]
KvForm = Literal["uniform", "original"]
VERDICTS = ("A", "B")

QA_TASK = (
    "Write a high-quality answer for the given question using only the provided search results "
    "(some of which might be irrelevant)."
)
_KV_TASK = "Extract the value corresponding to the specified key in the JSON object below.\n\nJSON data:\n{"
_NEEDLE_TASK = "Read the text, then answer the question with what the text says.\n\nText:"
_PREMISE_TASK = "All of the statements are true; their order carries no meaning.\n\nStatements:"
_PREMISE_CUE = "\nReason in a few short steps, and end with a line of the form: Answer: <number>\n"
_JUDGE_TASK = (
    "Two answers to the same request are given. Judge which one is better: what counts is that it is right, and then "
    "that it is clear. The order in which they stand, their names and their lengths carry no meaning.\n\nRequest:\n"
)
_JUDGE_CUE = "\n\nWhich answer is better? Say why in a sentence, and end with [[A]] or [[B]].\nVerdict:"
_QUOTE_CUE = "\n\nCopy the better answer word for word, and write nothing else.\nBetter answer:"
PAIR_V2_SYSTEM = (
    "Please act as an impartial judge and evaluate the quality of the responses provided by two AI assistants to the "
    "user question displayed below. You should choose the assistant that follows the user's instructions and answers "
    "the user's question better. Your evaluation should consider factors such as the helpfulness, relevance, accuracy, "
    "depth, creativity, and level of detail of their responses. Begin your evaluation by comparing the two responses "
    "and provide a short explanation. Avoid any position biases and ensure that the order in which the responses were "
    "presented does not influence your decision. Do not allow the length of the responses to influence your "
    "evaluation. Do not favor certain names of the assistants. Be as objective as possible. After providing your "
    "explanation, output your final verdict by strictly following this format: "
    '"[[A]]" if assistant A is better, "[[B]]" if assistant B is better.'
)


@dataclass(frozen=True, slots=True)
class Wording:
    """Variants of the prompts: fixed examples before a choice, the judge's prompt, and how documents and pairs look."""

    shots: int = 0
    judge: JudgePrompt = "own"
    query_aware: bool = False
    kv_form: KvForm = "uniform"

    def variant(self, family: Family) -> str | None:
        """The value of condition `variant`; None for families that have one wording."""
        if family == "judge":
            return self.judge
        if family == "kv":
            return self.kv_form
        if family == "docqa":
            return "query_aware" if self.query_aware else "plain"
        return None


def ends(family: Family, question: str) -> tuple[str, str]:
    """Prefix and suffix of a row: what stands before and after its segments in the plain wording.

    Args:
        question: of the item; the key for kv.
    """
    match family:
        case "mcq":
            return f"Question: {question}\nOptions:", "\nAnswer:"
        case "judge":
            return _JUDGE_TASK + question, _JUDGE_CUE
        case "docqa":
            return f"{QA_TASK}\n", f"\n\nQuestion: {question}\nAnswer:"
        case "kv":
            return f"{_KV_TASK}\n", f'}}\n\nKey: "{question}"\nCorresponding value:'
        case "needle":
            return _NEEDLE_TASK, f"\n\nQuestion: {question}\nAnswer:"
        case "premise":
            return _PREMISE_TASK, f"\n\nQuestion: {question}"


def rendered(
    item: Item, order: Sequence[int], labels: LabelMode, wording: Wording, mode: Mode, as_user_turn: bool
) -> Prompt:
    """The prompt of one arm: in segments, but for the original form of pairs, whose records depend on their place.

    Args:
        order: ``order[slot]`` is the number of the segment in that slot.
        mode: likelihoods get a cue after which the answer itself is scored.
        as_user_turn: within the chat template, where the model has one.
    """
    segments = tuple(_segment(item, content, slot, labels, wording) for slot, content in enumerate(order))
    prefix, suffix = _framed(item, labels, wording, mode)
    if item.family == "kv" and wording.kv_form == "original":
        text = _original_pairs(item, order)
        return (("user", text),) if as_user_turn else text
    return Segmented(prefix, segments, suffix, as_user_turn)


def without_documents(item: Item, as_user_turn: bool) -> Prompt:
    """The closed-book baseline: the question alone."""
    text = f"Question: {item.meta['question']}\nAnswer:"
    return (("user", text),) if as_user_turn else text


def pair_v2_chat(prompt: Segmented) -> Chat:
    """The `pair_v2` prompt in its two turns, for chat models that are sent turns."""
    user = prompt.prefix.removeprefix(PAIR_V2_SYSTEM + "\n\n") + "".join(prompt.segments)
    return (("system", PAIR_V2_SYSTEM), ("user", user))


def label_of(item: Item, content: int, slot: int, labels: LabelMode) -> str | None:
    """The label beside a content in a slot: its own, the slot's, or none."""
    if labels == "none":
        return None
    if labels == "travel":
        return item.segments[content].label
    return str(slot + 1) if item.family == "docqa" else item.segments[slot].label


def pair(text: str) -> tuple[str, str]:
    """Key and value of a kv segment."""
    ((key, value),) = json.loads(f"{{{text}}}").items()
    return key, value


def kv_segment(key: str, value: str) -> str:
    """The text of a kv segment; the inverse of `pair`."""
    return f"{json.dumps(key)}: {json.dumps(value)}"


def _segment(item: Item, content: int, slot: int, labels: LabelMode, wording: Wording) -> str:
    segment, label = item.segments[content], label_of(item, content, slot, labels)
    match item.family:
        case "mcq":
            return _option(segment.text, label)
        case "judge":
            return _answer_block(segment, label, wording)
        case "docqa":
            return f"\nDocument [{label}]{segment.text}" if label else f"\nDocument {segment.text}"
        case "kv":
            return f"{segment.text},\n"
        case _:
            return f" {segment.text}"  # a space after it would be a token of its own


def _framed(item: Item, labels: LabelMode, wording: Wording, mode: Mode) -> tuple[str, str]:
    """Prefix and suffix under a wording."""
    prefix, suffix = item.prefix, item.suffix
    scored = mode == "loglikelihood"
    match item.family:
        case "mcq":
            return "".join(_shot(shot, labels) for shot in shots()[: wording.shots]) + prefix, suffix
        case "judge":
            if wording.judge == "pair_v2":
                prefix = f"{PAIR_V2_SYSTEM}\n\n[User Question]\n{item.meta['question']}"
                return prefix, "\n\nFinal verdict: [[" if scored else "\n"
            if labels == "none":
                return prefix, _QUOTE_CUE
            return prefix, suffix + " [[" if scored else suffix
        case "docqa" if wording.query_aware:
            return f"{QA_TASK}\n\nQuestion: {item.meta['question']}\n", suffix
        case "premise":
            return prefix, f"{suffix}\nAnswer:" if scored else suffix + _PREMISE_CUE
        case _:
            return prefix, suffix


def _option(text: str, label: str | None) -> str:
    return f"\n{label}. {text}" if label else f"\n{text}"


def _answer_block(segment: Segment, label: str | None, wording: Wording) -> str:
    if wording.judge == "pair_v2":
        return f"\n\n[The Start of Assistant {label}'s Answer]\n{segment.text}\n[The End of Assistant {label}'s Answer]"
    return f"\n\nAnswer {label}:\n{segment.text}" if label else f"\n\nResponse:\n{segment.text}"


def _original_pairs(item: Item, order: Sequence[int]) -> str:
    """The published layout: the first record follows the brace, and the last has no comma."""
    records = ",\n ".join(item.segments[content].text for content in order)
    return _KV_TASK + records + item.suffix


def _shot(shot: _Shot, labels: LabelMode) -> str:
    letters = [None if labels == "none" else "ABCD"[slot] for slot in range(len(shot.options))]
    options = "".join(_option(text, letter) for text, letter in zip(shot.options, letters, strict=True))
    return f"Question: {shot.question}\nOptions:{options}\nAnswer: {letters[shot.gold] or shot.options[shot.gold]}\n\n"


@dataclass(frozen=True, slots=True)
class _Shot:
    question: str
    options: Sequence[str]
    gold: int


@cache
def shots() -> tuple[_Shot, ...]:
    """The fixed worked examples of multiple choice."""
    rows = json.loads((Path(__file__).parent / "shots.json").read_text("utf-8"))
    return tuple(_Shot(**row) for row in rows)
