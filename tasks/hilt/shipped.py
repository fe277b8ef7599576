"""The data set that the project ships, ``datasets/hilt``: the mini split of track W as items, and the facts of track R.

``python -m tasks.hilt.shipped [FOLDER]`` writes the items and SHA256SUMS anew; the same bytes come out. The task
generates track W itself, so that its splits and fresh seeds come from one place; the file is for other users.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from suite.data import data_folder
from suite.jsonl import write_jsonl, write_text
from tasks.hilt.items import world_items
from tasks.hilt.real import FILE
from tasks.hilt.world import N_MINI, SHIPPED_SEED

WORLD_FILE = "world_mini.jsonl"


def write_shipped(folder: Path) -> None:
    """Writes the generated file and SHA256SUMS into `folder`, which holds the hand-written facts."""
    write_jsonl(folder / WORLD_FILE, world_items(SHIPPED_SEED, N_MINI))
    sums = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in (FILE, WORLD_FILE)]
    write_text(folder / "SHA256SUMS", "".join(sums))


if __name__ == "__main__":
    write_shipped(Path(sys.argv[1]) if len(sys.argv) > 1 else data_folder("hilt"))
