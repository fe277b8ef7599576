"""Runs as Parquet, for other tools, other machines and the leaderboard: runs, samples and metrics, a file each.

Labels are a fourth file, which is there if any judge has labelled any of the runs. Equal content gives equal bytes:
rows are ordered, and one thread writes. A file is written beside its place and then renamed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from suite.errors import UserError
from suite.store.columns import columns_of, literal_path
from suite.store.database import first_line
from suite.store.labels import JUDGED
from suite.store.load import RUN_TABLES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

_ORDER = {"runs": "run_id", "samples": "run_id, sample_id", "metrics": "run_id, rowid"}
_LABELS = "labels"
_LABEL_ORDER = "run_id, judge, sample_id, rowid"


def export_runs(connection: Connection, run_ids: Sequence[str], folder: Path) -> list[Path]:
    """Writes ``runs.parquet``, ``samples.parquet``, ``metrics.parquet`` and, if there are labels, ``labels.parquet``.

    Returns their paths.

    Raises:
        UserError: the folder cannot be written, or the disk is full; older files then stay.
    """
    import duckdb

    connection.execute("SET threads = 1")
    written = {}
    labelled = "SELECT 1 FROM labels WHERE list_contains(?, run_id) LIMIT 1"
    has_labels = bool(connection.execute(labelled, [list(run_ids)]).fetchall())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for table, order in {**_ORDER, **({_LABELS: _LABEL_ORDER} if has_labels else {})}.items():
            file = folder / f"{table}.parquet"
            written[file] = file.with_name(f"{file.name}.new")
            query = f"SELECT * FROM {table} WHERE list_contains($runs, run_id) ORDER BY {order}"  # noqa: S608
            rows = connection.sql(query, params={"runs": list(run_ids)})
            rows.write_parquet(str(written[file]), compression="zstd")
        for file, new in written.items():
            os.replace(new, file)
        if not has_labels:
            (folder / f"{_LABELS}.parquet").unlink(missing_ok=True)
    except (OSError, duckdb.IOException) as error:
        raise UserError(f"cannot write to {folder}: {first_line(error)}; choose another with --out") from None
    finally:
        for new in written.values():
            new.unlink(missing_ok=True)
    return list(written)


def is_export(folder: Path) -> bool:
    """Whether `folder` holds what `export_runs` writes."""
    return (folder / "runs.parquet").is_file()


def import_runs(connection: Connection, folder: Path) -> list[str]:
    """Takes over what `export_runs` has written; doing it twice changes nothing. Returns the runs' ids.

    Raises:
        UserError: a file is missing or none of ours, or a run of the same id, but another content, is here already.
    """
    import duckdb

    for table in _ORDER:
        if not (folder / f"{table}.parquet").is_file():
            raise UserError(f"{folder}: {table}.parquet is missing; export the runs again")
    brings_labels = (folder / f"{_LABELS}.parquet").is_file()
    tables = (*([_LABELS] if brings_labels else []), *RUN_TABLES)
    files = {table: literal_path(folder / f"{table}.parquet") for table in tables}
    listing = "SELECT run_id FROM read_parquet(?) ORDER BY run_id"
    try:
        for table, file in files.items():
            _check_columns(connection, table, file)
        ids = [row[0] for row in connection.execute(listing, [files["runs"]]).fetchall()]
        _check_conflicts(connection, folder, files["runs"])
        for table in tables:
            # without labels of its own an export leaves the ones that are here, and what follows from them
            spared = f"AND NOT {JUDGED}" if table == "metrics" and not brings_labels else ""
            connection.execute(f"DELETE FROM {table} WHERE list_contains(?, run_id) {spared}", [ids])  # noqa: S608
            connection.execute(
                f"INSERT INTO {table} BY NAME SELECT * FROM read_parquet(?) "  # noqa: S608
                f"WHERE list_contains(?, run_id) {spared}",
                [files[table], ids],
            )
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.ConstraintException) as error:
        raise UserError(f"{folder} cannot be imported: {first_line(error)}") from None
    return ids


def _check_columns(connection: Connection, table: str, file: str) -> None:
    described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [file]).fetchall()
    wanted = columns_of(connection, table)
    if {row[0] for row in described} != set(wanted):
        wrong = sorted({row[0] for row in described} ^ set(wanted))
        raise UserError(
            f"{file}: the columns are not those of {table} ({', '.join(wrong[:5])}); was it made by unreason?"
        )


def _check_conflicts(connection: Connection, folder: Path, runs: str) -> None:
    columns = ", ".join(columns_of(connection, "runs"))
    query = (
        f"SELECT run_id FROM (SELECT {columns} FROM runs WHERE run_id IN (SELECT run_id FROM read_parquet($file)) "  # noqa: S608
        f"EXCEPT SELECT {columns} FROM read_parquet($file)) ORDER BY run_id"
    )
    other = connection.execute(query, {"file": runs}).fetchone()
    if other:
        raise UserError(
            f"{folder}: run {other[0]} is here already with other results; import into another folder with --results"
        )
