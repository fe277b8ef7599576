"""The data set that the project ships, ``datasets/reversal_curse``: how it is made, and how it is read.

``python -m tasks.reversal_curse.shipped [FOLDER]`` writes it anew; the same bytes come out (a test holds it to that).
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from suite.data import data_folder
from suite.errors import UserError
from suite.jsonl import read_text, write_text
from tasks.reversal_curse.files import read_dataset, write_dataset
from tasks.reversal_curse.generate import generate
from tasks.reversal_curse.records import Dataset

NAME = "reversal_curse"
FILES = ("facts.jsonl", "train.jsonl", "test.jsonl", "historical_parents.csv")
_CONTENT = "# content of facts, train and test (sorted lines): "


def load_shipped() -> Dataset:
    """Seed 0, 30 facts a group, 30 + 10 natural wordings: 90 facts, 3600 documents, 1800 queries.

    Raises:
        UserError: the files are missing or were changed.
    """
    folder = data_folder(NAME)
    dataset = read_dataset(folder, origin="shipped name/description set")
    if f"{_CONTENT}{dataset.sha256}\n" not in read_text(folder / "SHA256SUMS"):
        raise UserError(f"{folder}: the files do not have the content that SHA256SUMS states; install unreason again")
    return dataset


def write_shipped(folder: Path) -> Dataset:
    """Writes the generated files and SHA256SUMS into `folder`, beside the hand-made historical set."""
    dataset = generate()
    write_dataset(dataset, folder)
    sums = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in FILES]
    write_text(folder / "SHA256SUMS", f"{_CONTENT}{dataset.sha256}\n" + "".join(sums))
    return dataset


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else data_folder(NAME)
    print(f"{target}: {write_shipped(target).sha256}")
