"""Track nd: what is asked about each query, and how answers are scored."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from suite.task import (
    Doc,
    Draft,
    Embed,
    Generate,
    Loglikelihood,
    Mode,
    ModelInfo,
    Outcome,
    Prompt,
    Request,
    Response,
    Scalar,
    Scores,
    Text,
)
from tasks.reversal_curse import nd_prompts, ranking
from tasks.reversal_curse.controls import LETTERS, cyclic_orders
from tasks.reversal_curse.matching import contains, matches, matches_original
from tasks.reversal_curse.names_match import is_refusal

EXTRA_TOKENS = 8  # room beyond the longest target


def is_chat_only(info: ModelInfo) -> bool:
    """A chat model without likelihoods: it sees queries as messages."""
    return "chat" in info.capabilities and "loglikelihood" not in info.capabilities


def is_word_level(info: ModelInfo) -> bool:
    """Trained from scratch on a vocabulary of whole words: fresh names and longer prompts mean nothing to it."""
    return bool(info.training and info.training.get("word_level", info.training.get("scratch")))


def nd_drafts(
    doc: Doc, info: ModelInfo, modes: Collection[Mode], controls: Collection[str], trained: bool
) -> list[Draft]:
    """One draft a control and mode.

    Local models are asked the bare query (control "none") and each control of `controls`; word-level models the bare
    query alone. Chat models are asked the controls, and the bare query if they are `trained` on the facts.

    Args:
        doc: from `items.fact_docs`.
        info: the model.
        modes: "generate", "loglikelihood".
        controls: of "ctx", "ctx_k", "fresh", "mc_letter".
        trained: a chat model was fine-tuned on the facts.
    """
    chat = is_chat_only(info)
    if is_word_level(info):
        controls = ()
    drafts = []
    for control, sentences in _arms(doc.data, controls, bare=not chat or trained):
        condition = _condition(doc.data, control)
        text = nd_prompts.with_context(sentences, doc.data["prompt"])
        if "generate" in modes:
            prompt: Prompt = text
            if chat:
                bare = trained and not sentences
                prompt = (
                    nd_prompts.asked_as_trained(text) if bare else nd_prompts.asked_of_chat(nd_prompts.COMPLETE, text)
                )
            drafts.append(_draft(doc, "generate", condition, (_generate(doc, prompt),)))
        if "loglikelihood" in modes:
            # the wording's own prior, for pmi; one request a wording, which a sentence before it would make one an item
            neutral = "" if sentences else doc.data["neutral_prompt"]
            contexts = [text, neutral] if neutral else [text]
            continuations = tuple(f" {candidate}" for candidate in doc.data["candidates"])
            requests = tuple(Loglikelihood(context, continuations) for context in contexts)
            drafts.append(_draft(doc, "loglikelihood", condition, requests))
    if "mc_letter" in controls and doc.data["letters"] and not doc.data["fresh"]:
        drafts += _lettered(doc, modes, chat)
    return drafts


def score_nd(doc: Doc, draft: Draft, responses: Sequence[Response], mc_k: int) -> Scores:
    """Scores of one sample.

    generate: em, em_original, contains (0 or 1), n_candidates.
    loglikelihood: rank, rr, hits1, hits5, percentile, mc_K, d (nats), gold_logprob, random_logprob (nats),
    n_candidates, rr_per_byte, rr_pmi (without context), shuffled_rr, shuffled_d; None where a single candidate leaves
    nothing to rank.
    mc_letter, either mode: mc_letter (share of the four orders answered rightly), mc_letter_all (0 or 1).
    """
    if draft.condition["control"] == "mc_letter":
        return _score_letters(doc.data, draft, responses)
    if draft.mode == "generate":
        found = score_text(doc.data, responses[0].texts[0], is_chat=not isinstance(_prompt_of(draft), str))
        return replace(found, values={**found.values, "n_candidates": len(doc.data["candidates"])})
    return _score_ranking(doc.data, responses, mc_k)


def _arms(data: Mapping[str, Any], controls: Collection[str], bare: bool) -> Iterator[tuple[str, Sequence[str]]]:
    """(control, sentences before the query) of the ways in which the query itself is asked."""
    if data["fresh"]:
        if "fresh" in controls:
            yield "fresh", ()
        return
    if bare:
        yield "none", ()
    if data["contexts"] and "ctx" in controls:
        yield "ctx", (data["contexts"]["one"],)
    if data["contexts"] and "ctx_k" in controls:
        yield "ctx_k", data["contexts"]["many"]


def _condition(data: Mapping[str, Any], control: str) -> dict[str, Scalar]:
    keys = ("kind", "group", "direction", "seen", "template")
    condition: dict[str, Scalar] = {"track": "nd", "control": control} | {key: data[key] for key in keys}
    if control == "ctx_k":
        condition |= {"k": len(data["contexts"]["many"]), "position": data["contexts"]["position"]}
    return condition


def _draft(doc: Doc, mode: Mode, condition: Mapping[str, Scalar], requests: tuple[Request, ...]) -> Draft:
    return Draft(doc.id, mode, condition, requests, doc.cluster, doc.data["target"])


def _generate(doc: Doc, prompt: Prompt) -> Generate:
    """Greedy, to the end of the line for models that complete text.

    The tokenizer is not known here; no tokenizer in use makes more than a token of two bytes of such names.
    """
    longest = max(len(candidate.encode()) for candidate in doc.data["candidates"])
    stop = ("\n",) if isinstance(prompt, str) else ()
    return Generate(prompt, stop=stop, max_tokens=longest // 2 + EXTRA_TOKENS)


def _prompt_of(draft: Draft) -> Prompt:
    request = draft.requests[0]
    assert not isinstance(request, Embed)
    return request.prompt if isinstance(request, Generate) else request.context


def _lettered(doc: Doc, modes: Collection[Mode], chat: bool) -> Iterator[Draft]:
    """The choice of four in its four cyclic orders; chat models see the fact's sentence first and write the letter."""
    condition = _condition(doc.data, "mc_letter")
    options = [[doc.data["candidates"][index] for index in order] for order in cyclic_orders(doc.data["letters"])]
    texts = [nd_prompts.lettered(doc.data["prompt"], each) for each in options]
    if chat and "generate" in modes and doc.data["contexts"]:
        shown = [nd_prompts.with_context((doc.data["contexts"]["one"],), text) for text in texts]
        prompts = [nd_prompts.asked_of_chat(nd_prompts.CHOOSE, text) for text in shown]
        asked = tuple(Generate(prompt, max_tokens=2 * EXTRA_TOKENS) for prompt in prompts)
        yield _draft(doc, "generate", condition | {"over": "ctx"}, asked)
    if "loglikelihood" in modes:
        letters = tuple(f" {letter}" for letter in LETTERS)
        yield _draft(doc, "loglikelihood", condition, tuple(Loglikelihood(text, letters) for text in texts))


def score_text(data: Mapping[str, Any], answer: Text, is_chat: bool) -> Scores:
    """em, em_original, contains by the rules of `matching`; chat models may refuse, or be cut short."""
    text, target, aliases = answer.text, data["target"], data["aliases"]
    right = matches(text, target, aliases)
    values = {
        "em": float(right),
        "em_original": float(matches_original(text, data["target_original"])),
        "contains": float(any(contains(text, name) for name in (target, *aliases))),
    }
    return Scores(values, "correct" if right else _kind_of_miss(answer, is_chat), text)


def _kind_of_miss(answer: Text, is_chat: bool) -> Outcome:
    if answer.finish in ("refusal", "content_filter") or (is_chat and is_refusal(answer.text)):
        return "refusal"
    if not answer.text.strip():
        return "no_answer"
    return "truncated" if is_chat and answer.finish == "length" else "wrong"


def _score_ranking(data: Mapping[str, Any], responses: Sequence[Response], mc_k: int) -> Scores:
    candidates, gold = data["candidates"], data["gold"]
    logprobs = [score.logprob for score in responses[0].scores]
    n = len(candidates)
    values: dict[str, float | None] = {"gold_logprob": logprobs[gold], "n_candidates": n}
    if n == 1:
        undefined = ("rank", "rr", "hits1", "hits5", "percentile", f"mc_{mc_k}", "d")
        return Scores(values | dict.fromkeys(undefined), "scored")
    place = ranking.rank(logprobs, gold)
    per_byte = [value / len(f" {name}".encode()) for value, name in zip(logprobs, candidates, strict=True)]
    values |= {
        "rank": place,
        "rr": 1 / place,
        "hits1": float(place <= 1),
        "hits5": float(place <= 5),
        "percentile": ranking.percentile(place, n),
        f"mc_{mc_k}": ranking.choice(place, n, mc_k),
        "d": ranking.contrast(logprobs, gold),
        "random_logprob": logprobs[data["random"]],
        "rr_per_byte": 1 / ranking.rank(per_byte, gold),
        "shuffled_rr": 1 / ranking.rank(logprobs, data["shuffled"]),
        "shuffled_d": ranking.contrast(logprobs, data["shuffled"]),
    }
    if len(responses) > 1:
        prior = [score.logprob for score in responses[1].scores]
        pmi = [value - before for value, before in zip(logprobs, prior, strict=True)]
        values["rr_pmi"] = 1 / ranking.rank(pmi, gold)
    best = candidates[max(range(n), key=logprobs.__getitem__)]
    return Scores(values, "correct" if place <= 1 else "wrong", best)


def _score_letters(data: Mapping[str, Any], draft: Draft, responses: Sequence[Response]) -> Scores:
    """Letters that are equally likely share the credit."""
    credits, chosen = [], []
    for order, response in zip(cyclic_orders(data["letters"]), responses, strict=True):
        if draft.mode == "loglikelihood":
            logprobs = [score.logprob for score in response.scores]
            best = [letter for letter, logprob in zip(LETTERS, logprobs, strict=True) if logprob == max(logprobs)]
        else:
            options = [data["candidates"][index] for index in order]
            best = [letter] if (letter := nd_prompts.read_letter(response.texts[0].text, options)) else []
        credits.append((LETTERS[order.index(data["gold"])] in best) / max(1, len(best)))
        chosen.append("".join(best) or "?")
    values = {"mc_letter": sum(credits) / len(credits), "mc_letter_all": float(all(credit == 1 for credit in credits))}
    answer = " ".join(chosen)
    if set(chosen) == {"?"}:
        return Scores(values, "unparsed", answer)
    return Scores(values, "correct" if values["mc_letter_all"] else "wrong", answer)
