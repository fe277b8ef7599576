"""The walls that the project ships, ``datasets/only_connect_wall``: how they are made.

``python -m tasks.only_connect_wall.shipped [FOLDER]`` checks the bank in the folder and writes the walls anew; the same
bytes come out.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from suite.data import data_folder
from suite.errors import UserError
from suite.jsonl import write_text
from tasks.only_connect_wall.bank import BANK_FILE, NAME, read_bank
from tasks.only_connect_wall.files import SUMS, WALL_FILES, sha256, write_walls
from tasks.only_connect_wall.generate import generated_walls
from tasks.only_connect_wall.lint import check_bank

SEED = 0
ITEMS: Mapping[str, int] = {"quads": 240, "dose": 160, "phantom": 60, "priming": 60, "extra": 60, "examples": 40}


def write_shipped(folder: Path) -> dict[str, int]:
    """Writes the walls of all sets and SHA256SUMS into `folder`, beside its bank; returns the walls of each set.

    Raises:
        UserError: the bank has faults, or a wall has another solution than its own.
    """
    bank = read_bank(folder / BANK_FILE)
    check_bank(bank)
    made = {set: list(generated_walls(set, seed=SEED, n=n, bank=bank)) for set, n in ITEMS.items()}
    for set, walls in made.items():
        write_walls(folder / WALL_FILES[set], walls)
    names = (BANK_FILE, *WALL_FILES.values())
    write_text(folder / SUMS, "".join(f"{sha256(folder / name)}  {name}\n" for name in names))
    return {set: len(walls) for set, walls in made.items()}


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else data_folder(NAME)
    try:
        print(f"{target}: {', '.join(f'{n} {set} walls' for set, n in write_shipped(target).items())}")
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
