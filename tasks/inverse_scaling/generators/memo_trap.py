"""memo-trap: write a known saying, but with another last word. Larger models recite the saying.

The sayings are traditional English proverbs. The control asks for the proverb's own last word.
"""

from __future__ import annotations

import random

from tasks.inverse_scaling.generators.drawing import Twins, Wording, choice, content, phrasing

NAME = "memo-trap"


def draw(rng: random.Random, i: int, wording: Wording) -> Twins:
    words = content("memo_trap")
    part, template = phrasing(rng, words["phrasings"], wording.style)
    number = rng.randrange(len(words["proverbs"]))
    stem, own, kind = words["proverbs"][number]
    other = rng.choice(words["substitutes"][kind])
    position = i % 2
    return Twins(
        choice(NAME, template.format(word=other, stem=stem), f"{other}.", f"{own}.", position, part),
        choice(NAME, template.format(word=own, stem=stem), f"{own}.", f"{other}.", position, part),
        f"proverb{number}",
    )
