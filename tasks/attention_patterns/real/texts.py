"""Where texts lie: a folder of text files or Parquet, a file of JSON lines, or a data set of the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from suite.errors import UserError
from suite.jsonl import read_jsonl, read_text
from tasks.attention_patterns.real import DataMissing
from tasks.attention_patterns.records import Part

Rows = Mapping[Part, Sequence[Mapping[str, Any]]]
_SPLITS: Mapping[Part, str] = {"train": "train", "validation": "validation", "test": "test"}


def read_rows(place: str, columns: Sequence[str], advice: str, most: int) -> Rows:
    """Rows with the given columns of text, by part.

    Args:
        place: a folder with train, validation and test: subfolders of ``*.txt`` (one column), ``*.parquet``, or
            ``PART.jsonl``; or else a hub id, OWNER/NAME.
        advice: where the data is to be had, for messages.
        most: rows read of each part.

    Raises:
        DataMissing: neither; or the hub cannot be reached.
        UserError: a part or column is missing.
    """
    folder = Path(place).expanduser()
    if folder.is_dir():
        return {part: _local(folder, split, columns, advice, most) for part, split in _SPLITS.items()}
    if folder.exists() or place.count("/") > 1 or place.startswith((".", "/", "~")):
        raise DataMissing(f"{place}: no such folder; {advice}")
    return _hub(place, columns, advice, most)


def _local(folder: Path, split: str, columns: Sequence[str], advice: str, most: int) -> list[dict[str, Any]]:
    texts = sorted((folder / split).glob("*.txt"))[:most] if len(columns) == 1 else []
    tables = sorted([*folder.glob(f"{split}*.parquet"), *(folder / split).glob("*.parquet")])
    lines = folder / f"{split}.jsonl"
    if texts:
        return [{columns[0]: read_text(file)} for file in texts]
    if lines.is_file():
        return [row for _, row in read_jsonl(lines, columns)[:most]]
    if tables:
        import pyarrow.parquet as parquet

        found: list[dict[str, Any]] = []
        for table in tables:
            names = parquet.ParquetFile(table).schema_arrow.names
            if missing := [name for name in columns if name not in names]:
                raise UserError(f"{table}: column {missing[0]} is missing; expected {', '.join(columns)}")
            for batch in parquet.ParquetFile(table).iter_batches(64, columns=list(columns)):
                found += batch.to_pylist()
                if len(found) >= most:
                    return found[:most]
        return found
    raise DataMissing(f"{folder}: wanted {split}.jsonl, {split}*.parquet or {split}/*.txt; {advice}")


def _hub(place: str, columns: Sequence[str], advice: str, most: int) -> Rows:
    import datasets

    try:
        found = {
            part: list(datasets.load_dataset(place, split=split, streaming=True).take(most))  # type: ignore[attr-defined]
            for part, split in _SPLITS.items()
        }
    except Exception as error:  # what the hub's client raises differs between its releases
        reason = str(error).split("\n")[0][:160]
        raise DataMissing(f"{place}: not to be had from the hub ({type(error).__name__}: {reason}); {advice}") from None
    for rows in found.values():
        if missing := [name for name in columns if not rows or name not in rows[0]]:
            raise UserError(f"{place}: column {missing[0]} is missing; expected {', '.join(columns)}")
    return found
