"""into-the-unknown: which of two statements would explain what happened? Larger models pick the one already known.

The control asks which of the two is known.
"""

from __future__ import annotations

import random

from tasks.inverse_scaling.generators.drawing import Twins, Wording, by_letter, content, lettered, ordered, phrasing

NAME = "into-the-unknown"


def draw(rng: random.Random, i: int, wording: Wording) -> Twins:
    words = content("into_the_unknown")
    part, (story, which_helps, which_known, ending) = phrasing(rng, words["phrasings"], wording.style)
    number = rng.randrange(len(words["frames"]))
    frame = words["frames"][number]
    filling = {"name": rng.choice(content("people")), "item": rng.choice(frame["items"])}
    context, question, known, reason = (
        frame[key].format(**filling) for key in ("context", "question", "known", "reason")
    )
    position = i % 2  # of the reason
    head = story.format(context=context, question=question)
    tail = ending.format(options=lettered(ordered(reason, [known], position)))
    return Twins(
        by_letter(NAME, head + which_helps + tail, 2, position, 1 - position, part),
        by_letter(NAME, head + which_known + tail, 2, 1 - position, position, part),
        f"frame{number}",
    )
