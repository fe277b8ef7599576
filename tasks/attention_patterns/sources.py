"""Where the records of a task come from: its generator, or real data of the same form."""

from __future__ import annotations

import importlib
from typing import Any

from tasks.attention_patterns.records import Source
from tasks.attention_patterns.twins import TWINS


def source_of(task: str, size: str, place: str | None, length: int | None = None) -> Source:
    """The source of records of a task.

    Args:
        place: real data, a path or a hub id; None: the generated twin.
        length: of a language model's texts, where it is not that of the size.

    Raises:
        DataMissing: there is nothing at `place`, with the file wanted and where to get it.
        UserError: what is there is faulty.
    """
    twin = TWINS[task]
    shape: dict[str, Any] = dict(twin.sizes[size])  # type: ignore[index]
    if length is not None:
        shape["length"] = length
    module = importlib.import_module(f"tasks.attention_patterns.generators.{task}")
    generated: Source = getattr(module, twin.generator)(**shape)
    if place is None:
        return generated
    from tasks.attention_patterns.real import read

    return read(task, place, generated)
