"""Labels in the database: all that one judge says of one run is replaced together, by bulk load.

The metrics that a task computes from labels stand beside its own, with the judge's name in their condition; loading
the run's folder again must leave them, since the folder knows nothing of judges.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.identity import canonical_json
from suite.judges.record import Label
from suite.provenance import now
from suite.store.columns import columns_of, literal_path
from suite.task import Metric

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

# metrics of a judge whose labels are here; the one place that says which these are
JUDGED = """coalesce((run_id, json_extract_string(condition, '/judge')) IN
  (SELECT (labels.run_id, labels.judge) FROM labels), false)"""


_OF_TASK = "run_id = ? AND NOT starts_with(name, 'canary_')"  # canaries measure the judge, whatever the task


def replace(
    connection: Connection, run_id: str, judge: str, labels: Iterable[Label], metrics: Sequence[Metric]
) -> None:
    """Puts these labels and metrics of a judge in the place of all that it had said of the run."""
    connection.execute("DELETE FROM labels WHERE run_id = ? AND judge = ?", [run_id, judge])
    connection.execute(
        "DELETE FROM metrics WHERE run_id = ? AND json_extract_string(condition, '/judge') = ?", [run_id, judge]
    )
    at = now()
    rows = (
        {"run_id": run_id, "sample_id": label.sample_id, "judge": judge, "label": label.to_json(), "created_at": at}
        for label in labels
    )
    _insert(connection, "labels", rows)
    _insert(connection, "metrics", ({"run_id": run_id, **metric.to_json()} for metric in metrics))


def judges_with_metrics(connection: Connection, run_id: str) -> list[str]:
    """The judges that have metrics other than those of the judge's own quality."""
    judge = "json_extract_string(condition, '/judge')"
    query = f"SELECT DISTINCT {judge} FROM metrics WHERE {_OF_TASK} AND {JUDGED} ORDER BY 1"  # noqa: S608
    return [row[0] for row in connection.execute(query, [run_id]).fetchall()]


def renew(connection: Connection, run_id: str, judge: str, metrics: Sequence[Metric]) -> None:
    """Replaces a judge's metrics but those of its own quality."""
    where = f"{_OF_TASK} AND json_extract_string(condition, '/judge') = ?"
    connection.execute(f"DELETE FROM metrics WHERE {where}", [run_id, judge])  # noqa: S608
    _insert(connection, "metrics", ({"run_id": run_id, **metric.to_json()} for metric in metrics))


def read(connection: Connection, run_id: str, judge: str | None) -> list[Label]:
    """Labels of a run, by one judge or by all, in the order of judges, samples and units."""
    query = """SELECT label FROM labels WHERE run_id = ? AND judge = coalesce(?, judge)
        ORDER BY judge, sample_id, CAST(json_extract_string(label, '/unit') AS BIGINT)"""
    return [Label.from_json(json.loads(row[0])) for row in connection.execute(query, [run_id, judge]).fetchall()]


def judges(connection: Connection, run_id: str) -> list[dict[str, Any]]:
    """One row a judge of the run: its name, its labels, and when they were stored."""
    query = """SELECT judge, count(*), CAST(max(created_at) AS VARCHAR) FROM labels
        WHERE run_id = ? GROUP BY judge ORDER BY judge"""
    rows = connection.execute(query, [run_id]).fetchall()
    return [{"judge": judge, "labels": count, "stored_at": at} for judge, count, at in rows]


def _insert(connection: Connection, table: str, rows: Iterable[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.jsonl"
        with file.open("w", encoding="utf-8") as lines:
            lines.writelines(canonical_json(row) + "\n" for row in rows)
        if file.stat().st_size:
            connection.execute(
                f"INSERT INTO {table} BY NAME SELECT * FROM "  # noqa: S608
                "read_json($file, format = 'newline_delimited', columns = $columns)",
                {"file": literal_path(file), "columns": columns_of(connection, table)},
            )
