"""`Store`: the database of a results folder, from journals in to rows out."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from suite.errors import UserError
from suite.judges.record import Label
from suite.store import exchange, labels, load, queries
from suite.store.database import Database
from suite.store.journal import FILE_NAME, LOCK_NAME
from suite.store.views import refresh_views
from suite.task import Metric, Response, Sample, Scalar


class Store:
    """Runs, samples and metrics in ``results/unreason.duckdb``; any number of processes may use one at a time.

    Every method opens the database, waits its turn if need be, does its work and closes it. Rows are dictionaries with
    the columns of schema.sql: JSON parsed, times as ISO 8601 text in UTC. Apart from `run`, methods take whole run ids.

    Args:
        results: the folder of the database and of ``runs/RUN_ID``; made by the first that writes.
        notify: is told in one line what people should know (waiting, a dropped line); by default a log warning.

    Raises:
        UserError: by every method: the file is damaged, foreign, of a newer schema, or in use for over ten minutes;
            by those that write, also: the folder cannot be written or the disk is full, and nothing was changed.
    """

    def __init__(self, results: Path = Path("results"), notify: Callable[[str], None] | None = None) -> None:
        self.results = Path(results)
        self._database = Database(self.results, notify)
        if self._database.path.exists():
            with self._database.reading():  # what cannot be used is refused before anything else happens
                pass

    def ingest(self, folder: Path) -> None:
        """Loads a run folder (run.json, journal.jsonl, metrics.json) in one transaction; twice changes nothing.

        A run that is going on is stored as incomplete. What the database has of a run whose journal is gone (`gc`), or
        of a complete run that is begun anew, stays until the folder has as much.

        Raises:
            UserError: a file is broken (named, with its line), or as for all methods.
        """
        self._ingest(Path(folder))

    def ingest_all(self) -> list[str]:
        """Loads every folder in ``results/runs`` that is new or has changed; returns the ids of the runs.

        Raises:
            UserError: some folders are broken; all others are loaded.
        """
        with self._database.reading() as connection:
            known = dict(connection.execute("SELECT run_id, files FROM ingested").fetchall())
        done, problems = [], []
        for file in sorted((self.results / "runs").glob(f"*/{load.RUN_FILE}")):
            folder = file.parent
            if known.get(folder.name) == load.state_of(folder):
                continue
            try:
                if self._ingest(folder):
                    done.append(folder.name)
            except UserError as error:
                problems.append(str(error))
        if problems:
            raise UserError("; ".join(dict.fromkeys(problems)) + (f" (ingested: {', '.join(done)})" if done else ""))
        return done

    def runs(self, task: str | None = None, model: str | None = None) -> list[dict[str, Any]]:
        """Rows of `runs`, newest first, of one task or model or of all."""
        with self._database.reading() as connection:
            return queries.runs(connection, task, model)

    def run(self, name: str) -> dict[str, Any]:
        """The row of one run.

        Args:
            name: its id, a unique beginning of it, or "latest".

        Raises:
            UserError: no such run (with the nearest names), or several.
        """
        with self._database.reading() as connection:
            return queries.run(connection, name)

    def metrics(self, run_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Rows of `metrics`; those of a run in the order in which the task gave them."""
        with self._database.reading() as connection:
            return queries.metrics(connection, run_ids)

    def samples(
        self,
        run_id: str,
        outcome: str | None = None,
        condition: Mapping[str, Scalar] | None = None,
        limit: int | None = None,
        offset: int = 0,
        with_text: bool = False,
    ) -> list[dict[str, Any]]:
        """Rows of `samples`, in the order of doc and sample ids.

        Args:
            outcome: only these.
            condition: only samples with these values; text is also compared with numbers and true, false, null.
            with_text: with request_ids, requests and responses.

        Raises:
            UserError: an outcome that does not exist, or a condition key that no sample of the run has.
        """
        with self._database.reading() as connection:
            return queries.samples(connection, run_id, outcome, condition, limit, offset, with_text)

    def samples_of_docs(self, run_id: str, doc_ids: Sequence[str]) -> list[dict[str, Any]]:
        """The samples of some docs, with their texts, in the order of doc and sample ids."""
        with self._database.reading() as connection:
            return queries.samples_of_docs(connection, run_id, doc_ids)

    def drawn_samples(self, run_id: str, count: int) -> list[dict[str, Any]]:
        """`count` samples of a run, drawn by their identities, with their texts, in the order of their docs."""
        with self._database.reading() as connection:
            return queries.drawn_samples(connection, run_id, count)

    def counts(self, run_id: str) -> dict[str, int]:
        """Of the samples that are stored of a run: n_samples, n_failed, n_distinct (by id), n_docs."""
        with self._database.reading() as connection:
            return queries.counts(connection, run_id)

    def samples_for_metrics(self, run_id: str) -> list[Sample]:
        """The samples of a run without requests and responses, in the order of their ids."""
        with self._database.reading() as connection:
            return queries.samples_for_metrics(connection, run_id)

    def put_labels(self, run_id: str, judge: str, given: Iterable[Label], metrics: Sequence[Metric] = ()) -> None:
        """Stores what a judge says of a run, and the metrics that follow (their condition names the judge).

        All that the judge had said of the run before is replaced.
        """
        with self._database.writing() as connection:
            labels.replace(connection, run_id, judge, given, metrics)

    def judges_with_metrics(self, run_id: str) -> list[str]:
        """The judges from whose labels the task has computed metrics."""
        with self._database.reading() as connection:
            return labels.judges_with_metrics(connection, run_id)

    def renew_judged(self, run_id: str, judge: str, metrics: Sequence[Metric]) -> None:
        """Puts what a task computes from a judge's labels in the place of what it had computed before."""
        with self._database.writing() as connection:
            labels.renew(connection, run_id, judge, metrics)

    def labels(self, run_id: str, judge: str | None = None) -> list[Label]:
        """Labels of a run, by one judge or by all, in the order of judges, samples and units."""
        with self._database.reading() as connection:
            return labels.read(connection, run_id, judge)

    def judges(self, run_id: str) -> list[dict[str, Any]]:
        """Who has labelled the run: a row a judge, with judge, labels (how many) and stored_at."""
        with self._database.reading() as connection:
            return labels.judges(connection, run_id)

    def responses_for(self, model_fingerprint: str) -> Mapping[str, Response]:
        """Request id -> response without error, of all runs of a model; read once, parsed on access."""
        with self._database.reading() as connection:
            return queries.responses_for(connection, model_fingerprint)

    def add_reference(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Stores published figures: task, metric, model, value, source; also condition, stderr, verified.

        A figure of the same task, metric, model, condition and source is replaced.
        """
        with self._database.writing() as connection:
            queries.add_reference(connection, rows)

    def references(self, task: str | None = None) -> list[dict[str, Any]]:
        """Published figures, of one task or of all."""
        with self._database.reading() as connection:
            return queries.references(connection, task)

    def replace_trends(
        self, task: str, family: str, axis: str, metric: str, curves: Sequence[Mapping[str, Any]]
    ) -> None:
        """Stores curves and their points (`suite.trend.engine.Curve.to_json`) in the place of earlier ones."""
        with self._database.writing() as connection:
            queries.replace_trends(connection, task, family, axis, metric, curves)

    def sql(self, query: str) -> list[dict[str, Any]]:
        """The rows of any query; the database is open read-only, and files and network are out of reach.

        Raises:
            UserError: the query is wrong, or would change something.
        """
        with self._database.reading() as connection:
            return queries.sql(connection, query)

    def refresh_views(self) -> list[str]:
        """Makes the view ``samples_TASK`` of every task anew: c_KEY and s_KEY columns for condition and scores.

        Every ingest does this for its task. Returns the names of the views.
        """
        with self._database.writing() as connection:
            return refresh_views(connection)

    def export(self, run_ids: Sequence[str] | None, folder: Path) -> list[Path]:
        """Writes runs (by any name that `run` takes; None: all) as Parquet, a file each; see `exchange`."""
        with self._database.reading() as connection:
            names = [row["run_id"] for row in queries.runs(connection, None, None)] if run_ids is None else run_ids
            ids = [queries.resolve(connection, name) for name in names]
            return exchange.export_runs(connection, ids, Path(folder))

    def import_(self, path: Path) -> list[str]:
        """Takes over exported runs (a file, or a folder of them), or logs of another harness.

        Returns the ids of the runs; doing it twice changes nothing.

        Raises:
            UserError: there is nothing to import, a file is broken, or a run of ours is here with another content.
        """
        path = Path(path)
        if not path.exists():
            raise UserError(f"{path}: no such file or folder")
        files = exchange.exports_in(path)
        if not files:
            return self._import_logs(path)
        with self._database.writing() as connection:
            ids = [exchange.import_run(connection, file) for file in files]
            refresh_views(connection)
        return ids

    def gc(self, delete: bool = False) -> list[dict[str, Any]]:
        """Journals of runs that are complete and wholly in the database: lists them, and deletes them if told to.

        Returns a row a journal: run_id, bytes.
        """
        from filelock import FileLock, Timeout

        with self._database.reading() as connection:
            query = "SELECT run_id, files FROM ingested JOIN runs USING (run_id) WHERE status = 'complete'"
            known = connection.execute(f"{query} ORDER BY run_id").fetchall()
        found = []
        for run_id, files in known:
            folder = self.results / "runs" / run_id
            if _is_empty(folder) or load.state_of(folder) != files:
                continue
            try:
                with FileLock(folder / LOCK_NAME, timeout=0):  # nobody may be executing the run
                    found.append({"run_id": run_id, "bytes": (folder / FILE_NAME).stat().st_size})
                    if delete:
                        (folder / FILE_NAME).unlink()
            except Timeout:
                continue
            except OSError as error:
                raise UserError(f"{folder / FILE_NAME} cannot be deleted: {error.strerror or error}") from None
        return found

    def _ingest(self, folder: Path) -> bool:
        """Loads a run folder unless the database has more of it; says which."""
        run = load.read_run_file(folder)
        if self._has_more(folder, run):
            return False
        journal, reason = folder / FILE_NAME, ""
        if not journal.exists() or load.ends_whole(journal):
            try:
                self._load_folder(folder, run, journal if journal.exists() else None)
                return True
            except load.JournalError as error:
                reason = str(error)
        with load.whole_lines(journal, reason, self._database.notify) as lines:
            try:
                self._load_folder(folder, run, lines)
            except load.JournalError as error:
                raise UserError(f"{journal} cannot be read: {error}") from None
        return True

    def _has_more(self, folder: Path, run: Mapping[str, Any]) -> bool:
        """Whether the folder has lost what the database holds: its journal, or a complete run that is begun anew."""
        with self._database.reading() as connection:
            query = "SELECT status, n_samples FROM runs WHERE run_id = ?"
            row = connection.execute(query, [run["run_id"]]).fetchone()
        if row is None or _is_empty(folder):
            return row is not None
        status, n_samples = row
        if status != "complete" or run.get("status") == "complete":
            return False
        with (folder / FILE_NAME).open("rb") as lines:
            return sum(1 for _ in lines) < (n_samples or 0)

    def _load_folder(self, folder: Path, run: Mapping[str, Any], journal: Path | None) -> None:
        files = load.state_of(folder)  # before reading: what is appended meanwhile is a change for the next time
        metrics = folder / load.METRICS_FILE
        with self._database.writing() as connection:
            load.load_run(connection, run, journal, metrics if metrics.exists() else None)
            connection.execute("INSERT OR REPLACE INTO ingested VALUES (?, ?)", [run["run_id"], files])
            refresh_views(connection, run["task"])

    def _import_logs(self, path: Path) -> list[str]:
        from suite.store.logs import read_foreign_logs

        ids = []
        with tempfile.TemporaryDirectory() as folder:
            journal, metrics = Path(folder) / FILE_NAME, Path(folder) / load.METRICS_FILE
            for logged in read_foreign_logs(path):
                with journal.open("w", encoding="utf-8") as lines:
                    lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in logged.samples())
                metrics.write_text(json.dumps(logged.metrics), encoding="utf-8")
                samples = journal if logged.samples_file else None
                with self._database.writing() as connection:
                    load.load_run(connection, logged.run, samples, metrics)
                    refresh_views(connection, logged.run["task"])
                ids.append(str(logged.run["run_id"]))
        return ids


def _is_empty(folder: Path) -> bool:
    """Whether the folder has no journal, or one without a line: its samples are in the database or nowhere."""
    journal = folder / FILE_NAME
    return not journal.exists() or journal.stat().st_size == 0
