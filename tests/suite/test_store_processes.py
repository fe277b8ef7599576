"""Real processes that crowd, are killed or run out of disk: the database always holds whole runs, old or new.

Processes come from a fork server that has the store imported already, so that a kill hits the work, not the start.
"""

from __future__ import annotations

import multiprocessing
import random
import resource
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from run_folders import metric_row, run_row, sample_row, write_folder

from suite.errors import UserError
from suite.store import Store

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["suite.store", "duckdb", "filelock", "run_folders"])


def started(work: Callable[..., None], *arguments: object) -> BaseProcess:
    process = processes.Process(target=work, args=arguments)
    process.start()
    return process


def ingest_runs(results: Path, run_ids: list[str]) -> None:
    for run_id in run_ids:
        Store(results).ingest(results / "runs" / run_id)


def read_until(results: Path, over: Path) -> None:
    """What a report does, again and again: whatever it sees of a run is whole."""
    while not over.exists():
        for row in Store(results).runs():
            assert len(Store(results).samples_for_metrics(row["run_id"])) == row["n_samples"] == 4
        Store(results).sql("select avg(s_em) from samples_toy") if Store(results).runs() else None


def test_two_ingest_while_a_third_reads_and_all_succeed(tmp_path: Path) -> None:
    names = [[f"{who}-{number}" for number in range(5)] for who in "ab"]
    every = [*names[0], *names[1]]
    for run_id in every:
        write_folder(tmp_path, run_row(run_id), metrics=[metric_row()])
    over = tmp_path / "over"
    reader = started(read_until, tmp_path, over)
    writers = [started(ingest_runs, tmp_path, some) for some in names]
    for process in writers:
        process.join(timeout=60)
    over.touch()
    reader.join(timeout=60)
    assert [process.exitcode for process in (*writers, reader)] == [0, 0, 0]
    assert {row["run_id"] for row in Store(tmp_path).runs()} == set(every)
    assert len(Store(tmp_path).metrics(every)) == 10


def large(results: Path, answer: str) -> Path:
    rows = (sample_row(number, answer=answer, target=f"{random.Random(number).random()}" * 9) for number in range(9000))
    return write_folder(results, samples=rows)


def test_a_killed_ingest_leaves_the_old_content_or_the_new(tmp_path: Path) -> None:
    Store(tmp_path).ingest(large(tmp_path, "old"))
    folder = large(tmp_path, "new")
    moments = random.Random(5)
    seen = set()
    for _ in range(4):
        process = started(ingest_runs, tmp_path, [folder.name])
        time.sleep(moments.uniform(0.02, 0.3))
        process.kill()  # SIGKILL; nothing to kill where the ingest was quicker
        process.join()
        rows = Store(tmp_path).sql("select answer, count(*) as n from samples group by answer")
        assert [row["n"] for row in rows] == [9000], "neither wholly old nor wholly new"
        seen.add(rows[0]["answer"])
    assert seen <= {"old", "new"}
    Store(tmp_path).ingest(folder)
    assert Store(tmp_path).sql("select distinct answer from samples") == [{"answer": "new"}]


def ingest_with_little_disk(folder: Path, room: int, told: multiprocessing.queues.SimpleQueue[str]) -> None:
    """Ingests where no file may grow beyond `room` bytes: writing fails as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    try:
        Store(folder.parents[1]).ingest(folder)
    except UserError as error:
        told.put(str(error))


@pytest.mark.parametrize("share", [0.0, 0.6])
def test_a_full_disk_is_one_line_and_leaves_the_old_content(tmp_path: Path, share: float) -> None:
    Store(tmp_path).ingest(write_folder(tmp_path))
    size = (tmp_path / "unreason.duckdb").stat().st_size
    enough = tmp_path / "enough"
    Store(enough).ingest(large(enough, "new"))
    growth = (enough / "unreason.duckdb").stat().st_size - size
    folder, told = large(tmp_path, "new"), processes.SimpleQueue()
    process = started(ingest_with_little_disk, folder, size + int(share * growth), told)
    process.join(timeout=60)
    assert process.exitcode == 0
    line = told.get()
    assert line.startswith(f"cannot write {tmp_path / 'unreason.duckdb'}")
    assert "make room" in line
    assert "\n" not in line
    assert [row["answer"] for row in Store(tmp_path).samples("toy-m-1")] == ["Ada"] * 4
    Store(tmp_path).ingest(folder)
    assert Store(tmp_path).run("latest")["n_samples"] == 9000


def test_a_disk_without_room_for_a_new_database_leaves_none(tmp_path: Path) -> None:
    folder, told = write_folder(tmp_path), processes.SimpleQueue()
    process = started(ingest_with_little_disk, folder, 4096, told)
    process.join(timeout=60)
    assert told.get().startswith("cannot write")
    assert not list(tmp_path.glob("unreason.duckdb*.new"))
    assert Store(tmp_path).ingest_all() == ["toy-m-1"]
