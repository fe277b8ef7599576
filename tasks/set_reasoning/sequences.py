"""Records as token sequences for models from scratch: one layout for every mask.

Expression slots, set listing, SEP, candidates; or, for the readout that writes, ``= element ... END`` after them. Every
part has its fixed places, padded where a problem is shorter; the expression begins at a random slot, so that all slots
are trained by expressions that do not fill them.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal

from tasks.set_reasoning.records import Record, expression_tokens
from tasks.set_reasoning.shape import Mask, NetworkConfig

Readout = Literal["membership", "written"]
IGNORED = -100
SYMBOLS = ("[pad]", "[sep]", "=", "[end]", "(", ")", "&", "|")


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids with a label at the positions that are asked, -100 elsewhere; padding is id 0."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands, and the vocabulary.

    Attributes:
        names: of sets; elements: everything that can be a candidate.
        slots: of the expression; listed: places for set names and their elements, 0 if sets are in the weights.
        candidates: places for them.
        expr_last: the expression stands after the listing instead of before it.
    """

    names: tuple[str, ...]
    elements: tuple[str, ...]
    readout: Readout = "membership"
    expr_last: bool = False
    slots: int = 8
    listed: int = 21
    candidates: int = 9

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Layout:
        """The inverse of `to_json`."""
        return cls(**{**value, "names": tuple(value["names"]), "elements": tuple(value["elements"])})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def words(self) -> tuple[str, ...]:
        """The vocabulary; a token's id is its place."""
        return (*SYMBOLS, *self.names, *self.elements)

    @property
    def first_candidate(self) -> int:
        return self.slots + self.listed + 1

    def network(self, mask: Mask, **sizes: int) -> NetworkConfig:
        """The network for this layout; `sizes` are width, layers, heads."""
        low = len(SYMBOLS)
        start = 0 if self.expr_last else self.slots
        written = self.candidates + 2 if self.readout == "written" else 0
        return NetworkConfig(
            mask=mask,
            vocabulary=len(self.words),
            positions=self.first_candidate + self.candidates + written,
            outputs=2 if self.readout == "membership" else len(self.words),
            prefix=self.first_candidate,
            set_names=(low, low + len(self.names)),
            listing=(start, start + self.listed),
            **sizes,
        )

    def encode(self, record: Record, answer: Collection[str], rng: random.Random) -> Encoded:
        """The sequence of a record.

        Args:
            answer: the elements that are right; labels come from it, and are of no account where a model is asked.
            rng: for the slot at which the expression begins.

        Raises:
            ValueError: a word that is not in the vocabulary, or more of anything than there is room for.
        """
        question = self._room(expression_tokens(record.expr), self.slots, "expression", rng)
        listing = self._room([word for name, items in record.sets.items() for word in (name, *items)], self.listed)
        before = [*listing, *question] if self.expr_last else [*question, *listing]
        candidates = self._room(list(record.candidates), self.candidates, "candidates")
        words = [*before, "[sep]", *candidates]
        labels = [IGNORED] * len(words)
        if self.readout == "membership":
            for at, item in enumerate(record.candidates, start=self.first_candidate):
                labels[at] = int(item in answer)
        else:
            told = [item for item in record.candidates if item in answer]
            labels += [self._id(word) for word in (*told, "[end]")]  # each is told at the token before it
            words += ["=", *told]
        return Encoded(tuple(self._id(word) for word in words), tuple(labels))

    def _room(
        self, words: list[str], room: int, what: str = "listing", rng: random.Random | None = None
    ) -> Sequence[str]:
        if len(words) > room:
            raise ValueError(f"{what} of {len(words)} tokens; this model has room for {room}")
        start = rng.randrange(room - len(words) + 1) if rng is not None else 0
        return ["[pad]"] * start + words + ["[pad]"] * (room - len(words) - start)

    def _id(self, word: str) -> int:
        try:
            return _ids(self)[word]
        except KeyError:
            raise ValueError(f"{word!r} is not in this model's vocabulary") from None


@cache
def _ids(layout: Layout) -> Mapping[str, int]:
    return {word: number for number, word in enumerate(layout.words)}
