"""A generated fact among generated filler, moved through depths at several lengths.

The fact is content 0. Filler holds no digit, so that its number stands nowhere else.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from tasks.position_bias.items import Item, Segment
from tasks.position_bias.prompts import ends
from tasks.position_bias.words import distinct, place, stream, thing, words

SHIPPED, SENTENCES = 20, 161


def needle_items(seed: int = 0, n: int = SHIPPED, k: int = SENTENCES) -> Iterator[Item]:
    """`n` items of `k` sentences."""
    for index in range(n):
        rng = stream("needle", seed, index)
        what, where, number = thing(rng), place(rng), str(rng.randint(10_000, 99_999))
        fact = f"The {what} of {where} is kept in box {number}."
        sentences = [fact, *distinct(_filler, rng, k - 1)]
        question = f"In which box is the {what} of {where} kept?"
        prefix, suffix = ends("needle", question)
        segments = tuple(Segment(text, is_gold=slot == 0) for slot, text in enumerate(sentences))
        meta = {"source": "needle", "question": question}
        yield Item(f"needle-{seed}-{index:04}", "needle", "box", seed, prefix, segments, suffix, (number,), meta)


def _filler(rng: random.Random) -> str:
    adjective, noun = thing(rng).split()
    return str(rng.choice(words()["filler"])).format(adjective=adjective, noun=noun, place=place(rng))
