"""Small pictures of gradients, discs, gratings and strokes: each is wanted from its four times coarser copy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.attention_patterns.generators import generator
from tasks.attention_patterns.records import Part, Record

SCALE = 4  # how many times coarser the given picture is, along each side of the small size


@dataclass(frozen=True, slots=True)
class SrTexture:
    """One token a pixel of the large picture; given is the coarse one, each pixel repeated.

    Attributes:
        side: of the large picture, in pixels.
        scale: how many times smaller the given side is.
    """

    side: int = 32
    scale: int = SCALE
    tokens: int = 0
    channels: int = 3

    @property
    def longest(self) -> tuple[int, int]:
        return self.side**2, self.side**2

    def record(self, part: Part, seed: int, index: int) -> Record:
        picture = _picture(self.side, generator("sr_texture", part, seed, index))
        return record_of_picture(picture, self.scale)


def record_of_picture(picture: np.ndarray, scale: int) -> Record:
    """The record of a picture (side, side, 3) of bytes: its means over squares of `scale` pixels are given."""
    side = len(picture)
    exact = picture.astype(np.float32) / 255
    coarse = exact.reshape(side // scale, scale, side // scale, scale, 3).mean(axis=(1, 3))
    given = np.round(coarse.repeat(scale, axis=0).repeat(scale, axis=1) * 255) / 255
    rows, columns = np.divmod(np.arange(side * side), side)
    at = np.stack([rows, columns], axis=1).astype(np.float32)
    scored = np.ones(side * side, dtype=bool)
    return Record(given.reshape(-1, 3).astype(np.float32), exact.reshape(-1, 3), scored, at, at)


def _picture(side: int, rng: np.random.Generator) -> np.ndarray:
    """(side, side, 3) bytes: a gradient with two or three things on it."""
    y, x = np.mgrid[0:side, 0:side] / side
    first, second = rng.random((2, 3))
    angle = 2 * np.pi * rng.random()
    ramp = (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5) + 0.75) / 1.5
    picture = first + (second - first) * ramp[..., None]
    for _ in range(int(rng.integers(2, 4))):
        mask = (_disc, _grating, _stroke)[int(rng.integers(3))](x, y, rng)
        picture = picture + mask[..., None] * (rng.random(3) - picture)
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def _disc(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    centre, radius = rng.random(2), rng.uniform(0.1, 0.35)
    return _soft(radius - np.hypot(x - centre[0], y - centre[1]), len(x))


def _grating(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    angle, waves, phase = np.pi * rng.random(), rng.uniform(2, 6), rng.random()
    wave: np.ndarray = np.sin(2 * np.pi * (waves * (np.cos(angle) * x + np.sin(angle) * y) + phase))
    return 0.25 + 0.25 * wave


def _stroke(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A line between two points, as in a letter."""
    (ax, ay), (bx, by) = rng.random((2, 2))
    length = max((bx - ax) ** 2 + (by - ay) ** 2, 1e-6)
    along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length, 0, 1)
    return _soft(0.05 - np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay)), len(x))


def _soft(inside: np.ndarray, side: int) -> np.ndarray:
    """A distance to an edge as coverage, one pixel wide."""
    covered: np.ndarray = np.clip(inside * side + 0.5, 0, 1)
    return covered
