"""The public Only Connect walls (Alavi Naeini et al. 2023, arXiv 2306.11167): from a file, a folder or the hub.

They are not shipped: the puzzles come from a television show. `load_public` reads what the user has, in each form that
the authors have released.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from suite.errors import UserError
from suite.jsonl import read_jsonl, read_text
from tasks.only_connect_wall.public_rows import InvalidWall, public_wall
from tasks.only_connect_wall.walls import Wall

Split = Literal["train", "validation", "test", "all"]
Variant = Literal["original", "randomized", "wordnet"]

SCRIPTED_ID = "TaatiTeam/OCW"  # loads by a script, which `datasets` refuses; its raw files are read instead
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")
_RAW_FILES: Mapping[Variant, str] = {
    "original": "{split}.json",
    "randomized": "easy_{split}_randomized.json",
    "wordnet": "easy_{split}_wordnet.json",
}
_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class LoadedWalls:
    """Attributes:
    walls: in the order of the source.
    counts: loaded, skipped, coerced_clues, ambiguous.
    warnings: a line for each kind of thing that was mended or left out.
    """

    walls: tuple[Wall, ...]
    counts: Mapping[str, int]
    warnings: tuple[str, ...]


def load_public(
    source: str, *, split: Split = "test", variant: Variant | None = None, skip_invalid: bool = False
) -> LoadedWalls:
    """The walls of `source`.

    Args:
        source: a file (the release's JSON object, a list of walls, or JSON lines), a folder that holds
            ``train.json``, ``validation.json`` and ``test.json`` (or, for "all", ``OCW.json``), or an id of the hub.
        split: which file of a folder, or split of the hub; a single file is read whole.
        variant: which files of a folder or of ``TaatiTeam/OCW``; by default told by the name of the source.
        skip_invalid: leave out faulty walls and count them, instead of stopping at the first.

    Raises:
        UserError: nothing is there, the hub cannot be reached, a wall is faulty, or an id is used twice.
    """
    if split not in get_args(Split):
        raise UserError(f"split {split!r}: known are {', '.join(get_args(Split))}")
    named = variant or _variant(source)
    path = Path(source).expanduser()
    if path.is_dir():
        rows = [row for file in _files(path, split, named) for row in read_rows(file)]
    elif path.is_file():
        rows = read_rows(path)
    elif _HUB_ID.fullmatch(source) and not path.suffix.startswith(".json"):
        from tasks.only_connect_wall.public_hub import hub_rows

        rows = hub_rows(source, _hub_splits(source, split, named), raw=_raw_file(source, named))
    else:
        raise UserError(
            f"{source}: no such file or folder; give the path of a file of walls, or an id like {SCRIPTED_ID}"
        )
    return walls_of_rows(rows, source, named, skip_invalid)


def read_rows(path: Path) -> list[Any]:
    """The walls in a file, unchecked: of an object under `dataset`, of a list, or one a line.

    Raises:
        UserError: the file is none of these.
    """
    text = read_text(path)
    try:
        whole = json.loads(text)
    except RecursionError:
        raise UserError(f"{path}: nested too deeply for a file of walls") from None
    except ValueError:
        return [row for _, row in read_jsonl(path)]
    if isinstance(whole, dict) and "dataset" in whole:
        whole = whole["dataset"]
    elif isinstance(whole, dict) and "groups" in whole:
        whole = [whole]
    if not isinstance(whole, list):
        raise UserError(f"{path}: expected an object with a list 'dataset', a list of walls, or one wall a line")
    return whole


def walls_of_rows(rows: Sequence[Any], origin: str, variant: Variant, skip_invalid: bool = False) -> LoadedWalls:
    """Checks and converts `rows`; arguments as for `load_public`."""
    walls: list[Wall] = []
    counts: Counter[str] = Counter(loaded=0, skipped=0, coerced_clues=0, ambiguous=0)
    reasons: list[str] = []
    seen: set[str] = set()
    for number, row in enumerate(rows, 1):
        try:
            wall, coerced = public_wall(row, number, variant)
            if wall.id in seen:
                raise InvalidWall(f"wall {wall.id}: the id occurs twice")
        except InvalidWall as error:
            if not skip_invalid:
                raise UserError(f"{origin}: {error}; mend it, or leave out faulty walls with --skip-invalid") from None
            counts["skipped"] += 1
            reasons.append(str(error))
            continue
        seen.add(wall.id)
        walls.append(wall)
        counts.update(loaded=1, coerced_clues=coerced, ambiguous="ambiguous_clue" in wall.flags)
    if not walls:
        raise UserError(f"{origin}: no wall in it{f' is sound: {reasons[0]}' if reasons else ''}; check the file")
    return LoadedWalls(tuple(walls), dict(counts), _warnings(origin, counts, reasons))


def _warnings(origin: str, counts: Mapping[str, int], reasons: Sequence[str]) -> tuple[str, ...]:
    found = []
    if counts["coerced_clues"]:
        found.append(f"{origin}: {counts['coerced_clues']} clues are no text and were read as text")
    if counts["ambiguous"]:
        found.append(f"{origin}: {counts['ambiguous']} walls have a clue twice; they are flagged ambiguous_clue")
    if reasons:
        found.append(f"{origin}: {counts['skipped']} faulty walls left out, the first: {reasons[0]}")
    return tuple(found)


def _variant(source: str) -> Variant:
    lowered = Path(source).name.lower()
    for variant in ("randomized", "wordnet"):
        if variant in lowered:
            return variant
    return "original"


def _files(folder: Path, split: Split, variant: Variant) -> list[Path]:
    """The files of one split, in the folder itself or in its `dataset`."""
    for place in (folder, folder / "dataset"):
        whole = place / "OCW.json"
        if split == "all" and variant == "original" and whole.is_file():
            return [whole]
        wanted = _SPLITS if split == "all" else (split,)
        for pattern in (_RAW_FILES[variant], "{split}.json"):
            files = [place / pattern.format(split=name) for name in wanted]
            present = [file for file in files if file.is_file()]
            if present and (split == "all" or len(present) == len(files)):
                return present
    name = _RAW_FILES[variant].format(split=split if split != "all" else "test")
    raise UserError(f"{folder}: holds no {name}, nor a folder dataset that does; give the path of a file")


def _hub_splits(source: str, split: Split, variant: Variant) -> tuple[str, ...]:
    only_test = variant == "randomized"
    if only_test and split not in ("test", "all"):
        raise UserError(f"{source}: the randomized walls have a test split only; ask for split test, not {split}")
    if split == "all":
        return ("test",) if only_test else _SPLITS
    return (split,)


def _raw_file(source: str, variant: Variant) -> str:
    return _RAW_FILES[variant] if source == SCRIPTED_ID else ""
