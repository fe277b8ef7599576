"""PCN (Yuan et al. 2018): partial scans of shapes, and the points that they lack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from suite.errors import UserError
from suite.jsonl import read_text
from tasks.attention_patterns.real import DataMissing
from tasks.attention_patterns.records import PARTS, Part, Record, Source, places

_ENDINGS = (".npy", ".pcd", ".xyz")
_ADVICE = (
    "wanted PART/partial/**/NAME and PART/complete/**/NAME with PART train, validation, test, each a .npy, ASCII .pcd "
    "or .xyz file; PCN is linked from github.com/yuxumin/PoinTr (terms of ShapeNet)"
)


@dataclass(frozen=True, slots=True)
class Clouds:
    """Pairs of files by part: what is given, and the whole."""

    pairs: tuple[tuple[tuple[Path, Path], ...], ...]
    longest: tuple[int, int]

    @property
    def tokens(self) -> int:
        return 0

    @property
    def channels(self) -> int:
        return 3

    def record(self, part: Part, seed: int, index: int) -> Record:
        """Of the whole, the points that lie farthest from what is given are wanted."""
        at = PARTS.index(part)
        own, rng = self.pairs[at], np.random.default_rng([at, seed, index])
        given_file, whole_file = own[int(rng.integers(len(own))) if part == "train" else index % len(own)]
        given, whole = read_points(given_file), read_points(whole_file)
        given = given[rng.integers(len(given), size=self.longest[0])]
        missing = _missing(given, whole, self.longest[1])
        count = np.ones(len(missing), dtype=bool)
        return Record(given, missing, count, places(len(given)), places(len(missing)))


def read(place: str, twin: Source) -> Clouds:
    """The pairs of a folder, matched by name.

    Raises:
        DataMissing: a part has no pair.
    """
    folder, pairs = Path(place).expanduser(), []
    for part in PARTS:
        given = _by_name(folder / part / "partial")
        whole = _by_name(folder / part / "complete")
        both = tuple((given[name], whole[name]) for name in sorted(given.keys() & whole.keys()))
        if not both:
            raise DataMissing(f"{folder / part}: no pair of partial and complete scans; {_ADVICE}")
        pairs.append(both)
    return Clouds(tuple(pairs), twin.longest)


def read_points(file: Path) -> np.ndarray:
    """(N, 3) points of a file.

    Raises:
        UserError: it holds something else.
    """
    try:
        if file.suffix == ".npy":
            points = np.load(file, allow_pickle=False)
        else:
            lines = read_text(file).splitlines()
            start = next((at + 1 for at, line in enumerate(lines) if line.lower().startswith("data ascii")), 0)
            points = np.array([line.split()[:3] for line in lines[start:] if line.strip()], dtype=np.float64)
    except (ValueError, OSError) as error:
        raise UserError(f"{file}: no points can be read ({error}); expected .npy, ASCII .pcd or .xyz") from None
    if points.ndim != 2 or points.shape[1] < 3 or not len(points) or not np.isfinite(points).all():
        raise UserError(f"{file}: shape {points.shape}; expected finite numbers of shape (N, 3)")
    found: np.ndarray = points[:, :3].astype(np.float32)
    return found


def _by_name(folder: Path) -> dict[str, Path]:
    files = [file for file in sorted(folder.rglob("*")) if file.suffix in _ENDINGS]
    return {str(file.relative_to(folder).with_suffix("")): file for file in files}


def _missing(given: np.ndarray, whole: np.ndarray, count: int) -> np.ndarray:
    """(count, 3) of the whole that are farthest from what is given; repeated if there are fewer."""
    from scipy.spatial import cKDTree

    far = np.argsort(-cKDTree(given).query(whole)[0], kind="stable")
    return whole[np.resize(far[:count], count)]
