"""One record type for generated and real data, and batches of records: what the backbone reads and must produce."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    import torch

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One sample of a task.

    Attributes:
        source: (N,) token ids or (N, C) values that are given.
        target: (M,) token ids or (M, C) values that are wanted.
        scored: (M,) which places of the target count.
        source_at, target_at: (N, P) and (M, P) coordinates of the places (time; row and column), P >= 1.
        distance: tokens between a scored place and the nearest thing that decides it; 0 where that has no meaning.
    """

    source: np.ndarray
    target: np.ndarray
    scored: np.ndarray
    source_at: np.ndarray
    target_at: np.ndarray
    distance: int = 0


class Source(Protocol):
    """Where records come from: a generator or files; every call with the same arguments gives the same record.

    Attributes:
        tokens: size of the vocabulary; 0 where the source is values.
        channels: values a place; 0 where source and target are tokens.
    """

    @property
    def tokens(self) -> int: ...

    @property
    def channels(self) -> int: ...

    @property
    def longest(self) -> tuple[int, int]:
        """Places of the longest source and of the longest target."""
        ...

    def record(self, part: Part, seed: int, index: int) -> Record:
        """The record of a part; `seed` chooses among draws, and for files the order."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Records side by side, padded to the longest.

    Attributes:
        source: (B, N) or (B, N, C); target: (B, M) or (B, M, C).
        source_at: (B, N, P); target_at: (B, M, P).
        source_padding, target_padding: (B, N) and (B, M), True where there is nothing; None where nothing is padded.
        scored: (B, M).
    """

    source: torch.Tensor
    target: torch.Tensor
    source_at: torch.Tensor
    target_at: torch.Tensor
    source_padding: torch.Tensor | None
    target_padding: torch.Tensor | None
    scored: torch.Tensor


def collate(records: Sequence[Record], device: str = "cpu") -> Batch:
    """The batch of some records, in their order."""

    def stacked(arrays: Sequence[np.ndarray]) -> torch.Tensor:
        import torch

        longest = max(len(array) for array in arrays)
        padded = [np.pad(array, [(0, longest - len(array))] + [(0, 0)] * (array.ndim - 1)) for array in arrays]
        return torch.from_numpy(np.stack(padded)).to(device)

    def padding(arrays: Sequence[np.ndarray]) -> torch.Tensor | None:
        if len({len(array) for array in arrays}) == 1:
            return None
        return stacked([np.ones(len(array), dtype=bool) for array in arrays]).logical_not()

    return Batch(
        source=stacked([record.source for record in records]),
        target=stacked([record.target for record in records]),
        source_at=stacked([record.source_at for record in records]),
        target_at=stacked([record.target_at for record in records]),
        source_padding=padding([record.source for record in records]),
        target_padding=padding([record.target for record in records]),
        scored=stacked([record.scored for record in records]),
    )


def places(count: int, start: int = 0) -> np.ndarray:
    """(count, 1) consecutive coordinates."""
    return np.arange(start, start + count, dtype=np.float32)[:, None]
