"""What every bulk load needs: the columns of a table, and paths as DuckDB takes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection


def columns_of(connection: Connection, table: str) -> dict[str, str]:
    """Column name -> SQL type of a table."""
    rows = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() "
        "WHERE table_name = ? AND database_name = current_database() ORDER BY column_index",
        [table],
    )
    return dict(rows.fetchall())


def literal_path(file: Path) -> str:
    """The path as DuckDB takes it, with nothing in it read as a wildcard."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(file))
