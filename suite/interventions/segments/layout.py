"""Where the interchangeable segments of a prompt lie, in tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from suite.errors import UserError


@dataclass(frozen=True, slots=True)
class Layout:
    """A prompt of `prefix` tokens, then segments of these lengths, then a suffix, which is all the rest.

    Attributes:
        prefix: tokens before the first segment, start tokens and the head of a chat template included.
        segments: tokens of each segment, at least one each.

    Raises:
        UserError: no segment, or a segment without tokens.
    """

    prefix: int
    segments: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", tuple(self.segments))
        if self.prefix < 0:
            raise UserError(f"layout: a prefix of {self.prefix} tokens; expected 0 or more")
        if not self.segments:
            raise UserError("layout: no segment; expected at least one")
        for number, length in enumerate(self.segments):
            if length < 1:
                raise UserError(f"layout: segment {number} has {length} tokens; expected at least one")

    @property
    def end(self) -> int:
        """Position of the suffix's first token."""
        return self.prefix + sum(self.segments)

    @property
    def starts(self) -> tuple[int, ...]:
        """Position of each segment's first token."""
        return tuple(accumulate(self.segments[:-1], initial=self.prefix))

    def order(self, tokens: Sequence[int]) -> tuple[int, ...]:
        """The canonical order of the segments of a prompt: lexicographic by token ids; equal ones as they lie."""
        spans = [tuple(tokens[at : at + length]) for at, length in zip(self.starts, self.segments, strict=True)]
        return tuple(sorted(range(len(spans)), key=spans.__getitem__))

    def reordered(self, order: Sequence[int]) -> Layout:
        """The layout with segment ``order[i]`` in place i."""
        return Layout(self.prefix, tuple(self.segments[i] for i in order))

    def sources(self, order: Sequence[int]) -> list[int]:
        """(end,) the place that each token of the reordered prefix and segments comes from."""
        places = list(range(self.prefix))
        for i in order:
            places.extend(range(self.starts[i], self.starts[i] + self.segments[i]))
        return places
