"""What the runner, the command line and the report ask the database. Every value is bound, never part of the SQL.

Rows come as plain dictionaries with JSON columns parsed and times as ISO 8601 text in UTC.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, get_args

from suite.errors import UserError, unknown
from suite.identity import canonical_json
from suite.store.database import first_line
from suite.task import Outcome, Response, Sample, Scalar

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

# epoch_us: DuckDB's own conversion of such times to Python needs a package that it does not bring
_RUNS = "SELECT * REPLACE (epoch_us(started_at) AS started_at, epoch_us(finished_at) AS finished_at) FROM runs"
_NEWEST_FIRST = "ORDER BY coalesce(finished_at, started_at) DESC NULLS LAST, rowid DESC"
_SHORT = (
    *("sample_id", "doc_id", "mode", "condition", "cluster", "target", "outcome", "answer", "error", "scores"),
    *("prompt_tokens", "completion_tokens", "cost_usd", "latency_s"),
)
_TEXT = ("request_ids", "requests", "responses")
# text, so that what was typed on a command line finds numbers, true and null too; numbers may be written differently
_EQUALS = """(SELECT CASE WHEN json_type(condition, ?) IN ('BIGINT', 'UBIGINT', 'DOUBLE')
  THEN CAST(json_extract_string(condition, ?) AS DOUBLE) = TRY_CAST(text AS DOUBLE)
  ELSE coalesce(json_extract_string(condition, ?), 'null') = text END FROM (SELECT ? AS text))"""
_REFERENCE = ("task", "metric", "model", "condition", "value", "stderr", "source", "verified")


def runs(connection: Connection, task: str | None, model: str | None) -> list[dict[str, Any]]:
    """Rows of runs, newest first."""
    query = f"{_RUNS} WHERE task = coalesce($task, task) AND model = coalesce($model, model) {_NEWEST_FIRST}"
    return [_with_times(row) for row in _rows(connection, query, {"task": task, "model": model})]


def resolve(connection: Connection, name: str) -> str:
    """The id of the run that `name` stands for: an id, a unique beginning of one, or "latest".

    Raises:
        UserError: there is none, or there are several.
    """
    ids = [row[0] for row in connection.execute(f"SELECT run_id FROM runs {_NEWEST_FIRST}").fetchall()]  # noqa: S608
    if name in ids:
        return name
    if name == "latest" and ids:
        return str(ids[0])
    found = [run_id for run_id in ids if name and run_id.startswith(name)]
    if not found:
        raise unknown("run", name, ids, "`unreason show` lists them.")
    if len(found) > 1:
        raise UserError(
            f"run {name!r} could be {', '.join(found[:5])}{' ...' if found[5:] else ''}; write more of its id"
        )
    return found[0]


def run(connection: Connection, name: str) -> dict[str, Any]:
    """The row of one run, by anything that `resolve` takes."""
    (row,) = _rows(connection, f"{_RUNS} WHERE run_id = ?", [resolve(connection, name)])
    return _with_times(row)


def metrics(connection: Connection, run_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of metrics; those of a run in the order in which the task gave them."""
    query = "SELECT * FROM metrics WHERE list_contains(?, run_id) ORDER BY run_id, rowid"
    return list(_rows(connection, query, [list(run_ids)]))


def samples(
    connection: Connection,
    run_id: str,
    outcome: str | None,
    condition: Mapping[str, Scalar] | None,
    limit: int | None,
    offset: int,
    with_text: bool,
) -> list[dict[str, Any]]:
    """Rows of samples in the order of their docs; see `Store.samples`."""
    if outcome is not None and outcome not in get_args(Outcome):
        raise unknown("outcome", outcome, get_args(Outcome))
    where, values = ["run_id = ?"], [run_id]
    if outcome is not None:
        where.append("outcome = ?")
        values.append(outcome)
    if condition:
        _check_keys(connection, run_id, condition)
    for key, value in (condition or {}).items():
        where.append(_EQUALS)
        values += [_pointer(key)] * 3 + [value if isinstance(value, str) else json.dumps(value)]
    columns = ", ".join(_SHORT + _TEXT * with_text)
    query = f"SELECT {columns} FROM samples WHERE {' AND '.join(where)} ORDER BY doc_id, sample_id LIMIT ? OFFSET ?"  # noqa: S608
    return list(_rows(connection, query, [*values, limit, offset]))


def samples_of_docs(connection: Connection, run_id: str, doc_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of samples with their texts, of the docs that are named."""
    query = f"SELECT {', '.join(_SHORT + _TEXT)} FROM samples WHERE run_id = ? AND list_contains(?, doc_id) "  # noqa: S608
    return list(_rows(connection, f"{query} ORDER BY doc_id, sample_id", [run_id, list(doc_ids)]))


def drawn_samples(connection: Connection, run_id: str, count: int) -> list[dict[str, Any]]:
    """Rows of `count` samples with their texts; ids are digests, so that the lowest ones are a fair draw."""
    query = f"""SELECT {", ".join(_SHORT + _TEXT)} FROM samples WHERE run_id = ? AND sample_id IN
      (SELECT sample_id FROM samples WHERE run_id = ? ORDER BY sample_id LIMIT ?) ORDER BY doc_id, sample_id"""  # noqa: S608
    return list(_rows(connection, query, [run_id, run_id, count]))


def counts(connection: Connection, run_id: str) -> dict[str, int]:
    """How many samples a run has here, how many of them failed or are distinct, and of how many docs they are."""
    query = (
        "SELECT count(*) AS n_samples, count(error) AS n_failed, count(DISTINCT sample_id) AS n_distinct, "
        "count(DISTINCT doc_id) AS n_docs FROM samples WHERE run_id = ?"
    )
    (row,) = _rows(connection, query, [run_id])
    return row


def samples_for_metrics(connection: Connection, run_id: str) -> list[Sample]:
    """The samples of a run without requests and responses, in the order of their ids."""
    query = f"SELECT {', '.join(_SHORT)} FROM samples WHERE run_id = ? ORDER BY sample_id"  # noqa: S608
    cursor = connection.execute(query, [run_id])
    # a run has few distinct conditions, texts, names of scores and often scores: shared, they take half the memory
    condition_of = cache(json.loads)
    shared: Any = cache(str)
    decoder = json.JSONDecoder(object_pairs_hook=lambda pairs: {shared(name): value for name, value in pairs})
    scores_of = lru_cache(maxsize=1000)(decoder.decode)
    found = []
    for sample_id, doc_id, mode, condition, cluster, target, outcome, answer, error, scores, *usage in _fetch(cursor):
        doc_id, mode, cluster, target, outcome = map(shared, (doc_id, mode, cluster, target or "", outcome))
        tokens_and_cost = (value or 0 for value in usage)
        found.append(
            Sample(
                *(sample_id, doc_id, mode, condition_of(condition), cluster, scores_of(scores), outcome, answer),
                *(target, error, (), (), *tokens_and_cost),
            )
        )
    return found


class StoredResponses(Mapping[str, Response]):
    """Request id -> response, kept as JSON text and parsed when asked for."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def __getitem__(self, request_id: str) -> Response:
        return Response.from_json(json.loads(self._texts[request_id]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


def responses_for(connection: Connection, model_fingerprint: str) -> StoredResponses:
    """Every answer that runs of this model have got."""
    cursor = connection.execute(
        """SELECT json_extract_string(response, '/request_id'), CAST(response AS VARCHAR) FROM (
             SELECT unnest(from_json(responses, '["JSON"]')) AS response FROM samples JOIN runs USING (run_id)
             WHERE model_fingerprint = ?)
           WHERE json_extract_string(response, '/error') IS NULL""",
        [model_fingerprint],
    )
    return StoredResponses(dict(_fetch(cursor)))


def add_reference(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts published figures; one of the same task, metric, model, condition and source is replaced."""
    same = ("task", "metric", "model", "condition", "source")
    given: dict[tuple[Any, ...], dict[str, Any]] = {}
    for number, row in enumerate(rows, start=1):
        if wrong := set(row) - set(_REFERENCE):
            raise unknown(f"column of reference row {number}", min(wrong), _REFERENCE)
        full = {"stderr": None, "condition": {}, "verified": "", **row}
        if missing := [name for name in _REFERENCE if name not in full]:
            raise UserError(f"reference row {number}: column {missing[0]} is missing")
        full["condition"] = canonical_json(dict(full["condition"]))
        given[tuple(full[name] for name in same)] = full
    if not given:
        return
    kinds = {name: "DOUBLE" if name in ("value", "stderr") else "VARCHAR" for name in _REFERENCE}
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE given AS SELECT {", ".join(_REFERENCE)}
            FROM (SELECT unnest(from_json(?, '[{json.dumps(kinds)}]'), recursive := true))""",  # noqa: S608
        [json.dumps(list(given.values()))],
    )
    is_same = " AND ".join(f"reference.{name} = given.{name}" for name in same)
    connection.execute(f"DELETE FROM reference USING given WHERE {is_same}")  # noqa: S608
    connection.execute("INSERT INTO reference SELECT * FROM given")
    connection.execute("DROP TABLE given")


def references(connection: Connection, task: str | None) -> list[dict[str, Any]]:
    """Published figures, of one task or of all."""
    query = "SELECT * FROM reference WHERE task = coalesce(?, task) ORDER BY task, metric, model, condition, source"
    return list(_rows(connection, query, [task]))


def replace_trends(
    connection: Connection, task: str, family: str, axis: str, metric: str, curves: Sequence[Mapping[str, Any]]
) -> None:
    """Rows of the tables curves and points; those of the same task, family, axis and metric go."""
    key = [task, metric, family, axis]
    for table in ("curves", "points"):
        connection.execute(
            f"DELETE FROM {table} WHERE task = ? AND metric = ? AND family = ? AND axis = ?",  # noqa: S608
            key,
        )
    for curve in curves:
        condition = canonical_json({**curve["condition"], "mode": curve["mode"], "n": curve["n"]})
        slope = curve["slope"] or {}
        verdict = [curve["verdict"]["shape"], *(slope.get(name) for name in ("slope", "items_low", "items_high"))]
        connection.execute(
            "INSERT INTO curves VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [*key, *verdict, curve["note"], condition]
        )
        for point in curve["points"]:
            place = [point[name] for name in ("x", "value", "stderr", "run_id")]
            connection.execute("INSERT INTO points VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [*key, *place, condition])


def sql(connection: Connection, query: str) -> list[dict[str, Any]]:
    """The rows of a person's query; no file, network or setting is within its reach."""
    import duckdb

    connection.execute("SET TimeZone = 'UTC'; SET enable_external_access = false; SET lock_configuration = true")
    try:
        relation = connection.sql(query)
        if relation is None:
            return []
        names = _unlike(relation.columns)
        plain = (
            f"CAST(#{place} AS {_PLAIN_TYPES[kind]})" if kind in _PLAIN_TYPES else f"#{place}"
            for place, kind in enumerate((str(kind).partition("(")[0] for kind in relation.types), start=1)
        )
        return [dict(zip(names, row, strict=True)) for row in relation.project(", ".join(plain)).fetchall()]
    except (duckdb.IOException, duckdb.OutOfMemoryException):
        raise
    except duckdb.Error as error:
        raise UserError(f"sql: {first_line(error)}") from None


# types whose Python form needs another package or is no JSON
_PLAIN_TYPES = {"TIMESTAMP WITH TIME ZONE": "VARCHAR", "DECIMAL": "DOUBLE"}


def _pointer(key: str) -> str:
    """RFC 6901, since a key may hold any character."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _check_keys(connection: Connection, run_id: str, condition: Mapping[str, Scalar]) -> None:
    query = "SELECT DISTINCT unnest(json_keys(condition)) FROM samples WHERE run_id = ?"
    known = {row[0] for row in connection.execute(query, [run_id]).fetchall()}
    for key in condition:
        if known and key not in known:
            raise unknown(f"condition of run {run_id}", key, known)


def _rows(connection: Connection, query: str, values: Sequence[Any] | Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    cursor = connection.execute(query, values)
    names = [(column[0], str(column[1]) == "JSON") for column in cursor.description or ()]
    for row in _fetch(cursor):
        yield {
            name: json.loads(value) if is_json and value is not None else value
            for (name, is_json), value in zip(names, row, strict=True)
        }


def _fetch(cursor: Connection) -> Iterator[tuple[Any, ...]]:
    while batch := cursor.fetchmany(10_000):
        yield from batch


def _with_times(row: dict[str, Any]) -> dict[str, Any]:
    for name in ("started_at", "finished_at"):
        if row[name] is not None:
            seconds, micro = divmod(row[name], 1_000_000)
            row[name] = datetime.fromtimestamp(seconds, UTC).replace(microsecond=micro).isoformat()
    return row


def _unlike(names: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    for place, name in enumerate(names):
        seen.setdefault(name, place)
    return [name if seen[name] == place else f"{name}_{place + 1}" for place, name in enumerate(names)]
