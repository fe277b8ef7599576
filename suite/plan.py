"""What is decided before a model is asked anything: the docs, the modes, the run's identity and its folder."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from suite.errors import UserError, unknown
from suite.identity import canonical_json, digest, digest_rows
from suite.provenance import git_commit, libraries, now
from suite.results import read_run
from suite.store.journal import write_error
from suite.task import Doc, Mode, ModelInfo, Task

FRESH_MARK = "fresh"  # an empty file in the folder of an attempt that must not use earlier answers


@dataclass(frozen=True, slots=True)
class Docs:
    """The docs of a run: how many of the task's first ones, and the hash of their content."""

    n: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides the numbers of a run."""

    task: Task
    model_info: ModelInfo
    modes: tuple[Mode, ...]
    docs: Docs

    @property
    def options(self) -> dict[str, Any]:
        options: dict[str, Any] = self.task.options.model_dump(mode="json")
        return options

    @property
    def run_id(self) -> str:
        """TASK-MODEL-HASH: the same for the same plan."""
        identity = [
            self.task.name,
            self.task.version,
            self.docs.sha256,
            self.model_info.fingerprint,
            self.options,
            self.modes,
        ]
        return f"{_slug(self.task.name)}-{_slug(self.model_info.name.rpartition('/')[2])}-{digest(identity, 10)}"

    def row(self, run_id: str, before: dict[str, Any]) -> dict[str, Any]:
        """The row of the table `runs` as a sitting begins; `before` is what an earlier sitting has left."""
        training = self.model_info.training
        return {
            "run_id": run_id,
            "task": self.task.name,
            "task_version": self.task.version,
            "dataset_hash": self.docs.sha256,
            "model": self.model_info.name,
            "model_fingerprint": self.model_info.fingerprint,
            "model_info": self.model_info.to_json(),
            "options": self.options,
            "mode": "+".join(self.modes),
            "status": "running",
            "n_docs": self.docs.n,
            "n_samples": 0,
            "n_failed": 0,
            "prompt_tokens": 0,
            "completion_tokens": 0,
            "cost_usd": 0.0,
            "seconds": before.get("seconds") or 0.0,
            "started_at": before.get("started_at") or now(),
            "finished_at": None,
            "libraries": dict(libraries()),
            "git_commit": git_commit(),
            "training": dict(training) if training else None,
        }


def survey(task: Task, limit: int | None) -> Docs:
    """Reads the first `limit` docs once, before any model is loaded.

    Raises:
        UserError: no docs, two docs of one id, or a doc that cannot be written as JSON in UTF-8.
    """
    if limit is not None and limit < 1:
        raise UserError(f"limit {limit}: expected at least 1")
    return survey_docs(task.name, islice(task.docs(), limit))


def survey_docs(task: str, docs: Iterable[Doc]) -> Docs:
    """`survey` of docs that have been taken from a task of this name."""
    seen: set[str] = set()

    def rows() -> Iterator[Any]:
        for doc in docs:
            if doc.id in seen:
                raise UserError(f"task {task}: two docs have the id {doc.id!r}")
            seen.add(doc.id)
            row = [doc.id, dict(doc.data), doc.cluster]
            try:
                canonical_json(row).encode()
            except (TypeError, ValueError) as error:  # a lone surrogate is a ValueError too
                raise UserError(f"task {task}: doc {doc.id!r} is not valid JSON in UTF-8: {error}") from error
            yield row

    sha256 = digest_rows(rows())
    if not seen:
        raise UserError(f"task {task}: no docs with these options; choose options that leave some")
    return Docs(len(seen), sha256)


def check_modes(task: Task, modes: Sequence[str] | None) -> None:
    """Raises `UserError` for a mode that the task doesn't have."""
    for mode in modes or ():
        if mode not in task.modes:
            raise unknown(f"mode of task {task.name}", mode, task.modes)


def choose_modes(task: Task, model: ModelInfo, modes: Sequence[str] | None) -> tuple[Mode, ...]:
    """The modes to run, in the task's order: those asked for, or else all that the model is capable of.

    Raises:
        UserError: the model cannot answer in a mode that was asked for, or in any mode of the task.
    """
    capable = [mode for mode in task.modes if mode in model.capabilities]
    for mode in modes or ():
        if mode not in model.capabilities:
            use = f"use --mode {capable[0]} or" if capable else "use"
            raise UserError(f"mode {mode} is not supported for this backend ({model.name}); {use} an hf/ model")
    chosen = tuple(mode for mode in capable if modes is None or mode in modes)
    if not chosen:
        raise UserError(
            f"task {task.name} needs {' or '.join(task.modes)}, not supported for this backend ({model.name}, "
            f"which offers {', '.join(sorted(model.capabilities)) or 'nothing'}); "
            f"use {'its own models' if task.modes == ('train',) else 'an hf/ model'}"
        )
    return chosen


def check_writable(results: Path) -> None:
    """Raises `UserError` where runs cannot be written into `results`."""
    runs = results / "runs"
    try:
        runs.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=runs):
            pass
    except OSError as error:
        raise UserError(
            f"results folder {results} cannot be written ({error.strerror}); choose another with --results"
        ) from error


def attempt_folder(runs: Path, run_id: str, fresh: bool, stored: Container[str]) -> Path:
    """The folder of the attempt to continue or to begin.

    Attempts are RUN_ID, RUN_ID-2, RUN_ID-3 ...; without `fresh` the latest counts. With `fresh` a new one begins,
    unless the latest is itself an unfinished fresh attempt.

    Args:
        stored: ids of the runs in the database, whose folders may be gone.
    """

    def name(number: int) -> str:
        return run_id if number == 1 else f"{run_id}-{number}"

    def exists(number: int) -> bool:
        return (runs / name(number)).exists() or name(number) in stored

    latest = 0
    while exists(latest + 1):
        latest += 1
    folder = runs / name(latest)
    unfinished = (folder / FRESH_MARK).exists() and (read_run(folder) or {}).get("status") != "complete"
    number = latest + 1 if fresh and not unfinished else max(latest, 1)
    folder = runs / name(number)
    try:
        folder.mkdir(exist_ok=True)
        if fresh:
            (folder / FRESH_MARK).touch()
    except OSError as error:
        raise write_error(folder, error) from error
    return folder


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.")[:48] or "model"
