"""pattern-matching-suppression: a series that is said to end unexpectedly. Larger models go on with the pattern.

Patterns AB, AABB and ABC over letters, digits and words, 4 to 12 long. The control says that it ends as expected.
"""

from __future__ import annotations

import random

from tasks.inverse_scaling.generators.drawing import Twins, Wording, choice, content, phrasing

NAME = "pattern-matching-suppression"
_LENGTHS = range(4, 13)


def draw(rng: random.Random, i: int, wording: Wording) -> Twins:
    words = content("pattern_matching_suppression")
    pattern = rng.choice(sorted(words["phrasings"]))
    part, (opening, unexpected, expected) = phrasing(rng, words["phrasings"][pattern], wording.style)
    symbols = rng.sample(rng.choice(words["alphabets"]), len(set(pattern)))
    n = rng.choice(_LENGTHS)
    series = [symbols[ord(pattern[at % len(pattern)]) - ord("A")] for at in range(n)]
    *shown, regular = series
    # of three symbols two would break the pattern; repeating the last one is the plainer break
    broken = next(symbol for symbol in (shown[-1], *symbols) if symbol != regular)
    start = opening.format(n=n, symbols=" ".join(symbols) if wording.style == "prize" else _listed(symbols))
    line = f"\n{', '.join(shown)},"
    return Twins(
        choice(NAME, start + unexpected + line, broken, regular, i % 2, part),
        choice(NAME, start + expected + line, regular, broken, i % 2, part),
        f"{pattern}-{n}",
    )


def _listed(symbols: list[str]) -> str:
    return f"{', '.join(symbols[:-1])} and {symbols[-1]}"
