"""Where the work of a run is done: in this process (`local`), or on the machines of a Ray cluster (`ray`).

The runner decides what is to be done and writes down what came of it; an executor loads the model and sees to it that
every sample of the plan gets into the run's journal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from suite.errors import UserError, unknown

if TYPE_CHECKING:
    from suite.plan import Plan
    from suite.progress import Reporter
    from suite.store.journal import Journal
    from suite.task import Model, ModelInfo, Response

NAMES = ("local", "ray")


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done: everything of a plan that its journal still lacks.

    Attributes:
        journal: the run's own, open for writing by this process alone.
        stored: finds an answer that an earlier run of the same model has got, by request id.
        tasks_dir: the further folder of tasks, if the task may come from one.
    """

    plan: Plan
    journal: Journal
    stored: Callable[[str], Response | None]
    reporter: Reporter
    tasks_dir: Path | None = None


class Executor(Protocol):
    """Loads a model, and runs work on it."""

    def load(self, model: str | Model, options: Mapping[str, Any]) -> ModelInfo:
        """Makes the model ready.

        Raises:
            UserError: no such model, or an option that it does not take.
        """

    def execute(self, work: Work) -> int:
        """Brings every missing sample into the journal; returns how many answers came from earlier runs.

        Raises:
            UserError: from the data, the model or the disk; what is finished is kept, as with every exception.
        """


def choose(
    name: str = "local", workers: int | None = None, ray_address: str | None = None, journal_home: str | None = None
) -> Executor:
    """The executor of that name.

    Args:
        workers: processes, each with a model of its own; by default one a GPU, or else one a processor.
        ray_address: a running cluster, e.g. ``auto`` or ``ray://head:10001``; by default one is started here.
        journal_home: folder that all machines see, or fsspec URL, for what workers write; by default in the run's
            folder.

    Raises:
        UserError: unknown executor, or an option that only Ray knows.
    """
    if name not in NAMES:
        raise unknown("executor", name, NAMES)
    if name == "ray":
        from suite.executors.ray import RayExecutor

        return RayExecutor(workers, ray_address, journal_home)
    for option, value in (("workers", workers), ("ray-address", ray_address), ("journal-home", journal_home)):
        if value is not None:
            raise UserError(f"--{option} {value}: only with --executor ray")
    from suite.executors.local import LocalExecutor

    return LocalExecutor()
