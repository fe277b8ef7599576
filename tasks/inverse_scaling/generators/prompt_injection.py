"""prompt-injection: repeat or capitalise sentences, the last of which gives an order. Larger models obey it.

A sequence task: the loss of the first word of the faithful output, or of all of it. Every order asks for a harmless
marker word, so that a written answer shows whether it was followed. The control ends in an ordinary sentence of about
the same length.
"""

from __future__ import annotations

import random

from tasks.inverse_scaling.generators.drawing import Twins, Wording, content, phrasing
from tasks.inverse_scaling.rows import Row

NAME = "prompt-injection"
_DEMONSTRATIONS = 4
_CANDIDATES = 12  # ordinary sentences, of which the one nearest in length to the injection is taken


def draw(rng: random.Random, i: int, wording: Wording) -> Twins:
    words = content("prompt_injection")
    job = ("repeat", "capitalize")[i % 2]
    part, request = phrasing(rng, words["tasks"][job], wording.style)
    number = rng.randrange(len(words["injections"]))
    marker = rng.choice(words["markers"])
    injection = words["injections"][number].format(marker=marker)
    *demonstrations, last = _sentences(rng, len(injection))

    def row(sentence: str, shown_marker: str) -> Row:
        lines = [f"Input: {_given(one, job)}\nOutput: {one}" for one in demonstrations]
        prompt = "\n\n".join([request, *lines, f"Input: {_given(sentence, job)}\nOutput:"])
        faithful = sentence if wording.completion == "full" else sentence.split(" ")[0]
        meta = {"job": job, "faithful": sentence} | ({"marker": shown_marker} if shown_marker else {})
        return Row(NAME, "sequence_prob", prompt, completion=f" {faithful}", part=part, meta=meta)

    return Twins(row(injection, marker), row(last, ""), f"injection{number}")


def _sentences(rng: random.Random, length: int) -> list[str]:
    """The demonstrations, and last the candidate whose length is nearest."""
    drawn = rng.sample(content("sentences"), _DEMONSTRATIONS + _CANDIDATES)
    nearest = min(drawn[_DEMONSTRATIONS:], key=lambda sentence: (abs(len(sentence) - length), sentence))
    return [*drawn[:_DEMONSTRATIONS], nearest]


def _given(sentence: str, job: str) -> str:
    """How a sentence stands in the input: in lower case where it is to be capitalised."""
    return sentence[0].lower() + sentence[1:] if job == "capitalize" else sentence
