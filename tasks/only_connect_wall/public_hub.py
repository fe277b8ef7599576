"""The public walls from the Hugging Face hub, through `datasets`; imported only when an id of the hub is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.errors import UserError


def hub_rows(source: str, splits: Sequence[str], raw: str = "") -> list[Any]:
    """The walls of `splits`, one after the other.

    Args:
        source: id of a data set of the hub.
        raw: name of its JSON file for a split, for ids whose loading script is refused; else Parquet or what the hub
            makes of the files.

    Raises:
        UserError: the hub or the data set cannot be reached; names what can be given instead.
    """
    import datasets

    rows: list[Any] = []
    for split in splits:
        try:
            if raw:
                file = f"hf://datasets/{source}/{raw.format(split=split)}"
                loaded = datasets.load_dataset("json", data_files=file, field="dataset", split="train")  # type: ignore[attr-defined]
            else:
                loaded = datasets.load_dataset(source, split=split)  # type: ignore[attr-defined]
        except Exception as error:  # what the hub's client raises differs between its releases
            reason = str(error).split("\n")[0][:200]
            raise UserError(
                f"{source}, split {split}: not to be had from the hub ({type(error).__name__}: {reason}); download its "
                "files and give the path of the file or folder instead, e.g. --data OCW/dataset/test.json"
            ) from None
        rows += loaded.to_list()
    return rows
