"""Runs the work on a Ray cluster: shards of docs as tasks of model actors, one a GPU (or a processor).

Actors load the task and the model by name, as the driver would, and refuse to work on other docs or another model than
the driver's plan says. Each shard's samples go into a journal of the attempt (`suite.executors.shards`); the driver
only counts, and folds finished shards into the run's journal. A worker that dies is started again and its shard with
it: what its journal holds is not asked again, and sample identity rules out duplicates.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from suite.errors import RunIncomplete, UserError
from suite.executors import Work
from suite.executors.shards import Home
from suite.executors.worker import Assignment, Job, Tally, Worker
from suite.progress import Progress
from suite.session import Session
from suite.store.journal import sample_of
from suite.task import Model, ModelInfo, Request, Response

_SHARDS_PER_WORKER = 8  # so that the last worker to end keeps the others waiting for an eighth of its work at most
_MOST_LOSSES = 3  # of one shard; what kills a worker so often is the shard's own fault
_POLL_SECONDS = 1.0


@dataclass
class _Sitting:
    """Where one execution stands."""

    waiting: deque[tuple[str, range]]
    free: deque[Any]
    running: dict[Any, tuple[Any, tuple[str, range]]] = field(default_factory=dict)
    losses: Counter[str] = field(default_factory=Counter)
    tallies: dict[Any, Tally] = field(default_factory=dict)
    error: BaseException | None = None


class RayExecutor:
    """See `suite.executors.choose` for the arguments."""

    def __init__(self, workers: int | None = None, address: str | None = None, journal_home: str | None = None) -> None:
        if workers is not None and workers < 1:
            raise UserError(f"--workers {workers}: expected at least 1")
        try:
            import ray
        except ImportError as error:
            raise UserError("executor ray needs a package: pip install 'unreason[ray]'") from error
        self._ray, self._n, self._address, self._home = ray, workers, address, journal_home
        self._workers: list[Any] = []

    def load(self, model: str | Model, options: Mapping[str, Any]) -> ModelInfo:
        """Starts the workers and waits until each has its model. See `Executor.load`."""
        if not isinstance(model, str):
            raise UserError("executor ray loads models on its workers: give the model's name, PROVIDER/NAME")
        self._connect()
        cluster = self._ray.cluster_resources()
        gpus = int(cluster.get("GPU", 0)) if model.partition("/")[0] in ("hf", "demo") else 0
        room = gpus or max(1, int(cluster.get("CPU", 1)))
        n = self._n or room
        if n > room:
            what = "GPU" if gpus else "processor"
            raise UserError(f"--workers {n}: each needs a {what}, and the cluster has {room}; ask for at most {room}")
        actor = self._ray.remote(Worker).options(
            num_gpus=1 if gpus else 0,
            num_cpus=1,
            max_restarts=-1,
            max_concurrency=2,  # so that it can tell how far it is while it works
        )
        self._workers = [actor.remote(model, dict(options)) for _ in range(n)]
        loading = [worker.info.remote() for worker in self._workers]
        cards: list[ModelInfo] = [self._get(card) for card in loading]
        return cards[0]

    def execute(self, work: Work) -> int:
        """See `Executor.execute`.

        Raises:
            RunIncomplete: one shard has killed its worker again and again.
        """
        plan = work.plan
        modes, docs = frozenset(plan.modes), range(plan.docs.n)
        session = Session(plan.task, _Elsewhere(plan.model_info), modes, docs, work.journal, work.stored, work.reporter)
        home = Home(f"{self._home.rstrip('/')}/{work.journal.folder.name}" if self._home else _beside(work))
        home.check()
        try:
            self._fold(home, "*", work)  # what a sitting that was killed has left
            total = session.take_known()
            job = Job(
                task=plan.task.name,
                options=plan.options,
                tasks_dir=str(work.tasks_dir.resolve()) if work.tasks_dir else None,
                modes=plan.modes,
                n_docs=plan.docs.n,
                dataset_hash=plan.docs.sha256,
                fingerprint=plan.model_info.fingerprint,
                home=home.url,
            )
            self._work_off(job, home, work, total)
        finally:
            self._stop()
            self._fold(home, "*", work)
            home.close()
        return session.n_reused

    def _connect(self) -> None:
        if self._ray.is_initialized():
            return
        options: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
        if self._address is None and self._n is not None:
            import os

            options["num_cpus"] = max(self._n, os.cpu_count() or 1)
        try:
            self._ray.init(address=self._address, **(options if self._address is None else {"log_to_driver": False}))
        except (ConnectionError, ValueError, RuntimeError) as error:
            where = self._address or "here"
            reason = str(error).splitlines()[0]
            raise UserError(f"--ray-address {where}: no Ray cluster can be reached or started ({reason})") from error

    def _work_off(self, job: Job, home: Home, work: Work, total: int) -> None:
        """Hands out shards until none is left; the first error stops the handing out, and is raised at the end."""
        ray = self._ray
        done = ray.put(frozenset(work.journal.index.samples.keys() - work.journal.index.failed))
        sitting = _Sitting(deque(_shards(job.n_docs, len(self._workers))), deque(self._workers))
        kept, started = len(work.journal.index.samples) - len(work.journal.index.failed), time.monotonic()
        while sitting.running or (sitting.waiting and sitting.error is None):
            while sitting.waiting and sitting.free and sitting.error is None:
                worker, (shard, docs) = sitting.free.popleft(), sitting.waiting.popleft()
                handed = worker.work.remote(job, Assignment(shard, docs.start, docs.stop), done)
                sitting.running[handed] = (worker, (shard, docs))
            ready, _ = ray.wait(list(sitting.running), timeout=_POLL_SECONDS)
            for handed in ready:
                self._take(handed, sitting, home, work)
            self._report(sitting, work, kept, total, started)
        if sitting.error is not None:
            raise sitting.error

    def _take(self, handed: Any, sitting: _Sitting, home: Home, work: Work) -> None:
        """What came of one shard."""
        worker, (shard, docs) = sitting.running.pop(handed)
        try:
            for line in self._get(handed):
                work.reporter.note(line)
        except self._ray.exceptions.RayActorError:
            sitting.losses[shard] += 1
            work.reporter.note(f"a worker was lost in shard {shard}; the shard goes on elsewhere")
            if sitting.losses[shard] < _MOST_LOSSES:
                sitting.waiting.appendleft((shard, docs))
            else:
                sitting.error = sitting.error or RunIncomplete(
                    f"shard {shard} (docs {docs.start} to {docs.stop - 1}) has lost its worker {_MOST_LOSSES} times, "
                    "perhaps for lack of memory; finished samples are kept: run the same command again to continue"
                )
        except Exception as error:
            sitting.error = sitting.error or error
        sitting.free.append(worker)
        if shard not in [waiting for waiting, _ in sitting.waiting]:
            self._fold(home, shard, work)

    def _report(self, sitting: _Sitting, work: Work, kept: int, total: int, started: float) -> None:
        polled = {worker: worker.tally.remote() for worker in self._workers}
        for worker, reference in polled.items():
            with suppress(self._ray.exceptions.RayError):
                sitting.tallies[worker] = self._ray.get(reference, timeout=_POLL_SECONDS)
        tallies = sitting.tallies.values()
        done = min(total, kept + sum(tally.done for tally in tallies))
        failed, tokens = sum(tally.failed for tally in tallies), sum(tally.tokens for tally in tallies)
        work.reporter.update(Progress(done, total, kept, failed, tokens, time.monotonic() - started))

    def _fold(self, home: Home, shard: str, work: Work) -> None:
        """Takes the samples of a shard's attempts into the run's journal, and then forgets the attempts."""
        for attempt in home.attempts(shard):
            with home.reading(attempt) as index:
                for row in index.rows():
                    if not work.journal.done(row["sample_id"]):
                        work.journal.append(sample_of(row))
            work.journal.sync()
            home.remove(attempt)

    def _get(self, reference: Any) -> Any:
        """The result; what a worker raised is raised here as it was."""
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error

    def _stop(self) -> None:
        for worker in self._workers:
            with suppress(Exception):
                self._ray.kill(worker)
        self._workers = []


@dataclass
class _Elsewhere:
    """Stands for the model where only its card is needed."""

    info: ModelInfo

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        raise AssertionError(f"the workers answer {requests}")


def _shards(n_docs: int, n_workers: int) -> list[tuple[str, range]]:
    """Runs of neighbouring docs, which share more of their prompts than docs from far apart."""
    size = math.ceil(n_docs / (n_workers * _SHARDS_PER_WORKER))
    return [(f"{start:08d}", range(start, min(start + size, n_docs))) for start in range(0, n_docs, size)]


def _beside(work: Work) -> str:
    return str((Path(work.journal.folder) / "shards").resolve())
