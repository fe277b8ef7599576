"""Runs a task on a model: docs -> requests -> answers -> scores -> journal -> metrics -> database.

The runner alone joins tasks, models and the store. A run is a folder named after everything that decides its numbers,
so the same command finds it again: it continues what is unfinished and returns what is complete.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import progress
from suite.errors import RunIncomplete, UserError
from suite.executors import Executor, Work
from suite.executors.local import LocalExecutor
from suite.plan import FRESH_MARK, Plan, attempt_folder, check_modes, check_writable, choose_modes, survey
from suite.progress import Reporter
from suite.provenance import now
from suite.registry import load_task
from suite.results import (
    RunResult,
    model_info_of,
    read_run,
    run_result,
    summarise,
    write_metrics,
    write_run,
)
from suite.session import SCORING, answered, scored
from suite.store.journal import FILE_NAME, Journal, JournalIndex, sample_of
from suite.task import Model, Response, Sample, Scores, Task

if TYPE_CHECKING:
    from suite.store import Store

FindAnswer = Callable[[str], Response | None]  # by request id
MAX_FAILED = 0.02  # over this share of failed samples a run is incomplete


def run(
    task: str | Task,
    model: str | Model,
    *,
    options: Mapping[str, Any] | None = None,
    model_options: Mapping[str, Any] | None = None,
    modes: Sequence[str] | None = None,
    limit: int | None = None,
    results: Path = Path("results"),
    tasks_dir: Path | None = None,
    fresh: bool = False,
    executor: Executor | None = None,
    reporter: Reporter | None = None,
) -> RunResult:
    """Evaluates a model on a task, continues the same run where it stopped, or returns it if it is complete.

    Args:
        task: a name, or a task with its options.
        model: PROVIDER/NAME, or a loaded model.
        options: options of the task, by name.
        model_options: options of the model's provider, by name.
        modes: how answers are read; by default every mode of the task that the model is capable of.
        limit: only the first docs.
        results: where runs and the database lie.
        tasks_dir: a further folder of tasks.
        fresh: make a new attempt beside earlier ones, and use none of their answers.
        executor: where the model is run; by default in this process.
        reporter: shows the progress; by default a bar on a terminal and plain lines elsewhere.

    Raises:
        UserError: the input is wrong, the folder cannot be written, or another process executes the same run.
        RunIncomplete: interrupted by Ctrl-C; what is finished is kept.
    """
    from suite.store import Store

    results, reporter = Path(results), reporter or progress.reporter()
    task = _given_task(task, options, tasks_dir)
    check_modes(task, modes)
    check_writable(results)
    docs = survey(task, limit)
    store = Store(results, notify=reporter.note)
    stored = frozenset(row["run_id"] for row in store.runs())
    executor = executor or LocalExecutor()
    info = executor.load(model, dict(model_options or {}))
    chosen = choose_modes(task, info, modes)
    task.check(info, frozenset(chosen))
    plan = Plan(task, info, chosen, docs)
    folder = attempt_folder(results / "runs", plan.run_id, fresh, stored)
    if not _is_complete(folder):
        with Journal(folder) as journal:
            if not _is_complete(folder):  # another process may have completed it just now
                row = plan.row(folder.name, read_run(folder) or {})
                with _earlier_answers(store, stored, folder, info.fingerprint, reporter) as find:
                    work = Work(plan, journal, find, reporter, tasks_dir)
                    return _sitting(work, executor, row, store)
    store.ingest(folder)
    errors = (sample.error for sample in store.samples_for_metrics(folder.name) if sample.error)
    return run_result(folder, Counter(errors), reused=True)


def rescore(run_id: str, results: Path = Path("results"), *, tasks_dir: Path | None = None) -> RunResult:
    """Scores the stored answers of a run again with the task as it is now; no model is asked.

    Args:
        run_id: the run's id, a unique beginning of it, or "latest".

    Raises:
        UserError: no such run, its data cannot be found, or the task would ask other questions now.
    """
    from suite.store import Store

    store, runs = Store(Path(results)), Path(results) / "runs"
    row = read_run(runs / run_id) or store.run(run_id)
    folder = runs / row["run_id"]
    if folder.name != row["run_id"]:  # an imported run may be called anything
        raise UserError(f"run {row['run_id']!r} cannot be scored again: its id is no folder name")
    folder.mkdir(parents=True, exist_ok=True)
    task = load_task(row["task"], row["options"], tasks_dir)
    with Journal(folder) as journal:
        if not journal.index.samples:  # `unreason gc` has been here, or the run was imported
            journal.replace(sample_of(stored) for stored in store.samples(folder.name, with_text=True))
        if not journal.index.samples:
            raise UserError(f"run {folder.name} has no finished sample yet; run its command again to continue it")
        missing: list[str] = []
        journal.replace(_rescored(task, row, journal.index, missing))
        row.update(task_version=task.version, dataset_hash=survey(task, row["n_docs"]).sha256)
        failures = conclude(task, folder, row, journal.index, len(missing))
    store.ingest(folder)
    _renew_judged(task, store, folder.name)
    return run_result(folder, failures)


def _sitting(work: Work, executor: Executor, row: dict[str, Any], store: Store) -> RunResult:
    """Runs until all samples are there, and writes everything that a finished run has."""
    plan, journal, reporter = work.plan, work.journal, work.reporter
    folder, started, before = journal.folder, time.monotonic(), row["seconds"]
    if journal.index.torn:
        reporter.note(f"{folder}: dropped the journal's last line, torn by a crash; its sample is run again")
    write_run(folder, row)
    reporter.start(f"{plan.task.name} on {plan.model_info.name}")
    try:
        n_reused = executor.execute(work)
        journal.sync()
        row["seconds"] = before + time.monotonic() - started
        failures = conclude(plan.task, folder, row, journal.index)
    except BaseException as error:
        row.update(status="incomplete", seconds=before + time.monotonic() - started, finished_at=now())
        with suppress(UserError):  # the disk may be what failed
            write_run(folder, row)
        if not isinstance(error, KeyboardInterrupt):
            raise
        raise RunIncomplete(
            f"stopped; {len(journal.index.samples)} finished samples are kept in {folder}: "
            "run the same command again to continue"
        ) from None
    finally:
        reporter.close()
    store.ingest(folder)
    store.add_reference(plan.task.references())
    return run_result(folder, failures, n_reused)


def _is_complete(folder: Path) -> bool:
    return (read_run(folder) or {}).get("status") == "complete"


def conclude(
    task: Task, folder: Path, row: dict[str, Any], journal: JournalIndex, n_missing: int = 0
) -> Mapping[str, int]:
    """Computes the metrics from the journal, and writes metrics.json and then run.json.

    Args:
        row: the row of `runs`; its totals and its status are set here.
        n_missing: samples that the run should have and hasn't; they count as failed for the status.

    Returns:
        how many samples failed for which reason; the samples themselves are let go of.
    """
    summary = summarise(journal)
    write_metrics(folder, task.metrics(summary.samples))
    n_samples = len(summary.samples)
    few_lost = summary.n_failed + n_missing <= MAX_FAILED * (n_samples + n_missing)
    row.update(
        status="complete" if few_lost else "incomplete",
        n_samples=n_samples,
        n_failed=summary.n_failed,
        prompt_tokens=summary.prompt_tokens,
        completion_tokens=summary.completion_tokens,
        cost_usd=summary.cost_usd,
        finished_at=now(),
    )
    write_run(folder, row)
    return summary.failures


def _rescored(task: Task, row: Mapping[str, Any], journal: JournalIndex, missing: list[str]) -> Iterator[Sample]:
    """The samples of a run, scored anew; ids of samples that the run has not got go into `missing`."""
    info, modes = model_info_of(row["model_info"]), frozenset(row["mode"].split("+"))
    unseen = set(journal.samples)
    for doc in islice(task.docs(), row["n_docs"]):
        for draft in task.requests(doc, info, modes):
            stored = journal.row(draft.sample_id)
            unseen.discard(draft.sample_id)
            if stored is None:
                missing.append(draft.sample_id)
                continue
            if stored["request_ids"] != [request.id for request in draft.requests]:
                raise UserError(f"task {task.name} asks doc {doc.id!r} another question than in this run; run it again")
            responses = sample_of(stored).responses
            if stored["error"] not in (None, SCORING):
                yield answered(draft, responses, Scores({}, "error"), stored["error"])
            else:
                yield answered(draft, responses, scored(task, doc, draft, responses), None)
    if unseen:
        raise UserError(f"{len(unseen)} samples of this run are not in task {task.name} any more; run it again")


def _renew_judged(task: Task, store: Store, run_id: str) -> None:
    """What the task computes from judges' labels follows the task too; what is known of the judges themselves stays."""
    from suite.judges.run import judged_metrics

    for judge in store.judges_with_metrics(run_id):
        labels = store.labels(run_id, judge)
        store.renew_judged(run_id, judge, judged_metrics(task, store, run_id, judge, labels))


def _given_task(task: str | Task, options: Mapping[str, Any] | None, tasks_dir: Path | None) -> Task:
    if isinstance(task, str):
        return load_task(task, options, tasks_dir)
    if options:
        raise UserError("options go into the Task object when one is given; leave out `options`")
    return task


@contextmanager
def _earlier_answers(
    store: Store, stored: Container[str], folder: Path, fingerprint: str, reporter: Reporter
) -> Iterator[FindAnswer]:
    """Finds answers that earlier runs of the same model have got: in the database, or in journals not yet in it."""
    if (folder / FRESH_MARK).exists():
        yield lambda _: None
        return
    with ExitStack() as opened:
        journals = []
        for other in sorted(path.parent for path in folder.parent.glob(f"*/{FILE_NAME}")):
            try:
                if other != folder and _has_more(other, fingerprint, stored):
                    journals.append(opened.enter_context(closing(JournalIndex.scan(other / FILE_NAME))))
            except UserError as error:
                reporter.note(f"answers of an earlier run are not used: {error}")
        in_database = store.responses_for(fingerprint)

        def find(request_id: str) -> Response | None:
            found = (journal.response(request_id) for journal in journals)
            return next((response for response in found if response), None) or in_database.get(request_id)

        yield find


def _has_more(folder: Path, fingerprint: str, stored: Container[str]) -> bool:
    """Whether a run of that model has answers that the database may not have."""
    row = read_run(folder) or {}
    in_database = row.get("status") == "complete" and folder.name in stored
    return row.get("model_fingerprint") == fingerprint and not in_database
