"""The walls of a run, and its example walls, from the options."""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from suite.errors import UserError
from suite.jsonl import read_jsonl
from tasks.only_connect_wall.options import MADE, OUR_SETS, OnlyConnectWallOptions, Split
from tasks.only_connect_wall.walls import Wall

EXAMPLES_SEED = 42  # of the published runs: the same few walls before every question


@dataclass(frozen=True)
class Source:
    """Attributes:
    walls: in order.
    pool: solved walls that examples are drawn from.
    is_ours: made by us or in our form, rather than public walls.
    """

    walls: Sequence[Wall]
    pool: Sequence[Wall] = ()
    is_ours: bool = False

    def examples(self, shots: int) -> list[Wall]:
        """The solved walls that are shown before every question of a run."""
        return random.Random(EXAMPLES_SEED).sample(list(self.pool), shots) if shots else []  # noqa: S311

    def check(self, shots: int) -> None:
        """Raises `UserError` where there are too few example walls, or one of them is asked too."""
        if shots > len(self.pool):
            raise UserError(
                f"shots {shots}: there are {len(self.pool)} example walls; choose fewer shots, or give --examples"
            )
        asked = {frozenset(wall.words) for wall in self.walls}
        for wall in self.examples(shots):
            if frozenset(wall.words) in asked:
                raise UserError(f"example wall {wall.id} is also asked; give --examples of another split")


def load_source(options: OnlyConnectWallOptions) -> Source:
    """Reads or makes the walls that the options name.

    Raises:
        UserError: the data are missing or faulty, or the options or examples do not fit them.
    """
    if options.data in OUR_SETS:
        walls, is_ours = _our_set(options), True
    else:
        walls, is_ours = _read(options.data, options.split, options.skip_invalid)
    if options.warn and not is_ours and options.prompt is None:
        raise UserError(
            "warn is for prompt clean, and public walls are asked with prompt paper; give --prompt clean too"
        )
    if options.randomized is not None:
        walls = _paired(walls, options)
    source = Source(walls, _pool(options, is_ours) if options.shots else (), is_ours)
    source.check(options.shots)
    return source


def _our_set(options: OnlyConnectWallOptions) -> list[Wall]:
    """A shipped set, or new items of it."""
    if options.generate is None:
        from tasks.only_connect_wall.files import shipped_walls

        return shipped_walls(options.data)
    from tasks.only_connect_wall.generate import generated_walls

    return list(generated_walls(options.data, seed=options.data_seed, n=options.generate))


def _read(source: str, split: Split, skip_invalid: bool = False) -> tuple[list[Wall], bool]:
    """The walls of a file, folder or hub id, and whether they are in our form; what was mended is warned of."""
    path = Path(source).expanduser()
    if path.suffix == ".jsonl" and path.is_file():
        first = next((row for _, row in read_jsonl(path)), {})
        if isinstance(first.get("groups"), list):  # public walls have an object there
            from tasks.only_connect_wall.files import read_walls

            return read_walls(path), True
    from tasks.only_connect_wall.public import load_public

    loaded = load_public(source, split=split, skip_invalid=skip_invalid)
    for line in loaded.warnings:
        warnings.warn(line, stacklevel=2)
    return list(loaded.walls), False


def _paired(walls: Sequence[Wall], options: OnlyConnectWallOptions) -> list[Wall]:
    """Each wall with its randomised version, as two arms of one item; walls without one stay alone."""
    if options.randomized == MADE:
        from tasks.only_connect_wall.public_randomized import randomized

        others = randomized(walls)
    else:
        others, _ = _read(str(options.randomized), options.split, options.skip_invalid)
    easier = {wall.id: wall for wall in others}
    if not any(wall.id in easier for wall in walls):
        raise UserError(f"randomized {options.randomized}: shares no wall id with {options.data}; give its own version")
    found = []
    for wall in walls:
        found.append(replace(wall, condition="original", item=wall.id))
        if wall.id in easier:
            easy = replace(easier[wall.id], id=f"{wall.id}-randomized", condition="randomized")
            found.append(replace(easy, item=wall.id, cluster=wall.cluster))
    return found


def _pool(options: OnlyConnectWallOptions, is_ours: bool) -> list[Wall]:
    """The walls that examples are drawn from."""
    if options.examples is not None:
        return _read(options.examples, "train")[0]
    if is_ours:
        from tasks.only_connect_wall.files import shipped_walls

        return shipped_walls("examples")
    if Path(options.data).expanduser().is_file():
        raise UserError(
            f"shots {options.shots}: {options.data} is one file without a train split; give --examples FILE"
        )
    return _read(options.data, "train")[0]
