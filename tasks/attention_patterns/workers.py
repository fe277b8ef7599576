"""Runs of several mechanisms at once, a process each, shown as one; a stop reaches all of them.

On a terminal Ctrl-C goes to every process, from a scheduler only to the first: which hands it on. A worker heeds the
first stop alone, so that it can write down what it has, and begins nothing after it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from pathlib import Path
from queue import Empty
from typing import Any

from suite.errors import RunIncomplete
from suite.progress import Progress, Reporter, reporter

_STOPPED = "stopped; what is finished is kept: run the same command again to continue"


@dataclass(frozen=True, slots=True)
class Job:
    """A run of one mechanism: `model` is its name as a model, `model_options` those of its provider."""

    task: str
    model: str
    options: Mapping[str, Any]
    model_options: Mapping[str, Any]
    results: Path

    def run(self, shown: Reporter) -> str:
        """The id of the run, made or continued."""
        from suite.runner import run

        return run(
            self.task,
            self.model,
            options=self.options,
            model_options=self.model_options,
            results=self.results,
            reporter=shown,
        ).run_id


def finished(jobs: Mapping[str, Job], processes: int, silent: bool) -> Iterator[tuple[str, str]]:
    """Each job's name with its run, as they end.

    Raises:
        RunIncomplete: stopped; every process has kept what it had.
    """
    if processes < 2 or len(jobs) < 2:
        for name, job in jobs.items():
            yield name, job.run(reporter(silent))
        return
    context = get_context("spawn")
    workers = min(processes, len(jobs))
    with context.Manager() as manager, ProcessPoolExecutor(workers, context, initializer=_heed_one_stop) as pool:
        queue = manager.Queue()
        running = {pool.submit(_work, name, job, queue): name for name, job in jobs.items()}
        shown = reporter(silent)
        shown.start(f"{len(jobs)} runs of {next(iter(jobs.values())).task}")
        together = _Together(queue, shown, len(jobs))
        try:
            while running:
                together.show(wait_s=0.5)
                for future in [future for future in running if future.done()]:
                    yield running.pop(future), future.result()
        except KeyboardInterrupt:
            for process in active_children():
                assert process.pid is not None
                os.kill(process.pid, signal.SIGINT)
            raise RunIncomplete(_STOPPED) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            shown.close()


class _Relay:
    """A reporter that hands a run's progress on to the process that shows it."""

    def __init__(self, name: str, queue: Any) -> None:
        self._name, self._queue = name, queue

    def start(self, title: str) -> None: ...

    def update(self, progress: Progress) -> None:
        self._queue.put((self._name, progress))

    def note(self, line: str) -> None:
        self._queue.put((self._name, line))

    def close(self) -> None: ...


class _Together:
    """Shows the progress of several runs as one."""

    def __init__(self, queue: Any, shown: Reporter, runs: int) -> None:
        self._queue, self._shown, self._runs = queue, shown, runs
        self._latest: dict[str, Progress] = {}
        self._began = time.monotonic()

    def show(self, wait_s: float) -> None:
        """Takes what has been handed on, waiting a moment for the first."""
        with suppress(Empty):
            self._take(*self._queue.get(timeout=wait_s))
            while True:
                self._take(*self._queue.get_nowait())

    def _take(self, name: str, said: Progress | str) -> None:
        if isinstance(said, str):
            self._shown.note(f"{name}: {said}")
            return
        self._latest[name] = said
        own = list(self._latest.values())
        done, kept, failed = (sum(getattr(one, key) for one in own) for key in ("done", "kept", "failed"))
        # runs to come are taken to be like those that have begun
        total = round(sum(one.total for one in own) / len(own) * self._runs)
        self._shown.update(Progress(done, total, kept, failed, 0, time.monotonic() - self._began))


_is_working = False


def _heed_one_stop() -> None:
    signal.signal(signal.SIGINT, _stop)


def _stop(*_: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if _is_working:
        raise KeyboardInterrupt


def _work(name: str, job: Job, queue: Any) -> str:
    global _is_working
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        raise RunIncomplete(_STOPPED)
    _is_working = True
    try:
        return job.run(_Relay(name, queue))
    finally:
        _is_working = False
