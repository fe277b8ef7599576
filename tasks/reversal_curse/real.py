"""The REAL track: "Who is CHILD's mother?" against "Name a child of PARENT.", no training.

Chat models are sampled ten times and asked once greedily; models with likelihoods give the probability of the name.
`tasks.reversal_curse.real_metrics` turns the scores into figures.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from suite.task import Condition, Doc, Draft, Generate, Loglikelihood, Mode, ModelInfo, Outcome, Response, Scores
from tasks.reversal_curse.celebrity import ParentRow
from tasks.reversal_curse.names_match import (
    answer_line,
    folded,
    is_refusal,
    is_right,
    is_right_by_original_rule,
    names_somewhere,
)
from tasks.reversal_curse.real_prompts import chat_prompt, completion_prompt, forward_question, reverse_question

DIRECTIONS = ("forward", "reverse")
MAX_TOKENS = 32
# With fewer valid samples than this share of those asked for, the pair is left out and counted.
MIN_VALID_SHARE = 0.8


def real_docs(rows: Iterable[ParentRow]) -> Iterator[Doc]:
    """One doc a row; rows that name the same two people (a person listed as both parents) are one cluster."""
    for row in rows:
        yield Doc(f"real/{row.row:04}", asdict(row), cluster=f"{row.child} / {row.parent}")


def real_drafts(
    doc: Doc, info: ModelInfo, modes: Collection[Mode], n: int = 10, temperature: float = 1.0
) -> list[Draft]:
    """Both directions of a pair in each mode that is asked for and that the model can do.

    Args:
        doc: from `real_docs`.
        info: the model; without the capability "chat" it is shown the completion prompt.
        modes: "generate" gives `n` samples at `temperature` and one greedy answer; "loglikelihood" the name's score.
        n: samples a question.
        temperature: the published figures are at 1.0.
    """
    is_chat = "chat" in info.capabilities
    drafts = []
    for direction in DIRECTIONS:
        question, target = _ask(doc.data, direction)
        arm: dict[str, str | bool] = {
            "track": "real",
            "rows": doc.data["source"],
            "direction": direction,
            "last_word": "same" if _last_word(doc.data["child"]) == _last_word(doc.data["parent"]) else "different",
        }
        if "generate" in modes and info.capabilities & {"generate", "chat"}:
            layout = {"prompt": "chat" if is_chat else "completion"}
            prompt = chat_prompt(question) if is_chat else completion_prompt(question)
            stop = () if is_chat else ("\n",)
            asked = {
                "sampled": Generate(prompt, stop=stop, max_tokens=MAX_TOKENS, temperature=temperature, n=n),
                "greedy": Generate(prompt, stop=stop, max_tokens=MAX_TOKENS),
            }
            drafts += [
                _draft(doc, "generate", arm | layout | {"decoding": decoding}, request, target)
                for decoding, request in asked.items()
            ]
        if "loglikelihood" in modes and "loglikelihood" in info.capabilities:
            likelihood = Loglikelihood(completion_prompt(question), (f" {target}",))
            drafts.append(_draft(doc, "loglikelihood", arm | {"prompt": "completion"}, likelihood, target))
    return drafts


def score_real(doc: Doc, draft: Draft, responses: Sequence[Response]) -> Scores:
    """Shares of the valid samples, or the probability of the name.

    Values of generated answers, each between 0 and 1 unless said otherwise:
        valid: number of samples with text; under 8 of 10 the pair is excluded and the values below are None.
        mean, any, majority: share of right samples; whether one is right; whether more than half are.
        lenient: share of samples that hold an accepted name anywhere in their first line.
        refusal: share of samples that say they do not know, and name no accepted person.
        truncated: share of samples that ended at the token limit; they are judged by what is there.
        any_original (reverse, sampled): the rule behind GPT-4's published figure.
    Values of likelihoods: logprob (nats) and prob of the name in the file.
    """
    if draft.mode == "loglikelihood":
        logprob = responses[0].scores[0].logprob
        return Scores({"logprob": logprob, "prob": math.exp(logprob)}, "scored")

    reverse = draft.condition["direction"] == "reverse"
    accepted = doc.data["children" if reverse else "parents"]
    asked = sum(request.n for request in draft.requests if isinstance(request, Generate))
    samples = [text for response in responses for text in response.texts]
    # a refusal that the server declares may come without text, and is an answer all the same
    valid = [each for each in samples if each.text.strip() or each.finish in ("refusal", "content_filter")]
    first = answer_line(valid[0].text) if valid else None
    if len(valid) < MIN_VALID_SHARE * asked:
        return Scores({"valid": len(valid), "mean": None}, "no_answer", first)

    right = [is_right(each.text, accepted) for each in valid]
    lenient = [names_somewhere(each.text, accepted) for each in valid]
    refused = [
        not named and (each.finish in ("refusal", "content_filter") or is_refusal(each.text))
        for each, named in zip(valid, lenient, strict=True)
    ]
    truncated = [each.finish == "length" for each in valid]
    values: dict[str, float | None] = {
        "valid": len(valid),
        "mean": _share(right),
        "any": float(any(right)),
        "majority": float(_share(right) > 0.5),
        "lenient": _share(lenient),
        "refusal": _share(refused),
        "truncated": _share(truncated),
    }
    if reverse and draft.condition["decoding"] == "sampled":
        values["any_original"] = float(is_right_by_original_rule([each.text for each in valid], doc.data["child"]))
    return Scores(values, _outcome(values), first)


def _ask(data: Mapping[str, Any], direction: str) -> tuple[str, str]:
    """(question, name in the file that answers it)."""
    if direction == "forward":
        return forward_question(data["child"], data["parent_type"]), data["parent"]
    return reverse_question(data["parent"]), data["child"]


def _draft(doc: Doc, mode: Mode, condition: Condition, request: Generate | Loglikelihood, target: str) -> Draft:
    return Draft(doc.id, mode, condition, (request,), doc.cluster, target)


def _last_word(name: str) -> str:
    return folded(name).split(" ")[-1]


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags)


def _outcome(values: Mapping[str, float | None]) -> Outcome:
    """The class of most samples."""
    if values["majority"]:
        return "correct"
    if (values["refusal"] or 0) > 0.5:
        return "refusal"
    return "truncated" if (values["truncated"] or 0) > 0.5 else "wrong"
