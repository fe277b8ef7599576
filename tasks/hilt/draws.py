"""Choices by hash: the same seed and path give the same choice on every machine, whatever else was drawn before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def number(seed: int, path: str) -> int:
    """64 bits of the SHA-256 of seed and path."""
    return int(hashlib.sha256(f"{seed}|{path}".encode()).hexdigest()[:16], 16)


def pick(seed: int, path: str, pool: Sequence[T]) -> T:
    """One of `pool`."""
    return pool[number(seed, path) % len(pool)]


def shuffled(seed: int, path: str, items: Sequence[T]) -> list[T]:
    """`items` in the order of hashes of their places."""
    return [items[at] for at in sorted(range(len(items)), key=lambda at: number(seed, f"{path}|{at}"))]


def first_that(is_fit: Callable[[T], bool], make: Callable[[int], T], tries: int = 10_000) -> T:
    """The first of make(0), make(1), ... that fits.

    Raises:
        RuntimeError: none of `tries` does: the pool is too small.
    """
    for attempt in range(tries):
        if is_fit(found := make(attempt)):
            return found
    raise RuntimeError(f"no value fits in {tries} draws: the pool is too small")
