"""repetitive-algebra: nine sums with one answer, a tenth with another, then the first answer again.

Larger models repeat the answer of the tenth. In the control the tenth has the first answer too; the other answer stays
as the wrong class.
"""

from __future__ import annotations

import random

from tasks.inverse_scaling.generators.drawing import Twins, Wording, choice, content, phrasing

NAME = "repetitive-algebra"
_SAME = 9  # sums before the odd one


def draw(rng: random.Random, i: int, wording: Wording) -> Twins:
    words = content("repetitive_algebra")
    part, (request, template) = phrasing(rng, words["phrasings"], wording.style)
    often, once = rng.sample(range(13, 100), 2)
    letters = [rng.choice(words["letters"]) for _ in range(_SAME + 2)]
    # where the known number is part of the answer, it is smaller; no sum comes twice
    addends = rng.sample(range(1, often) if "{u}" in template else range(2, 100), _SAME + 2)

    def line(at: int, answer: int) -> str:
        t = addends[at] if "{u}" not in template else min(addends[at], answer - 1)
        return template.format(v=letters[at], t=t, s=answer + t, u=answer - t, big=answer + t)

    def prompt(tenth: int) -> str:
        solved = [f"{line(at, answer)} {answer}" for at, answer in enumerate([often] * _SAME + [tenth])]
        return "\n\n".join([request, *solved, line(_SAME + 1, often)])

    return Twins(
        choice(NAME, prompt(once), str(often), str(once), i % 2, part),
        choice(NAME, prompt(often), str(often), str(once), i % 2, part),
        f"answer{often}",
    )
