"""Wording of the prompts of track nd beyond the queries themselves: context, lettered choice, chat."""

from __future__ import annotations

import re
from collections.abc import Sequence

from suite.task import Chat
from tasks.reversal_curse.controls import LETTERS
from tasks.reversal_curse.matching import contains

COMPLETE = "Complete the last sentence. Reply with nothing but the words that are missing at its end."
CHOOSE = "Reply with nothing but the letter of the right answer."

_LETTER = re.compile(
    r"\W*(?:(?:the )?(?:correct |right |best )?(?:answer|option|choice)(?: is)?\W*)?(?-i:([A-D]))(?=\W*$|[.):,\]*\n])",
    re.IGNORECASE,
)


def with_context(sentences: Sequence[str], prompt: str) -> str:
    """Trained sentences, one a line, and then the query."""
    return "\n".join([*sentences, prompt])


def lettered(prompt: str, options: Sequence[str]) -> str:
    """The query as a choice of four; the answer is a letter after a space."""
    lines = [f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=True)]
    return "\n".join([f'Which of these completes the sentence "{prompt} ..."?', *lines, "Answer:"])


def asked_of_chat(instruction: str, text: str) -> Chat:
    """For a chat model that was not trained on the facts: it must be told what to do with half a sentence."""
    return (("system", instruction), ("user", text))


def asked_as_trained(prompt: str) -> Chat:
    """For a chat model fine-tuned on (prompt, completion) pairs: the prompt as it stood in training."""
    return (("user", prompt),)


def read_letter(text: str, options: Sequence[str]) -> str | None:
    """The letter that an answer names at its beginning, or by the one option that it holds; None if neither."""
    match = _LETTER.match(text.strip())
    if match:
        return match.group(1)
    named = [letter for letter, option in zip(LETTERS, options, strict=True) if contains(text, option)]
    return named[0] if len(named) == 1 else None
