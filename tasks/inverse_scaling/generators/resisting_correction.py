"""resisting-correction: repeat a sentence that has a flaw. Larger models mend it.

Four flaws: two letters swapped, a plural after "a", a near-synonym in a proverb, a wrong number in a known fact. The
prompt stops before the flawed token. The control has the sentence without the flaw.
"""

from __future__ import annotations

import random
import re

from tasks.inverse_scaling.generators.drawing import Twins, Wording, choice, content, phrasing

NAME = "resisting-correction"
KINDS = ("swap", "plural", "synonym", "number")
_DEMONSTRATIONS = 2
_WORD = re.compile(r"[a-z]{4,}")
_PLURALS = {"loaf": "loaves", "wolf": "wolves"}


def draw(rng: random.Random, i: int, wording: Wording) -> Twins | None:
    words, sentences = content("resisting_correction"), content("sentences")
    part, (request, given, copied) = phrasing(rng, words["phrasings"], wording.style)
    flaw = rng.choices(KINDS, weights=(5, 3, 1, 1))[0]  # proverbs and facts are few, and soon used up
    found = _drawn(rng, flaw)
    if found is None:
        return None
    before, right, flawed, after, cluster = found
    others = [sentence for sentence in sentences if not sentence.startswith(before)]
    demonstrations = rng.sample(others, _DEMONSTRATIONS)

    def prompt(token: str) -> str:
        shown = "".join(f"{given}: {one}\n{copied}: {one}\n\n" for one in demonstrations)
        return f"{request}\n\n{shown}{given}: {' '.join(filter(None, (before, token, after)))}\n{copied}: {before}"

    meta = {"flaw": flaw}
    return Twins(
        choice(NAME, prompt(flawed), flawed, right, i % 2, part, meta),
        choice(NAME, prompt(right), right, flawed, i % 2, part, meta),
        cluster,
    )


def _drawn(rng: random.Random, flaw: str) -> tuple[str, str, str, str, str] | None:
    """(text before, right token, flawed token, text after, cluster)."""
    words = content("resisting_correction")
    if flaw == "synonym":
        number = rng.randrange(len(words["proverbs"]))
        before, right, flawed, after = words["proverbs"][number]
        return before, right, flawed, after, f"proverb{number}"
    if flaw == "number":
        number = rng.randrange(len(words["facts"]))
        before, right, after = words["facts"][number]
        wrong = int(right) + rng.choice((-1, 1)) * rng.randrange(1, max(3, int(right) // 3))
        return (before, right, str(wrong), after, f"fact{number}") if wrong > 1 else None
    number = rng.randrange(len(content("sentences")))
    tokens = content("sentences")[number].split(" ")
    at = len(tokens) - 1 if flaw == "plural" else rng.randrange(1, len(tokens))
    right = tokens[at]
    flawed = f"{plural(right[:-1])}." if flaw == "plural" else _swapped(rng, right)
    if not flawed:
        return None
    return " ".join(tokens[:at]), right, flawed, " ".join(tokens[at + 1 :]), f"sentence{number}"


def _swapped(rng: random.Random, token: str) -> str:
    """The token with two different neighbouring letters exchanged, the first one left alone; "" if it has none."""
    match = _WORD.match(token)
    places = [at for at in range(1, match.end() - 1) if token[at] != token[at + 1]] if match else []
    if not places:
        return ""
    at = rng.choice(places)
    return token[:at] + token[at + 1] + token[at] + token[at + 2 :]


def plural(noun: str) -> str:
    """The plural of a regular noun, or of one of the irregular ones that end our sentences."""
    if noun in _PLURALS:
        return _PLURALS[noun]
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return noun + ("es" if noun.endswith(("s", "x", "sh", "ch")) else "s")
