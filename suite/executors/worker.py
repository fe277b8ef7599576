"""What runs inside a Ray worker: a task and a model, loaded by name, and sessions over shards of docs."""

from __future__ import annotations

import platform
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.errors import UserError
from suite.executors.shards import Home
from suite.plan import survey
from suite.progress import Progress
from suite.registry import load_model, load_task
from suite.session import Session
from suite.task import Mode, Model, ModelInfo, Task


@dataclass(frozen=True, slots=True)
class Job:
    """What all shards of a run have in common."""

    task: str
    options: Mapping[str, Any]
    tasks_dir: str | None
    modes: tuple[Mode, ...]
    n_docs: int
    dataset_hash: str
    fingerprint: str
    home: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """A shard: its name, and its docs from `start` to before `stop`."""

    shard: str
    start: int
    stop: int


@dataclass(slots=True)
class Tally:
    """What a worker has done since it was started."""

    done: int = 0
    failed: int = 0
    tokens: int = 0


class Worker:
    """A model and what it is asked; made an actor by the executor."""

    def __init__(self, model: str, options: Mapping[str, Any]) -> None:
        self._model_name, self._options = model, options
        self._model: Model | None = None
        self._task: Task | None = None
        self._before, self._now = Tally(), Tally()

    def info(self) -> ModelInfo:
        """The model's card; loads the model."""
        if self._model is None:
            self._model = load_model(self._model_name, **self._options)
        return self._model.info

    def work(self, job: Job, assignment: Assignment, done: Container[str]) -> list[str]:
        """Asks everything of a shard that is not done; returns the lines that people should read.

        Raises:
            UserError: from the data, the model or the disk, or this machine's data or model are not the driver's.
        """
        self._prepare(job)
        assert self._task is not None and self._model is not None
        notes = _Notes(self)
        self._before.done += self._now.done
        self._before.failed += self._now.failed
        self._before.tokens += self._now.tokens
        self._now = Tally()
        docs = range(assignment.start, assignment.stop)
        with Home(job.home).writing(assignment.shard, done) as journal:
            session = Session(
                self._task, self._model, frozenset(job.modes), docs, journal, lambda _request_id: None, notes
            )
            session.execute()
        return notes.lines

    def tally(self) -> Tally:
        """How far it is."""
        before, now = self._before, self._now
        return Tally(before.done + now.done, before.failed + now.failed, before.tokens + now.tokens)

    def count(self, progress: Progress) -> None:
        """Takes up the progress of the session that runs."""
        self._now = Tally(progress.done - progress.kept, progress.failed, progress.tokens)

    def _prepare(self, job: Job) -> None:
        """Loads what is missing, and compares it with what the driver has."""
        if self.info().fingerprint != job.fingerprint:
            raise UserError(
                f"model {self._model_name} on {platform.node()} is not the one that this run began with; "
                "give all machines the same files and versions"
            )
        if self._task is None:
            task = load_task(job.task, job.options, Path(job.tasks_dir) if job.tasks_dir else None)
            if survey(task, job.n_docs).sha256 != job.dataset_hash:
                raise UserError(
                    f"task {job.task} has other docs on {platform.node()} than where the run was started; "
                    "give all machines the same files and versions"
                )
            self._task = task


class _Notes:
    """A reporter that keeps lines and counts for the driver."""

    def __init__(self, worker: Worker) -> None:
        self._worker, self.lines = worker, list[str]()

    def start(self, title: str) -> None: ...
    def close(self) -> None: ...

    def update(self, progress: Progress) -> None:
        self._worker.count(progress)

    def note(self, line: str) -> None:
        self.lines.append(line)
