"""One view a task with a typed column for every key of its conditions and scores.

The view ``samples_TASK`` has the run's model and mode, ``c_KEY`` columns for the condition and ``s_KEY`` columns for
the scores. Keys and tasks are data: they enter SQL only as quoted names and literals.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

# JSON pointers (RFC 6901), since a key may hold any character
_POINTER = "'/' || replace(replace(key, '~', '~0'), '/', '~1')"
_PLAIN = ("run_id", "model", "sample_id", "doc_id", "mode", "cluster", "target", "outcome", "answer", "error")


def refresh_views(connection: Connection, task: str | None = None) -> list[str]:
    """Makes the view of one task, or of all tasks, anew; returns the views' names."""
    tasks = _writable(connection.execute("SELECT DISTINCT task FROM runs ORDER BY task").fetchall())
    names = _distinct("samples_", tasks)
    made = [(one, name) for one, name in zip(tasks, names, strict=True) if task in (None, one)]
    for one, name in made:
        connection.execute(_view(connection, one, name))
    return [name for _, name in made]


def _view(connection: Connection, task: str, name: str) -> str:
    plain = [f"runs.{column}" if column == "model" else f"samples.{column}" for column in _PLAIN]
    conditions = _columns("c_", "condition", _condition_types(connection, task))
    scores = _columns("s_", "samples.scores", _score_types(connection, task))
    shown = [*plain, *(["conditions.* EXCLUDE (condition)"] if conditions else []), *scores]
    # a task has few conditions: each is taken apart once, which halves the time of a summary over a million samples
    return f"""
        CREATE OR REPLACE VIEW {_name(name)} AS
        WITH conditions AS MATERIALIZED (
            SELECT {", ".join(["condition", *conditions])} FROM (
                SELECT DISTINCT condition FROM samples JOIN runs USING (run_id) WHERE task = {_literal(task)}))
        SELECT {", ".join(shown)}
        FROM samples JOIN runs USING (run_id) JOIN conditions ON samples.condition = conditions.condition
        WHERE runs.task = {_literal(task)}"""  # noqa: S608


def _columns(prefix: str, column: str, types: dict[str, str]) -> list[str]:
    """SQL for one typed column a key of the JSON `column`."""
    columns = []
    for key, alias in zip(types, _distinct(prefix, list(types)), strict=True):
        pointer = _literal("/" + key.replace("~", "~0").replace("/", "~1"))
        columns.append(f"TRY_CAST(json_extract_string({column}, {pointer}) AS {types[key]}) AS {_name(alias)}")
    return columns


def _condition_types(connection: Connection, task: str) -> dict[str, str]:
    """Condition key -> SQL type that holds all its values."""
    query = f"""
        SELECT key, list(DISTINCT json_type(condition, {_POINTER})) FROM (
            SELECT condition, unnest(json_keys(condition)) AS key FROM (
                SELECT DISTINCT condition FROM samples JOIN runs USING (run_id) WHERE task = ?))
        GROUP BY key ORDER BY key"""  # noqa: S608
    found = dict(connection.execute(query, [task]).fetchall())
    return {key: _type_of(set(found[key]) - {"NULL"}) for key in _writable(found.items())}


def _score_types(connection: Connection, task: str) -> dict[str, str]:
    samples = "samples JOIN runs USING (run_id) WHERE task = ?"
    query = f"SELECT DISTINCT unnest(json_keys(scores)) AS key FROM {samples} ORDER BY key"  # noqa: S608
    return dict.fromkeys(_writable(connection.execute(query, [task]).fetchall()), "DOUBLE")


def _type_of(kinds: set[str]) -> str:
    if kinds and kinds <= {"BIGINT", "UBIGINT"}:
        return "BIGINT"
    if kinds and kinds <= {"BIGINT", "UBIGINT", "DOUBLE"}:
        return "DOUBLE"
    return "BOOLEAN" if kinds == {"BOOLEAN"} else "VARCHAR"


def _distinct(prefix: str, keys: list[str]) -> list[str]:
    """Names for `keys` that differ also for a database that does not tell capitals from small letters."""
    taken: set[str] = set()
    names = []
    for key in keys:
        name = prefix + key
        while name.lower() in taken:
            name += "_"
        taken.add(name.lower())
        names.append(name)
    return names


def _writable(rows: Iterable[tuple[Any, ...]]) -> list[str]:
    """The first column of `rows`, without names that hold a NUL: no SQL can."""
    return [row[0] for row in rows if "\0" not in row[0]]


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
