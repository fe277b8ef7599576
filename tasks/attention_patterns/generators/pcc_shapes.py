"""Points on a surface of which one half is cut away: the missing half is wanted from what is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.attention_patterns.generators import generator, rounded
from tasks.attention_patterns.records import Part, Record, places

SHAPES = ("sphere", "box", "torus", "cone", "cylinder")


@dataclass(frozen=True, slots=True)
class PccShapes:
    """`given` points of one side of a plane, `missing` points of the other.

    Both are random samples of their side, in random order: the metrics are of sets.
    """

    given: int = 128
    missing: int = 256
    tokens: int = 0
    channels: int = 3

    @property
    def longest(self) -> tuple[int, int]:
        return self.given, self.missing

    def record(self, part: Part, seed: int, index: int) -> Record:
        rng = generator("pcc_shapes", part, seed, index)
        points = _surface(SHAPES[int(rng.integers(len(SHAPES)))], 2 * self.missing, rng)
        direction = rng.standard_normal(3)
        order = np.argsort(points @ (direction / np.linalg.norm(direction)), kind="stable")
        kept, cut = rng.permutation(order[: self.missing])[: self.given], rng.permutation(order[self.missing :])
        points = rounded(points)
        scored = np.ones(self.missing, dtype=bool)
        return Record(points[kept], points[cut], scored, places(self.given), places(self.missing))


def _surface(shape: str, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 3) points within half a unit of the centre, with random proportions."""
    if shape == "sphere":
        points = rng.standard_normal((count, 3))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    elif shape == "box":
        points = rng.uniform(-1, 1, (count, 3))
        points[np.arange(count), rng.integers(3, size=count)] = rng.choice([-1.0, 1.0], size=count)
    else:
        around, along = 2 * np.pi * rng.random(count), rng.uniform(-1, 1, count)
        if shape == "torus":
            tube = np.pi * along
            radius, height = 0.65 + 0.35 * np.cos(tube), 0.35 * np.sin(tube)
        elif shape == "cone":
            height = 1 - 2 * np.sqrt(rng.random(count))
            radius = (1 - height) / 2
        else:
            radius, height = np.ones(count), along
        points = np.stack([radius * np.cos(around), radius * np.sin(around), height], axis=1)
    scaled: np.ndarray = 0.5 * points * rng.uniform(0.5, 1.0, 3) / np.abs(points).max()
    return scaled
