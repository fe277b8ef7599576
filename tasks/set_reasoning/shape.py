"""Sizes of a network from scratch, and what its positions see; light, since options and layouts need it too."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Mask = Literal["encoder", "decoder", "prefix"]


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Sizes, and what sees what.

    Attributes:
        prefix: positions that see each other under the mask "prefix"; what follows them is causal.
        outputs: classes that each position is read as.
        set_names: range of token ids that are names of sets; listing: range of positions that list sets. The segment
            of a listed token is the set whose name came last before it; other tokens have segment 0.
    """

    mask: Mask
    vocabulary: int
    positions: int
    outputs: int
    prefix: int = 0
    set_names: tuple[int, int] = (0, 0)
    listing: tuple[int, int] = (0, 0)
    width: int = 64
    layers: int = 3
    heads: int = 4

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> NetworkConfig:
        """The inverse of `to_json`."""
        pairs = {key: tuple(value[key]) for key in ("set_names", "listing")}
        return cls(**{**value, **pairs})
