"""Loads a run into the database: in bulk, instead of whatever was there of this run.

Its place is between the journal and the queries. DuckDB reads the journal itself; only where that fails, the journal's
own reader says which line is torn (dropped, as after a crash) or broken (refused).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.errors import UserError
from suite.store.columns import columns_of, literal_path
from suite.store.database import first_line
from suite.store.journal import FILE_NAME, JournalIndex
from suite.store.labels import JUDGED

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

RUN_FILE = "run.json"
METRICS_FILE = "metrics.json"
RUN_TABLES = ("samples", "metrics", "runs")  # with a column run_id, and replaced together
# DuckDB keeps new rows in memory until it must not: a limit makes that the same for runs of any size
_MEMORY = 128 * 2**20
_BUFFERS = 8  # of the longest line each, beyond that


class JournalError(Exception):
    """DuckDB could not read a journal; the journal's own reader can tell why."""


def state_of(folder: Path) -> str:
    """Sizes and times of a run's files: changes whenever one of them does."""
    stats = {name: (folder / name).stat() for name in (RUN_FILE, FILE_NAME, METRICS_FILE) if (folder / name).exists()}
    return json.dumps({name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()})


def read_run_file(folder: Path) -> dict[str, Any]:
    """The content of a run folder's run.json.

    Raises:
        UserError: it is missing, no JSON object, or of another run.
    """
    file = folder / RUN_FILE
    try:
        run = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder} is no run folder: it has no {RUN_FILE}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read: {error}") from None
    if not isinstance(run, dict) or run.get("run_id") != folder.name:
        raise UserError(f"{file}: expected the run {folder.name!r}, as its folder is named")
    return run


def load_run(connection: Connection, run: Mapping[str, Any], journal: Path | None, metrics: Path | None) -> None:
    """Replaces all rows of one run but labels and what follows from them; a run that goes on counts as incomplete.

    Args:
        run: columns of the table `runs`; what is missing is NULL.
        journal: JSON lines with the columns of `samples`; the last line of a sample is the one that holds.
        metrics: a JSON list with the columns of `metrics`.

    Raises:
        JournalError: the journal cannot be read, or lacks a column.
        UserError: run or metrics lack a column, or have a value of a wrong type.
    """
    run_id = run["run_id"]
    for table in RUN_TABLES:
        spared = f"AND NOT {JUDGED}" if table == "metrics" else ""
        connection.execute(f"DELETE FROM {table} WHERE run_id = ? {spared}", [run_id])  # noqa: S608
    with _data_errors(lambda reason: UserError(f"{RUN_FILE} of {run_id}: {reason}")):
        _insert_run(
            connection, {**run, "status": "incomplete" if run.get("status") == "running" else run.get("status")}
        )
    if metrics is not None:
        with _data_errors(lambda reason: UserError(f"{metrics}: {reason}")):
            size = metrics.stat().st_size
            _insert_json(connection, "metrics", run_id, metrics, "array", size, f"WHERE NOT {JUDGED}")
    if journal is not None:
        longest = _longest_line(journal)
        connection.execute(f"SET memory_limit = '{_MEMORY + _BUFFERS * longest} bytes'")
        with _data_errors(JournalError):
            _insert_json(connection, "samples", run_id, journal, "newline_delimited", longest)
        connection.execute(
            "DELETE FROM samples WHERE run_id = $run AND rowid NOT IN "
            "(SELECT max(rowid) FROM samples WHERE run_id = $run GROUP BY sample_id)",
            {"run": run_id},
        )
        # an interrupted run has not counted yet
        connection.execute(
            "UPDATE runs SET n_samples = count, n_failed = failed FROM "
            "(SELECT count(*) AS count, count(error) AS failed FROM samples WHERE run_id = $run) WHERE run_id = $run",
            {"run": run_id},
        )


def ends_whole(journal: Path) -> bool:
    """Whether the last line has its end; else a crash has torn it, or somebody is writing it."""
    with journal.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


@contextmanager
def whole_lines(journal: Path, reason: str, notify: Callable[[str], None]) -> Iterator[Path]:
    """A copy of the journal without its torn last line, for as long as the context lasts.

    Args:
        reason: why DuckDB could not read it, if it was tried.

    Raises:
        UserError: a line before the last is broken (named by its number), or none is, and `reason` tells what is wrong.
    """
    index = JournalIndex.scan(journal)
    index.close()
    if not index.torn:
        raise UserError(f"{journal} cannot be read: {reason}")
    notify(f"{journal}: dropped the last line, which is not whole")
    with tempfile.TemporaryDirectory(dir=journal.parent) as folder:
        copy = Path(folder) / FILE_NAME
        with journal.open("rb") as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target)
            target.truncate(index.end)
        yield copy


def _insert_run(connection: Connection, run: Mapping[str, Any]) -> None:
    columns = columns_of(connection, "runs")
    values = [
        json.dumps(run[name], ensure_ascii=False) if kind == "JSON" and run.get(name) is not None else run.get(name)
        for name, kind in columns.items()
    ]
    connection.execute(f"INSERT INTO runs VALUES ({', '.join('?' * len(columns))})", values)  # noqa: S608


def _longest_line(journal: Path) -> int:
    """Bytes; a mebibyte if all are shorter."""
    with journal.open("rb") as lines:
        return max(2**20, max(map(len, lines), default=0))


def _insert_json(
    connection: Connection, table: str, run_id: str, file: Path, layout: str, longest: int, condition: str = ""
) -> None:
    """Adds the rows of a file, of which none is longer than `longest` bytes."""
    columns = columns_of(connection, table)
    del columns["run_id"]
    connection.execute(
        f"INSERT INTO {table} BY NAME SELECT $run AS run_id, * FROM "  # noqa: S608
        "read_json($file, format = $layout, columns = $columns, maximum_object_size = $longest, compression = 'none') "
        f"{condition}",
        {"run": run_id, "file": literal_path(file), "layout": layout, "columns": columns, "longest": longest},
    )


@contextmanager
def _data_errors(problem: Callable[[str], Exception]) -> Iterator[None]:
    """Turns what DuckDB says about data (not about disks or its own state) into `problem`."""
    import duckdb

    try:
        yield
    except (duckdb.InvalidInputException, duckdb.ConstraintException, duckdb.ConversionException) as error:
        raise problem(first_line(error)) from error
