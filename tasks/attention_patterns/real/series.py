"""ETT, ECL and Weather: one CSV of hourly or quarter-hourly rows, read as windows of a past and a future.

Each part is standardised with the mean and standard deviation of the training part alone. ETT is split by months,
12, 4 and 4 of them as is usual (Zhou et al., "Informer", AAAI 2021); other files by rows, 70, 10 and 20 %.
"""

from __future__ import annotations

import csv
import math
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from suite.errors import UserError
from suite.jsonl import read_text
from tasks.attention_patterns.real import DataMissing
from tasks.attention_patterns.records import PARTS, Part, Record, Source, places

ETT_COLUMNS = ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
MONTHS = (12, 4, 4)
_HOURS_A_MONTH = 30 * 24
_SHARES = (0.7, 0.1, 0.2)
_LEAST_SPREAD = 1e-8


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of a series (T, C), of which `bounds` are the ends of the parts."""

    values: np.ndarray
    bounds: tuple[int, int, int]
    past: int
    future: int

    @property
    def tokens(self) -> int:
        return 0

    @property
    def channels(self) -> int:
        return self.values.shape[1]

    @property
    def longest(self) -> tuple[int, int]:
        return self.past, self.future

    def record(self, part: Part, seed: int, index: int) -> Record:
        """A window whose future lies in the part; its past may reach back into the part before."""
        at = PARTS.index(part)
        first = max(self.past, self.bounds[at - 1] if at else 0)
        rng = np.random.default_rng([at, seed, index])
        now = int(rng.integers(first, self.bounds[at] - self.future + 1))
        past, future = self.values[now - self.past : now], self.values[now : now + self.future]
        scored = np.ones(self.future, dtype=bool)
        return Record(past, future, scored, places(self.past), places(self.future, self.past))


def read(place: str, twin: Source) -> Windows:
    """The windows of a CSV file, as long as those of the twin.

    Raises:
        DataMissing: no such file.
        UserError: a missing column, an entry that is no number (by row), or too few rows.
    """
    file = Path(place).expanduser()
    if not file.is_file():
        raise DataMissing(
            f"{file}: no such file; ETTh1.csv, ETTh2.csv and ETTm1.csv are at github.com/zhouhaoyi/ETDataset, ECL and "
            "Weather are linked from github.com/zhouhaoyi/Informer2020"
        )
    values = _values(file)
    past, future = twin.longest
    bounds = _bounds(file, len(values))
    shortest = min(bounds[0] - past, bounds[1] - bounds[0], bounds[2] - bounds[1])
    if shortest < future:
        raise UserError(f"{file}: {len(values)} rows are too few for windows of {past} and {future} in all three parts")
    return Windows(_standardised(values, bounds[0], file), bounds, past, future)


def _values(file: Path) -> np.ndarray:
    """(T, C) numbers without the column of dates."""
    rows = csv.reader(read_text(file).splitlines())
    header = next(rows, [])
    wanted = ETT_COLUMNS if _is_ett(file) else ()
    if missing := [name for name in ("date", *wanted) if name not in header]:
        raise UserError(f"{file}: column {missing[0]} is missing; expected date, {', '.join(wanted or ('values',))}")
    columns = [at for at, name in enumerate(header) if (name in wanted if wanted else name != "date")]
    if not columns:
        raise UserError(f"{file}: no column of values beside date")
    found = []
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise UserError(f"{file}: row {number} has {len(row)} entries; expected {len(header)}")
        found.append([_number(row[at], f"{file}: row {number}, column {header[at]}") for at in columns])
    if not found:
        raise UserError(f"{file}: no rows")
    return np.array(found)


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{where}: {text!r} is no number; fill or remove the row")
    return value


def _bounds(file: Path, rows: int) -> tuple[int, int, int]:
    """Where training, validation and test end."""
    if _is_ett(file):
        month = _HOURS_A_MONTH * (4 if file.stem.lower().startswith("ettm") else 1)
        first, second, third = np.cumsum(MONTHS) * month
        if rows >= third:
            return int(first), int(second), int(third)
        # a file with fewer rows than twenty months is split in the same proportion
        shares = [part / sum(MONTHS) for part in MONTHS]
    else:
        shares = list(_SHARES)
    return round(rows * shares[0]), round(rows * (shares[0] + shares[1])), rows


def _is_ett(file: Path) -> bool:
    return file.stem.lower().startswith("ett")


def _standardised(values: np.ndarray, train: int, file: Path) -> np.ndarray:
    mean, spread = values[:train].mean(axis=0), values[:train].std(axis=0)
    if (spread < _LEAST_SPREAD).any():
        flat = int(np.flatnonzero(spread < _LEAST_SPREAD)[0]) + 1
        warnings.warn(f"{file}: value column {flat} is constant in the training part", stacklevel=2)
    standardised: np.ndarray = ((values - mean) / np.maximum(spread, _LEAST_SPREAD)).astype(np.float32)
    return standardised
