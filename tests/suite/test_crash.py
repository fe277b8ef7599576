"""Runs that are killed, starved of disk or crowded by others end with the same samples as a run left in peace.

Processes come from a fork server that has the engine imported already, so that a kill hits the run, not its start.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import resource
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

import suite
from suite.errors import UserError
from suite.progress import Silent
from suite.results import RunResult
from suite.store.journal import FILE_NAME

TOY = Path(__file__).parent / "toy_tasks"
N_KILLS = 20
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["suite.runner", "suite.store", "suite.models.scripted", "pydantic", "duckdb"])


def run(results: Path, delay_s: float = 0.0, seed: int = 0, n: int = 24) -> RunResult:
    return suite.run(
        "toy",
        "scripted/slow",
        options={"n": n},
        model_options={"delay_s": delay_s, "seed": seed},
        results=results,
        tasks_dir=TOY,
        reporter=Silent(),
    )


def started(work: Callable[..., object], *arguments: object) -> BaseProcess:
    process = processes.Process(target=work, args=arguments)
    process.start()
    return process


def succeeded(*running: BaseProcess) -> bool:
    for process in running:
        process.join(timeout=60)
    return all(process.exitcode == 0 for process in running)


def journal_of(results: Path) -> list[dict[str, object]]:
    """Every line of the one journal under `results`, without the time that it took."""
    (file,) = results.glob(f"runs/*/{FILE_NAME}")
    lines = []
    for line in file.read_bytes().splitlines():
        row = json.loads(line)
        row.pop("latency_s")
        for response in row["responses"]:
            response.pop("latency_s", None)
        lines.append(row)
    return sorted(lines, key=lambda row: row["sample_id"])


def length_of(results: Path) -> int:
    return sum(file.read_bytes().count(b"\n") for file in results.glob(f"runs/*/{FILE_NAME}"))


def test_a_run_killed_twenty_times_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    undisturbed = run(tmp_path / "undisturbed", delay_s=1e-9, n=80)
    moments, lengths = random.Random(20), [0]
    for _ in range(N_KILLS):
        process = started(run, tmp_path / "killed", 0.04, 0, 80)
        further = lengths[-1] + moments.randint(0, 5)  # with 0 the kill may hit the start of the run
        while length_of(tmp_path / "killed") < further and process.is_alive():
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.06))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL, "the run ended before it was killed"
        lengths.append(length_of(tmp_path / "killed"))
    assert lengths == sorted(lengths)
    assert 0 < lengths[-1] < 240
    assert len(set(lengths)) > N_KILLS / 2, "too few kills fell into the middle of the run"

    final = run(tmp_path / "killed", delay_s=1e-9, n=80)
    assert final.status == "complete"
    assert journal_of(tmp_path / "killed") == journal_of(tmp_path / "undisturbed")
    assert final.metrics == undisturbed.metrics
    assert (final.prompt_tokens, final.completion_tokens) == (undisturbed.prompt_tokens, undisturbed.completion_tokens)
    assert len(final.samples()) == 240


def with_little_disk(results: Path, n_bytes: int, told: multiprocessing.queues.SimpleQueue[str]) -> None:
    """Runs where no file may grow beyond `n_bytes`: writing fails as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, resource.RLIM_INFINITY))
    try:
        run(results)
    except UserError as error:
        told.put(str(error))


def test_a_full_disk_ends_the_run_in_one_line_and_room_lets_it_go_on(tmp_path: Path) -> None:
    told = processes.SimpleQueue()
    assert succeeded(started(with_little_disk, tmp_path / "full", 12_000, told))
    line = told.get()
    assert line.startswith(f"cannot write to {tmp_path / 'full'}") and "\n" not in line
    assert 5 < length_of(tmp_path / "full") < 72

    assert run(tmp_path / "full").status == "complete"
    run(tmp_path / "undisturbed")
    assert journal_of(tmp_path / "full") == journal_of(tmp_path / "undisturbed")


def read_all_the_time(results: Path, until: Path, seen: multiprocessing.queues.SimpleQueue[int]) -> None:
    """What a report does while runs go on: queries, again and again, and once more in the end."""
    over = False
    while not over:
        over = until.exists()
        store = suite.Store(results)
        samples = [sample for row in store.runs() for sample in store.samples_for_metrics(row["run_id"])]
        time.sleep(0.02)
    seen.put(len(samples))


def test_two_runs_into_one_store_with_a_reader_meanwhile_all_succeed(tmp_path: Path) -> None:
    results, over, seen = tmp_path / "results", tmp_path / "over", processes.SimpleQueue()
    reader = started(read_all_the_time, results, over, seen)
    runs = [started(run, results, 0.02, seed) for seed in (1, 2)]
    assert succeeded(*runs)
    over.touch()
    assert succeeded(reader)
    assert seen.get() == 2 * 72
    for seed in (1, 2):
        again = run(results, seed=seed)
        assert again.reused
        assert len(again.samples()) == 72


def test_the_same_run_twice_at_once_is_executed_once(tmp_path: Path) -> None:
    first = started(run, tmp_path, 0.05)
    deadline = time.monotonic() + 30
    while not length_of(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.raises(UserError, match="another process is executing this run"):
        run(tmp_path)
    os.kill(first.pid, signal.SIGKILL)
    first.join()
    assert run(tmp_path).status == "complete"  # the lock died with its process
