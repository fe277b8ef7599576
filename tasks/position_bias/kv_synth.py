"""Generated key-value retrieval: random UUIDs, one key asked (the task is from Liu et al., 2307.03172)."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence

from tasks.position_bias.items import Item, Segment
from tasks.position_bias.prompts import ends, kv_segment
from tasks.position_bias.words import stream

SHIPPED, K = 100, 50


def kv_items(seed: int = 0, n: int = SHIPPED, k: int = K) -> Iterator[Item]:
    """`n` items of `k` pairs; the asked one is content 0."""
    for index in range(n):
        rng = stream("kv", seed, index)
        pairs = [(_uuid(rng), _uuid(rng)) for _ in range(k)]
        yield retrieval_item(f"kv-{seed}-{index:04}", "uuid", seed, pairs, pairs[0][0], "kv_synth")


def retrieval_item(id: str, template: str, seed: int, pairs: Sequence[tuple[str, str]], key: str, source: str) -> Item:
    """The value of `key` among `pairs`; no gold if the key is not there."""
    segments = tuple(Segment(kv_segment(*pair), is_gold=pair[0] == key) for pair in pairs)
    prefix, suffix = ends("kv", key)
    gold = tuple(value for other, value in pairs if other == key)
    return Item(id, "kv", template, seed, prefix, segments, suffix, gold, {"source": source, "question": key})


def _uuid(rng: random.Random) -> str:
    """Version 4 from our own bits, since ``uuid.uuid4`` cannot be seeded."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
