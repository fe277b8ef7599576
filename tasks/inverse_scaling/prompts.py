"""What a row's prompt becomes: examples before it, its options the other way round, a last line for chat models."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from suite.errors import UserError
from suite.task import Generate, Loglikelihood, ModelInfo, Prompt, Request
from tasks.inverse_scaling.rows import Answer, Pair, Row, Variant

BETWEEN_SHOTS = "\n\n\n"  # as in the k-shot versions of the release
TOP = 20  # alternatives to the first token; servers give no more
_TOKENS, _LINE_TOKENS, _REASONING_TOKENS = 16, 64, 4096
_SUFFIXES: Mapping[Answer, str] = {
    "letter": "Answer with the letter only.",
    "yes_no": "Answer with Yes or No only.",
    "y_n": "Answer with Y or N only.",
    "number": "Answer with the number only.",
    "rounded": "Answer with the number only.",
    "symbol": "Answer with the single next symbol only.",
    "word": "Answer with the single next word only.",
    "sequence": "Answer with the output line only.",
}
_MISSING_WORD = "Answer with the missing word only."


def with_shots(pair: Pair, row: Row, variant: Variant, pool: Sequence[Pair], shots: int) -> str:
    """The prompt with `shots` other rows of `pool` before it, each with its right answer.

    Drawn without replacement, seeded by the pair's id; never the pair itself or a row with the same prompt.
    """
    return "".join(f"{text}{BETWEEN_SHOTS}" for text in _shots(pair, row, variant, pool, shots)) + row.prompt


def _shots(pair: Pair, row: Row, variant: Variant, pool: Sequence[Pair], shots: int) -> list[str]:
    generator = random.Random(f"shots:{pair.id}")  # noqa: S311
    texts: list[str] = []
    tried: set[int] = set()
    while len(texts) < shots and len(tried) < len(pool):
        at = generator.randrange(len(pool))
        other = pool[at].rows[variant]
        if at not in tried and pool[at].id != pair.id and other.prompt != row.prompt:
            texts.append(other.prompt + other.gold)
        tried.add(at)
    if len(texts) < shots:
        raise UserError(
            f"shots {shots}: only {len(texts)} rows of {row.subtask} differ from {pair.id}; ask fewer shots"
        )
    return texts


def swapped(row: Row) -> Row | None:
    """The row with its lettered options in reverse order; None if it has none."""
    if row.answer != "letter":
        return None
    lines = row.prompt.split("\n")
    places = [at for at, line in enumerate(lines) if re.match(r"[A-H]\. ", line)][-len(row.classes) :]
    if len(places) < len(row.classes):
        return None
    texts = [lines[at][3:] for at in places]
    for at, text in zip(places, reversed(texts), strict=True):
        lines[at] = lines[at][:3] + text
    last = len(row.classes) - 1
    trap = None if row.trap_index is None else last - row.trap_index
    return replace(row, prompt="\n".join(lines), answer_index=last - row.answer_index, trap_index=trap)


def loglikelihood_requests(row: Row, prompt: str) -> tuple[Request, ...]:
    """All answers after the prompt in one request; log-odds rows also after the other prompt.

    A prompt that is too long for the model's window loses its beginning, never an answer.
    """
    answers = row.classes or (row.completion,)
    asked = Loglikelihood(prompt, answers, is_cut_to_fit=True)
    if row.kind in ("logodds", "absolute_logodds"):
        shots = prompt.removesuffix(row.prompt)
        return asked, replace(asked, context=shots + row.other_prompt)
    return (asked,)


def written_request(row: Row, prompt: str, model: ModelInfo, max_tokens: int | None) -> Generate:
    """The row as a question to be answered in writing, greedily."""
    if max_tokens is None:
        max_tokens = _LINE_TOKENS if row.answer == "sequence" else _TOKENS
        max_tokens = _REASONING_TOKENS if model.extra.get("reasoning_effort") else max_tokens
    return Generate(_asked(row, prompt, model), stop=_stop(model), max_tokens=max_tokens)


def first_token_request(row: Row, prompt: str, model: ModelInfo) -> Generate:
    """The row as a question of which the alternatives to the first token count."""
    return Generate(_asked(row, prompt, model), max_tokens=1, top_logprobs=TOP)


def _asked(row: Row, prompt: str, model: ModelInfo) -> Prompt:
    if "chat" not in model.capabilities:
        return prompt
    suffix = _MISSING_WORD if row.subtask == "memo-trap" else _SUFFIXES[row.answer]
    return (("user", f"{prompt}\n\n{suffix}"),)


def _stop(model: ModelInfo) -> tuple[str, ...]:
    """Base models go on with the next question after a line break; chat models end by themselves."""
    return () if "chat" in model.capabilities else ("\n",)
