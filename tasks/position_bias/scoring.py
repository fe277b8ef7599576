"""From responses to the scores of one sample; all metrics can be computed from them.

Scores: `correct` (0 or 1; None for identical pairs, which have no right answer), `invalid`, `predicted_slot` and
`predicted_content` (numbers, None if invalid); likelihoods of options and verdicts add `p_slot_0`, `p_slot_1`, ...
(probability of what stands in each slot, renormalised), judges `logit_first`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from hashlib import sha256

from suite.task import ContinuationScore, Loglikelihood, Outcome, Response, Scores, Text
from tasks.position_bias import parsing
from tasks.position_bias.items import Item
from tasks.position_bias.permutations import Order
from tasks.position_bias.prompts import LabelMode, label_of, pair

Values = dict[str, float | None]


def continuations(item: Item, order: Order, labels: LabelMode) -> tuple[str, ...]:
    """What is scored after the prompt: letters in two spellings, verdicts, or the candidates themselves."""
    contents = [item.segments[content].text for content in order]
    match item.family:
        case "mcq" if labels != "none":
            letters = sorted(_letters(item, order, labels))
            return (*(f" {letter}" for letter in letters), *letters)
        case "mcq":
            return tuple(f" {text}" for text in sorted(contents))
        case "judge" if labels != "none":
            return tuple(sorted(_letters(item, order, labels)))
        case "judge":
            return tuple(f"\n{text}" for text in sorted(set(contents)))
        case "kv":
            return tuple(f" {value}" for value in sorted(pair(text)[1] for text in contents))
        case "premise":
            return tuple(f" {value}" for value in sorted({*item.gold, *item.meta["wrong"]}, key=float))
        case _:
            raise ValueError(f"{item.family} is asked in mode generate only")


def score_likelihood(item: Item, order: Order, labels: LabelMode, request: Loglikelihood, response: Response) -> Scores:
    """Scores of the candidates' log-probabilities; ties go to a content by its hash, never to a slot."""
    by_text = dict(zip(request.continuations, response.scores, strict=True))
    if item.family == "premise":
        best = _best({text.strip(): score.logprob for text, score in by_text.items()}, item.id)
        return _scores(best in item.gold, best, {"gold_logprob": by_text[f" {item.gold[0]}"].logprob})
    if item.family == "kv":
        values = [pair(segment.text)[1] for segment in item.segments]
        best = _best({value: by_text[f" {values[content]}"].logprob for content, value in enumerate(values)}, item.id)
        chosen = values.index(best)
        found: Values = {"gold_logprob": by_text[f" {item.gold[0]}"].logprob}
        return _scores(best in item.gold, best, found | _placed(order, chosen))
    nats = _nats_of_contents(item, order, labels, by_text)
    total = _logsumexp(list(nats.values()))
    chosen = int(_best({str(content): value for content, value in nats.items()}, item.id, _texts(item)))
    found = {f"p_slot_{slot}": math.exp(nats[content] - total) for slot, content in enumerate(order)}
    if item.family == "judge":
        found["logit_first"] = nats[order[0]] - nats[order[1]]
    return _choice(item, order, chosen, found)


def score_text(item: Item, order: Order, labels: LabelMode, text: Text) -> Scores:
    """Scores of a written answer."""
    match item.family:
        case "mcq" | "judge":
            return _score_choice(item, order, labels, text)
        case "premise":
            number = parsing.final_number(text.text)
            right = number.value is not None and float(number.value) == float(item.gold[0])
            found: Values = {"fallback": float(number.fallback)}
            return _scores(right, number.value, found, _outcome(right, number.value is None, text))
        case _:
            return _score_retrieval(item, order, text)


def _score_choice(item: Item, order: Order, labels: LabelMode, text: Text) -> Scores:
    contents = [item.segments[content].text for content in order]
    found: Values = {}
    slot: int | None
    if labels == "none":
        slot = parsing.chosen_text(text.text, contents)
    else:
        letters = _letters(item, order, labels)
        if item.family == "judge":
            said = parsing.verdict(text.text)
            letter, found = said.letter, {"both_verdicts": float(said.both)}
        else:
            letter = parsing.chosen_letter(text.text, letters, contents)
        slot = letters.index(letter) if letter is not None else None
    return _choice(item, order, None if slot is None else order[slot], found, text)


def _score_retrieval(item: Item, order: Order, text: Text) -> Scores:
    """Documents, pairs and the needle: what occurs in the text counts, so that only an empty answer is invalid."""
    found: Values = {
        "best_subspan_em": float(parsing.best_subspan_em(text.text, item.gold)),
        "subspan_token": float(parsing.subspan_token(text.text, item.gold)),
    }
    right = bool(found["best_subspan_em"])
    if item.family == "kv":
        values = [pair(item.segments[content].text)[1] for content in order]
        named = parsing.values_in(text.text, values)
        right = any(values[slot] in item.gold for slot in named)
        found["kv_exclusive"] = float(right and len(named) == 1)
        found |= _placed(order, order[named[0]] if len(named) == 1 else None)
    is_empty = not text.text.strip()
    answer = text.text.strip() if item.family == "kv" else parsing.first_line(text.text).strip()
    return _scores(right, None if is_empty else answer, found, _outcome(right, is_empty, text))


def _choice(item: Item, order: Order, chosen: int | None, found: Values, text: Text | None = None) -> Scores:
    """Scores of the choice of a content; None: there is no choice, or not one."""
    right = None if item.gold_index is None else chosen == item.gold_index
    answer = None if chosen is None else item.segments[chosen].text
    outcome = None
    if text is not None and (chosen is None or right is not None):
        outcome = _outcome(bool(right), chosen is None, text)
    return _scores(right, answer, found | _placed(order, chosen), outcome)


def _scores(right: bool | None, answer: str | None, found: Values, outcome: Outcome | None = None) -> Scores:
    values: Values = {"correct": None if right is None else float(right), "invalid": float(answer is None), **found}
    return Scores(values, outcome or ("scored" if right is None else "correct" if right else "wrong"), answer)


def _placed(order: Order, content: int | None) -> Values:
    return {"predicted_slot": None if content is None else order.index(content), "predicted_content": content}


def _outcome(right: bool, invalid: bool, text: Text) -> Outcome:
    if not invalid:
        return "correct" if right else "wrong"
    if text.finish in ("refusal", "content_filter"):
        return "refusal"
    return "truncated" if text.finish == "length" else "unparsed" if text.text.strip() else "no_answer"


def _letters(item: Item, order: Order, labels: LabelMode) -> list[str]:
    """The label shown in each slot."""
    return [label_of(item, content, slot, labels) or "" for slot, content in enumerate(order)]


def _texts(item: Item) -> dict[str, str]:
    return {str(content): segment.text for content, segment in enumerate(item.segments)}


def _nats_of_contents(
    item: Item, order: Order, labels: LabelMode, by_text: Mapping[str, ContinuationScore]
) -> dict[int, float]:
    """Log-score of each content: of its label, or per token of its own text."""
    if labels == "none":
        lead = " " if item.family == "mcq" else "\n"
        scored = {content: by_text[lead + item.segments[content].text] for content in order}
        return {content: score.logprob / score.tokens for content, score in scored.items()}
    letters = _letters(item, order, labels)
    nats = _letter_nats(letters, by_text)
    return {content: nats[letter] for content, letter in zip(order, letters, strict=True)}


def _letter_nats(letters: Sequence[str], by_text: Mapping[str, ContinuationScore]) -> dict[str, float]:
    """Log-probability of each letter over its spellings with and without a space.

    A spelling counts if it is one token for every letter; two spellings that are the same token, which shows in equal
    log-probabilities of all letters, count once. Where none is a single token, the first spelling asked stands.
    """
    spellings = [[by_text[lead + letter] for letter in letters] for lead in (" ", "") if lead + letters[0] in by_text]
    single = [row for row in spellings if all(score.tokens == 1 for score in row)] or spellings[:1]
    if len(single) == 2 and all(a.logprob == b.logprob for a, b in zip(*single, strict=True)):
        single = single[:1]
    columns = zip(*single, strict=True)
    return {
        letter: _logsumexp([score.logprob for score in column]) for letter, column in zip(letters, columns, strict=True)
    }


def _best(nats: Mapping[str, float], salt: str, texts: Mapping[str, str] | None = None) -> str:
    """The key of the highest value; of equal ones, by a hash of the item and the text, the same in every order."""
    texts = texts or {}
    top = max(nats.values())
    tied = [key for key, value in nats.items() if value == top]
    return min(tied, key=lambda key: sha256(f"{salt}/{texts.get(key, key)}".encode()).hexdigest())


def _logsumexp(values: Sequence[float]) -> float:
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values))
