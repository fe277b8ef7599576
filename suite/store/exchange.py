"""Runs as Parquet, for other tools, other machines and the leaderboard: one file a run.

The column `record` says what a row is: the run itself, a sample, a metric or a label; the other columns are those of
the tables, empty where a record has no such thing. Equal content gives equal bytes: rows are ordered, and one thread
writes. A file is written beside its place and then renamed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from suite.errors import UserError
from suite.identity import digest
from suite.store.columns import columns_of, literal_path
from suite.store.database import first_line
from suite.store.labels import JUDGED

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

_RECORDS = {"run": "runs", "sample": "samples", "metric": "metrics", "label": "labels"}  # record -> table
_ORDER = {"run": "run_id", "sample": "sample_id", "metric": "rowid", "label": "judge, sample_id, rowid"}


def export_runs(connection: Connection, run_ids: Sequence[str], folder: Path) -> list[Path]:
    """Writes ``RUN_ID.parquet`` for each run; returns the paths.

    Raises:
        UserError: the folder cannot be written, or the disk is full; older files then stay.
    """
    import duckdb

    connection.execute("SET threads = 1")
    parts = " UNION ALL BY NAME ".join(
        f"(SELECT '{record}' AS record, * FROM {table} WHERE run_id = $run ORDER BY {_ORDER[record]})"  # noqa: S608
        for record, table in _RECORDS.items()
    )
    written = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for run_id in run_ids:
            file = folder / f"{file_stem(run_id)}.parquet"
            written[file] = file.with_name(f"{file.name}.new")
            connection.sql(parts, params={"run": run_id}).write_parquet(str(written[file]), compression="zstd")
        for file, new in written.items():
            os.replace(new, file)
    except (OSError, duckdb.IOException) as error:
        raise UserError(f"cannot write to {folder}: {first_line(error)}; choose another with --out") from None
    finally:
        for new in written.values():
            new.unlink(missing_ok=True)
    return list(written)


def file_stem(run_id: str) -> str:
    """A run's id as the name of a file; an imported id may hold anything, a path included."""
    return run_id if re.fullmatch(r"\w[\w.-]{0,150}", run_id, re.ASCII) else digest(run_id, 16)


def exports_in(path: Path) -> list[Path]:
    """The exported runs at `path`: a Parquet file, or those of a folder."""
    return [path] if path.suffix == ".parquet" else sorted(path.glob("*.parquet"))


def import_run(connection: Connection, file: Path) -> str:
    """Takes over what `export_runs` has written; doing it twice changes nothing. Returns the run's id.

    Raises:
        UserError: the file is none of ours, or a run of the same id, but another content, is here already.
    """
    import duckdb

    columns = {record: list(columns_of(connection, table)) for record, table in _RECORDS.items()}
    source = "read_parquet($file)"
    try:
        _check_columns(connection, file, {"record"}.union(*columns.values()))
        counted = f"SELECT record, run_id, count(*) FROM {source} GROUP BY ALL ORDER BY ALL"  # noqa: S608
        counts = connection.execute(counted, {"file": literal_path(file)}).fetchall()
        ids = {run_id for _, run_id, _ in counts}
        if len(ids) != 1 or None in ids or [n for record, _, n in counts if record == "run"] != [1]:
            raise UserError(f"{file}: expected one run with its samples, found {len(ids)}; export it again")
        (run_id,) = ids
        _check_conflict(connection, file, run_id, columns["run"])
        has_labels = any(record == "label" for record, _, _ in counts)
        for record in ("label", "sample", "metric", "run"):
            if record == "label" and not has_labels:
                continue
            # without labels of its own an export leaves the ones that are here, and what follows from them
            spared = f"AND NOT {JUDGED}" if record == "metric" and not has_labels else ""
            table, names = _RECORDS[record], ", ".join(columns[record])
            connection.execute(f"DELETE FROM {table} WHERE run_id = ? {spared}", [run_id])  # noqa: S608
            connection.execute(
                f"INSERT INTO {table} BY NAME SELECT {names} FROM {source} WHERE record = $record {spared}",  # noqa: S608
                {"file": literal_path(file), "record": record},
            )
    except (
        duckdb.InvalidInputException,
        duckdb.ConversionException,
        duckdb.ConstraintException,
        duckdb.BinderException,
    ) as error:
        raise UserError(f"{file} cannot be imported: {first_line(error)}") from None
    return str(run_id)


def _check_columns(connection: Connection, file: Path, wanted: set[str]) -> None:
    described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [literal_path(file)]).fetchall()
    wrong = sorted({row[0] for row in described} ^ wanted)
    if wrong:
        raise UserError(
            f"{file}: the columns are not those of an exported run ({', '.join(wrong[:5])}); "
            "was it made by this version of unreason?"
        )


def _check_conflict(connection: Connection, file: Path, run_id: str, columns: Sequence[str]) -> None:
    names = ", ".join(columns)
    query = (
        f"SELECT run_id FROM (SELECT {names} FROM runs WHERE run_id = $run "  # noqa: S608
        f"EXCEPT SELECT {names} FROM read_parquet($file) WHERE record = 'run')"
    )
    if connection.execute(query, {"file": literal_path(file), "run": run_id}).fetchone():
        raise UserError(
            f"{file}: run {run_id} is here already with other results; import into another folder with --results"
        )
