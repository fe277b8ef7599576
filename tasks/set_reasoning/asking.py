"""Questions to models that this task's trainer has made: a record for each problem, and sentences of facts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from suite.errors import UserError
from suite.task import Doc, Draft, Generate, Loglikelihood, Mode, ModelInfo, Response, Scores
from tasks.set_reasoning.facts import IS, MASK, NAMES
from tasks.set_reasoning.options import SetReasoningOptions
from tasks.set_reasoning.problems import condition_of
from tasks.set_reasoning.records import Record
from tasks.set_reasoning.scoring import score_set

PROVIDER = "set_reasoning"
FILL, TRAINED, REVERSED = "same_order_fill", "trained_order", "reversed_order"
_HALF = math.log(0.5)


def check_trained(options: SetReasoningOptions, model: ModelInfo) -> None:
    """Raises `UserError` where a model was not trained for these questions, or these are not for such models."""
    if model.provider != PROVIDER:
        if options.data in ("set_ops_param", "mask_reversal"):
            raise UserError(
                f"--data {options.data} asks what a model was trained on; {model.name} was not: make one with "
                f"`unreason finetune set_reasoning --data {options.data}`"
            )
        return
    settings = (model.training or {}).get("settings", {})
    data = settings.get("data")
    wanted = "set_ops_tokens" if data == "set_ops" and "start" not in settings else data
    if options.data != wanted:
        raise UserError(f"{model.name} was trained on other problems; ask it with --data {wanted}")
    if data == "mask_reversal" and settings["both_fraction"] != options.both_fraction:
        raise UserError(
            f"{model.name} was told {settings['both_fraction']} of its facts in both orders; ask it with "
            f"--both-fraction {settings['both_fraction']}"
        )


def record_drafts(doc: Doc, model: ModelInfo, modes: frozenset[Mode]) -> Iterator[Draft]:
    """A problem as a record, and once more with its operands swapped where it has two."""
    status = str((model.training or {}).get("status", "converged"))
    for twin in (False, True):
        if twin and (not doc.data["twin"] or "(" in doc.data["twin"]):
            continue  # distributed expressions are longer than any that was trained
        record = Record.of(doc.data, doc.data["twin"] if twin else None)
        condition = {"notation": "record", "shots": 0, **condition_of(doc.data), "status": status}
        condition |= {"twin": True} if twin else {}
        target = "{" + ", ".join(doc.data["answer"]) + "}"
        if "loglikelihood" in modes:
            asked = Loglikelihood(record.text(), tuple(record.candidates))
            yield Draft(doc.id, "loglikelihood", {"variant": "head", **condition}, (asked,), doc.cluster, target)
        if "generate" in modes:
            written = Generate(record.text())
            yield Draft(doc.id, "generate", {"variant": "written", **condition}, (written,), doc.cluster, target)


def score_head(problem: Mapping[str, Any], response: Response) -> Scores:
    """Scores of the candidates that are more likely in the answer than not."""
    pairs = zip(problem["candidates"], response.scores, strict=True)
    return score_set(problem, frozenset(item for item, score in pairs if score.logprob > _HALF), {})


def fact_drafts(doc: Doc, modes: frozenset[Mode], is_encoder: bool) -> Iterator[Draft]:
    """What is asked about a fact: the word order of every question is in its condition."""
    fact = doc.data
    told_first = fact["group"] == "F"
    for order, name_first in ((FILL, told_first), (REVERSED, not told_first), (TRAINED, told_first)):
        for asked in ("name", "description"):
            target = fact["name"] if asked == "name" else " ".join(fact["description"])
            question = _question(fact, order, asked, name_first, is_encoder)
            if question is None or (mode := _mode(question)) not in modes:
                continue
            condition = {"order": order, "asked": asked, "group": fact["group"], "both_fraction": fact["both_fraction"]}
            yield Draft(doc.id, mode, condition, (question,), doc.cluster, target)


def score_fact(draft: Draft, responses: Sequence[Response]) -> Scores:
    """1 for the right words; of scored sentences, where no other name is as likely."""
    request, response = draft.requests[0], responses[0]
    if isinstance(request, Loglikelihood):
        scores = [score.logprob for score in response.scores]
        best = [name for name, score in zip(NAMES, scores, strict=True) if score == max(scores)]
        answer = best[0] if len(best) == 1 else ""
    else:
        answer = response.texts[0].text
    right = answer == draft.target
    return Scores({"correct": float(right)}, "correct" if right else "wrong", answer)


def _question(
    fact: Mapping[str, Any], order: str, asked: str, name_first: bool, is_encoder: bool
) -> Generate | Loglikelihood | None:
    """The request; None where this kind of model cannot be asked so."""
    description = list(fact["description"])
    if is_encoder:
        if order == TRAINED:
            return None
        name, words = ([MASK], description) if asked == "name" else ([fact["name"]], [MASK, MASK])
        return Generate(" ".join([*name, IS, *words] if name_first else [*words, IS, *name]), max_tokens=2)
    if order == FILL:  # a decoder fills nothing: it says which whole sentence is the likeliest
        ending = " ".join(description)
        sentences = tuple(f"{name} {IS} {ending}" if name_first else f"{ending} {IS} {name}" for name in NAMES)
        return Loglikelihood("", sentences) if asked == "name" else None
    if name_first == (asked == "name"):
        return None  # what is asked would stand first
    prompt = [fact["name"]] if name_first else description
    return Generate(" ".join([*prompt, IS]), max_tokens=2 if name_first else 1)


def _mode(question: Generate | Loglikelihood) -> Mode:
    return "generate" if isinstance(question, Generate) else "loglikelihood"
