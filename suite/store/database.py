"""The database file: opening it in turn with other processes, its schema version, and its failures in one line.

DuckDB lets one process at a time write a file. Connections here are therefore short-lived (open, do, close) and taken
in turn: a lock file orders the processes of the suite, and a database that some other program holds is waited for.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from suite.errors import UserError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

FILE_NAME = "unreason.duckdb"
TELL_AFTER_S = 1.0
GIVE_UP_AFTER_S = 600.0
POLL_S = 0.05

# MIGRATIONS[i] is the SQL that lifts a database from version i + 1 to i + 2; schema.sql always is the newest version.
MIGRATIONS: tuple[str, ...] = ()

_T = TypeVar("_T")


def schema_version() -> int:
    """The version that schema.sql describes."""
    return 1 + len(MIGRATIONS)


class Database:
    """The file ``unreason.duckdb`` in `results`; made by the first writer, never by a reader.

    Args:
        results: the folder.
        notify: is told in one line when this process has to wait; by default the log ``unreason.store``.
    """

    def __init__(self, results: Path, notify: Callable[[str], None] | None = None) -> None:
        self.results = results
        self.path = results / FILE_NAME
        self.notify = notify or logging.getLogger("unreason.store").warning

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read-only connection; without a file an empty database in memory.

        Raises:
            UserError: the file is damaged, foreign, newer than this version, or held for too long.
        """
        if self.path.exists():
            with self._turn(), self._connection(read_only=True) as connection:
                yield connection
        else:
            with self._closing(_connect(":memory:", read_only=False)) as connection:
                _create(connection)
                connection.execute("BEGIN TRANSACTION READ ONLY")
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection within one transaction: committed at the end, rolled back by any exception.

        Raises:
            UserError: as for `reading`; the folder cannot be written, or the disk is full (nothing is changed then).
        """
        try:
            self.results.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from None
        with self._turn(), self._connection(read_only=False) as connection:
            connection.begin()
            try:
                yield connection
                connection.commit()
            except BaseException:
                _roll_back(connection)
                raise

    @contextmanager
    def _connection(self, read_only: bool) -> Iterator[Connection]:
        """A connection to a file of the present version: made if there is none, migrated if it is older."""
        if not self.path.exists():
            self._make()
        with self._closing(self._open(read_only)) as connection:
            version = self._version(connection)
            if version == schema_version():
                yield connection
                return
        with self._closing(self._open(read_only=False)) as connection:
            _migrate(connection, version)
        with self._closing(self._open(read_only)) as connection:
            yield connection

    def _make(self) -> None:
        """Makes the file beside its place first, so that a crash cannot leave half a database there."""
        new = self.path.with_name(f"{FILE_NAME}.new")
        try:
            new.unlink(missing_ok=True)
            with self._plain_errors(), self._closing(_connect(str(new), read_only=False)) as connection:
                _create(connection)
            os.replace(new, self.path)
        except OSError as error:
            raise self._unwritable(error) from None
        finally:
            new.unlink(missing_ok=True)

    def _version(self, connection: Connection) -> int:
        known = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'schema_info'").fetchone()
        row = connection.execute("SELECT version FROM schema_info").fetchone() if known and known[0] else None
        if row is None:
            raise UserError(
                f"{self.path} is a DuckDB database, but not one of unreason; choose another --results folder"
            )
        if row[0] > schema_version():
            raise UserError(
                f"{self.path} has schema version {row[0]}, this unreason knows versions up to {schema_version()}; "
                "upgrade unreason or choose another --results folder"
            )
        return int(row[0])

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Holds the lock that orders the processes of the suite."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.results / f"{FILE_NAME}.lock", timeout=0)

        def acquire() -> None:
            try:
                lock.acquire()
            except Timeout:
                raise _BusyError from None

        try:
            self._when_free(acquire)
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            yield
        finally:
            lock.release()

    def _open(self, read_only: bool) -> Connection:
        def connect() -> Connection:
            import duckdb

            try:
                return _connect(str(self.path), read_only)
            except duckdb.ConnectionException:  # this process has it open in the other mode
                raise _BusyError from None
            except duckdb.IOException as error:
                if "Could not set lock" in str(error):
                    raise _BusyError(str(error)) from None
                raise

        with self._plain_errors():
            return self._when_free(connect)

    def _when_free(self, attempt: Callable[[], _T]) -> _T:
        """Tries until nobody else holds what `attempt` needs; tells people about it when that takes a while."""
        started, told = time.monotonic(), False
        while True:
            try:
                return attempt()
            except _BusyError as busy:
                waited = time.monotonic() - started
                holder = f" (process {busy.pid})" if busy.pid else ""
                if waited >= GIVE_UP_AFTER_S:
                    raise UserError(
                        f"{self.path} is still in use by another program{holder} after {waited:.0f} s; "
                        "end that program or choose another --results folder"
                    ) from None
                if waited >= TELL_AFTER_S and not told:
                    self.notify(f"waiting for another program{holder} that uses {self.path}")
                    told = True
            time.sleep(POLL_S)

    @contextmanager
    def _closing(self, connection: Connection) -> Iterator[Connection]:
        """Closes the connection in the end; damage and full disks become one line."""
        with self._plain_errors():
            try:
                yield connection
            finally:
                connection.close()

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        import duckdb

        try:
            yield
        except (duckdb.IOException, duckdb.TransactionException, duckdb.OutOfMemoryException) as error:
            raise self._failed(error) from error
        except duckdb.Error as error:
            if type(error) is duckdb.Error or isinstance(error, duckdb.FatalException):  # checksum failures come so
                raise self._failed(error) from error
            raise

    def _failed(self, error: Exception) -> UserError:
        reason = first_line(error)
        if re.search(r"could not write|no space left|too large|quota|read-only file system", reason, re.IGNORECASE):
            return UserError(
                f"cannot write {self.path} ({reason}); nothing in it was changed: make room, then run the command again"
            )
        return UserError(
            f"{self.path} cannot be used ({reason}); if it is damaged, move it away: "
            "`unreason ingest` builds a new one from the journals"
        )

    def _unwritable(self, error: OSError) -> UserError:
        return UserError(
            f"results folder {self.results} cannot be written ({error.strerror or error}); "
            "choose another with --results"
        )


class _BusyError(Exception):
    """Somebody else holds the database."""

    @property
    def pid(self) -> str:
        found = re.search(r"PID (\d+)", str(self))
        return found[1] if found else ""


def first_line(error: Exception) -> str:
    """What DuckDB says, without its hints and its picture of the query."""
    return str(error).strip().partition("\n")[0]


def _connect(path: str, read_only: bool) -> Connection:
    import duckdb

    connection = duckdb.connect(path, read_only=read_only, config={"autoinstall_known_extensions": "false"})
    connection.execute("SET enable_progress_bar = false")  # it would write to standard output
    return connection


def _create(connection: Connection) -> None:
    connection.begin()
    connection.execute(resources.files("suite.store").joinpath("schema.sql").read_text(encoding="utf-8"))
    connection.execute("INSERT INTO schema_info VALUES (?)", [schema_version()])
    connection.commit()


def _migrate(connection: Connection, version: int) -> None:
    connection.begin()
    for migration in MIGRATIONS[version - 1 :]:
        connection.execute(migration)
    connection.execute("UPDATE schema_info SET version = ?", [schema_version()])
    connection.commit()


def _roll_back(connection: Connection) -> None:
    import duckdb

    with suppress(duckdb.Error):  # a failed commit has ended the transaction already
        connection.rollback()
