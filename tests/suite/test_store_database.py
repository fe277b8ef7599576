"""The database file: its schema version, whoever else holds it, and what goes wrong with files and disks."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock
from run_folders import write_folder

from suite.errors import UserError
from suite.store import Store, database


def one_line(caught: pytest.ExceptionInfo[UserError]) -> str:
    assert "\n" not in str(caught.value)
    return str(caught.value)


def filled(results: Path) -> Path:
    """A results folder with one run in its database; returns the database's path."""
    Store(results).ingest(write_folder(results))
    return results / "unreason.duckdb"


def test_importing_the_store_is_cheap() -> None:
    program = "import sys, suite.store; print({'duckdb', 'pandas', 'pyarrow', 'filelock'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "set()\n"


def test_a_reader_makes_no_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "nowhere")
    assert store.runs() == []
    assert store.sql("select count(*) as n from samples") == [{"n": 0}]
    assert not (tmp_path / "nowhere").exists()


def test_a_new_database_has_the_present_version_and_nothing_beside_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add_reference([])
    assert store.sql("from schema_info") == [{"version": database.schema_version()}]
    assert {path.name for path in tmp_path.iterdir()} <= {"unreason.duckdb", "unreason.duckdb.lock"}


def test_an_older_database_is_lifted_by_the_migrations_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path)
    monkeypatch.setattr(database, "MIGRATIONS", ("ALTER TABLE runs ADD COLUMN a INTEGER DEFAULT 1",))
    assert Store(tmp_path).sql("select a from runs") == [{"a": 1}]
    more = ("ALTER TABLE runs DROP COLUMN nonsense", "ALTER TABLE runs ADD COLUMN b INTEGER; UPDATE runs SET b = a + 1")
    monkeypatch.setattr(database, "MIGRATIONS", (more[0], more[1]))  # the first has been done and is not repeated
    assert Store(tmp_path).sql("select version, b from schema_info, runs") == [{"version": 3, "b": 2}]


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path)
    bad = ("ALTER TABLE runs ADD COLUMN a INTEGER", "ALTER TABLE nowhere ADD COLUMN b INTEGER")
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", bad)
        with pytest.raises(duckdb.CatalogException):
            Store(tmp_path)
    assert Store(tmp_path).sql("from schema_info") == [{"version": 1}]
    assert "a" not in Store(tmp_path).run("latest")


def test_a_newer_database_is_refused_at_once(tmp_path: Path) -> None:
    with duckdb.connect(str(filled(tmp_path))) as connection:
        connection.execute("UPDATE schema_info SET version = 7")
    with pytest.raises(UserError, match="schema version 7, this unreason knows versions up to 1; upgrade") as caught:
        Store(tmp_path)
    assert str(tmp_path / "unreason.duckdb") in one_line(caught)


def test_a_foreign_duckdb_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "unreason.duckdb")) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1 AS a")
    with pytest.raises(UserError, match="not one of unreason"):
        Store(tmp_path)
    with duckdb.connect(str(tmp_path / "unreason.duckdb")) as connection:
        assert connection.execute("SHOW TABLES").fetchall() == [("mine",)]


@pytest.mark.parametrize("bytes_", [b"", b"hello" * 9999], ids=["empty", "text"])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, bytes_: bytes) -> None:
    (tmp_path / "unreason.duckdb").write_bytes(bytes_)
    with pytest.raises(UserError, match=r"not a valid DuckDB database file.*move it away") as caught:
        Store(tmp_path)
    one_line(caught)


def test_a_damaged_database_is_one_line(tmp_path: Path) -> None:
    path = filled(tmp_path)
    content = bytearray(path.read_bytes())
    for place in range(12_288, len(content), 512):  # behind the headers
        content[place] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"cannot be used .*move it away") as caught:
        Store(tmp_path).samples("toy-m-1")
    one_line(caught)


def test_a_results_path_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("")
    with pytest.raises(UserError, match=r"cannot be written.*--results") as caught:
        Store(tmp_path / "results").add_reference([])
    one_line(caught)


def test_a_folder_without_permission_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")  # real permissions do not bind root, who may run these tests

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.raises(UserError, match=r"cannot be written \(Permission denied\); choose another with --results"):
        Store(tmp_path).add_reference([])


@contextmanager
def held_by_another_program(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has the database open until its standard input ends."""
    program = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.stdin.close()


def test_a_database_in_use_is_waited_for_and_people_are_told_by_whom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "TELL_AFTER_S", 0.1)
    path, told = filled(tmp_path), []
    with held_by_another_program(path) as holder:

        def let_go(line: str) -> None:
            told.append(line)
            holder.stdin.close()

        assert Store(tmp_path, notify=let_go).run("latest")["run_id"] == "toy-m-1"
    assert told == [f"waiting for another program (process {holder.pid}) that uses {path}"]


def test_waiting_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "GIVE_UP_AFTER_S", 0.2)
    with held_by_another_program(filled(tmp_path)) as holder, pytest.raises(UserError, match="still in use") as caught:
        Store(tmp_path)
    assert f"by another program (process {holder.pid}) after" in one_line(caught)


def test_a_turn_is_waited_for_and_logged_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = filled(tmp_path)
    monkeypatch.setattr(database, "TELL_AFTER_S", 0.1)
    monkeypatch.setattr(database, "GIVE_UP_AFTER_S", 0.3)
    with FileLock(f"{path}.lock"), caplog.at_level(logging.WARNING), pytest.raises(UserError, match="still in use"):
        Store(tmp_path)
    assert [record.getMessage() for record in caplog.records] == [f"waiting for another program that uses {path}"]
    assert Store(tmp_path).run("latest")
