"""Runs a judge on a stored run: samples -> Task.units -> Judge.label -> labels -> Task.judged_metrics -> database.

It alone joins tasks, judges and the store, as `suite.runner` joins tasks and models. Judged responses go into a
journal first, so the same command continues an interrupted sitting and finds a finished one done.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

from suite import progress
from suite.errors import RunIncomplete, UserError
from suite.judges.canaries import Canary, canaries
from suite.judges.journal import LabelJournal
from suite.judges.quality import Rate, is_wrong, rate
from suite.judges.record import Judge, Label, Unit
from suite.progress import Progress, Reporter
from suite.registry import load_judge, load_task
from suite.store import Store
from suite.store.journal import sample_of
from suite.task import Doc, Metric, Sample, Task

PAGE = 5000  # samples that are read from the database at a time
MAX_UNRESOLVED = 0.02  # over this share of units the result carries a warning
_MISSING = "missing"  # the flag of units that the judge has not labelled


@dataclass(frozen=True)
class JudgeResult:
    """What a judge has said of a run.

    Attributes:
        n_units: units of the run; n_kept: of them, labelled in earlier sittings.
        verdicts: how often each was given.
        metrics: what the task computes from the labels, and the judge's rates on canaries.
        warnings: lines that people should read.
    """

    run_id: str
    judge: str
    judge_version: str
    n_units: int
    n_kept: int
    verdicts: Mapping[str, int]
    metrics: tuple[Metric, ...]
    warnings: tuple[str, ...] = ()

    def summary(self) -> str:
        """One line for people."""
        counts = ", ".join(f"{name} {count}" for name, count in self.verdicts.items())
        return f"{self.run_id} by {self.judge}: {self.n_units} units ({self.n_kept} labelled before): {counts}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class _Work:
    """The units of a run, and which of its responses are labelled."""

    task: Task
    run: Mapping[str, Any]
    store: Store
    docs: Mapping[str, Doc]
    done: dict[str, tuple[Label, ...]] = field(default_factory=dict)

    def responses(self) -> Iterator[tuple[Sample, Sequence[Unit]]]:
        """Every response that has units, in the order of doc and sample ids."""
        for sample in stored_samples(self.store, self.run["run_id"]):
            if not sample.error and sample.doc_id in self.docs:
                units = self.task.units(self.docs[sample.doc_id], sample)
                if units:
                    yield sample, units


def judge_run(
    run: str,
    judge: str | Judge,
    *,
    options: Mapping[str, Any] | None = None,
    results: Path = Path("results"),
    tasks_dir: Path | None = None,
    judges_dir: Path | None = None,
    allow_missing: bool = False,
    fresh: bool = False,
    reporter: Reporter | None = None,
) -> JudgeResult:
    """Labels every unit of a run that the judge has not labelled, and stores labels and metrics.

    Args:
        run: its id, a unique beginning of it, or "latest".
        judge: KIND or KIND/NAME, or a loaded judge.
        options: options of the judge, by name.
        tasks_dir, judges_dir: further folders of tasks and of judges.
        allow_missing: units that could not be judged count as unresolved, instead of ending in `RunIncomplete`.
        fresh: forget what this judge has said of the run before, and ask again what was asked for any run.

    Raises:
        UserError: no such run or judge, a task without units, or units that the judge cannot judge.
        RunIncomplete: interrupted, or some responses could not be judged; what is labelled is kept.
    """
    reporter = reporter or progress.reporter()
    store = Store(Path(results), notify=reporter.note)
    work = open_run(store, run, tasks_dir)
    run_id = work.run["run_id"]
    chosen = load_judge(judge, judges_dir, **dict(options or {})) if isinstance(judge, str) else judge
    if remember := getattr(chosen, "remember", None):
        remember(store.results, fresh)
    warnings = _kinship(chosen.name, work.run["model"])
    for line in warnings:
        reporter.note(line)
    with LabelJournal(store.results / "runs" / run_id, chosen.name) as journal:
        if fresh:
            journal.clear()
        n_units, n_kept, n_responses = _take_stock(
            work, chosen, journal, {} if fresh else _stored(store, run_id, chosen)
        )
        if not n_units:
            raise UserError(f"run {run_id} has no units to judge: it has no answers of the kind that judges read")
        tests = canaries(n_units) if chosen.reads_sentences else []
        for one in tests:
            known = journal.labels.get(one.units[0].sample_id)
            if known and _is_current(known, one.units, chosen):
                work.done[one.units[0].sample_id] = known
        _sitting(work, chosen, journal, tests, n_responses + len(tests), reporter)
    labels, n_missing = _collect(work, chosen)
    if n_missing and not allow_missing:
        raise RunIncomplete(
            f"{n_missing} of {n_units} units of {run_id} could not be judged by {chosen.name}; "
            "the same command tries them again (--allow-missing counts them as unresolved)"
        )
    metrics = (*judged_metrics(work.task, store, run_id, chosen.name, labels), *_canary_metrics(work, chosen, tests))
    store.put_labels(run_id, chosen.name, labels, metrics)
    verdicts = Counter(label.verdict for label in labels)
    unresolved = verdicts["unresolved"] / n_units
    if unresolved > MAX_UNRESOLVED:
        warnings += (f"{unresolved:.1%} of the units are unresolved: figures of this judge say little",)
    counts: dict[str, int] = dict(sorted(verdicts.items()))
    return JudgeResult(run_id, chosen.name, chosen.version, n_units, n_kept, counts, metrics, warnings)


def open_run(store: Store, name: str, tasks_dir: Path | None = None) -> _Work:
    """A stored run with its task and docs.

    Raises:
        UserError: no such run, or its task has nothing for judges.
    """
    row = store.run(name)
    task = load_task(row["task"], row["options"], tasks_dir)
    if type(task).units is Task.units:
        raise UserError(f"task {task.name} has no units for judges: its own scores need none")
    docs = {doc.id: doc for doc in islice(task.docs(), row["n_docs"])}
    return _Work(task, row, store, docs)


def stored_samples(store: Store, run_id: str) -> Iterator[Sample]:
    """The samples of a run with requests and responses, read page by page."""
    for offset in count(step=PAGE):
        page = store.samples(run_id, limit=PAGE, offset=offset, with_text=True)
        yield from (sample_of(row) for row in page)
        if len(page) < PAGE:
            return


def judged_metrics(task: Task, store: Store, run_id: str, judge: str, labels: Sequence[Label]) -> list[Metric]:
    """The task's metrics from one judge's labels; their condition names the judge."""
    found = task.judged_metrics(store.samples_for_metrics(run_id), labels)
    return [replace(metric, condition={**metric.condition, "judge": judge}) for metric in found]


def _take_stock(
    work: _Work, judge: Judge, journal: LabelJournal, stored: Mapping[str, tuple[Label, ...]]
) -> tuple[int, int, int]:
    """Units, units labelled already, and responses; fills `work.done`."""
    n_units = n_kept = n_responses = 0
    for sample, units in work.responses():
        n_units, n_responses = n_units + len(units), n_responses + 1
        for known in (journal.labels.get(sample.sample_id), stored.get(sample.sample_id)):
            if known and _is_current(known, units, judge):
                work.done[sample.sample_id] = known
                n_kept += len(units)
                break
    return n_units, n_kept, n_responses


def _is_current(labels: Sequence[Label], units: Sequence[Unit], judge: Judge) -> bool:
    """Whether the labels are of these units and of this judge as it is now, and none was missing."""
    return [(label.unit, label.text, label.judge_version) for label in labels] == [
        (unit.number, unit.text, judge.version) for unit in units
    ] and not any(_MISSING in label.flags for label in labels)


def _stored(store: Store, run_id: str, judge: Judge) -> dict[str, tuple[Label, ...]]:
    found: dict[str, tuple[Label, ...]] = {}
    for label in store.labels(run_id, judge.name):
        found[label.sample_id] = (*found.get(label.sample_id, ()), label)
    return found


def _sitting(
    work: _Work, judge: Judge, journal: LabelJournal, tests: Sequence[Canary], total: int, reporter: Reporter
) -> None:
    """Labels what is not labelled yet, canaries spread among it, and writes it to the journal."""
    kept, started = len(work.done), time.monotonic()
    if kept == total:
        return
    reporter.start(f"{judge.name} on {work.run['run_id']}")
    try:
        for labels in judge.label(_pending(work, tests, total)):
            ordered = tuple(sorted(labels, key=lambda label: label.unit))
            journal.append(ordered)
            work.done[ordered[0].sample_id] = ordered
            reporter.update(Progress(len(work.done), total, kept, 0, 0, time.monotonic() - started))
    except KeyboardInterrupt:
        raise RunIncomplete(
            f"stopped; {len(work.done)} of {total} judged responses are kept: run the same command again to continue"
        ) from None
    finally:
        reporter.close()


def _pending(work: _Work, tests: Sequence[Canary], total: int) -> Iterator[Sequence[Unit]]:
    left = [one.units for one in tests if one.units[0].sample_id not in work.done]
    every = max(1, total // (len(left) + 1))
    for number, (sample, units) in enumerate(work.responses(), start=1):
        if sample.sample_id not in work.done:
            yield units
        if left and number % every == 0:
            yield left.pop()
    yield from left


def _collect(work: _Work, judge: Judge) -> tuple[list[Label], int]:
    """Labels of all units, unresolved where there is none, and the number of those."""
    labels: list[Label] = []
    n_missing = 0
    for sample, units in work.responses():
        known = work.done.get(sample.sample_id)
        n_missing += 0 if known else len(units)
        labels += known or [Label.of(unit, judge, "unresolved", flags=(_MISSING,)) for unit in units]
    return labels, n_missing


def _canary_metrics(work: _Work, judge: Judge, tests: Sequence[Canary]) -> list[Metric]:
    """How often the judge is right on units of known truth."""
    pairs = [
        (verdict == "hallucinated", is_wrong(label))
        for one in tests
        for verdict, label in zip(one.verdicts, work.done.get(one.units[0].sample_id, ()), strict=False)
        if label.verdict != "unresolved"
    ]
    if not pairs:
        return []
    wrong, fine = [said for true, said in pairs if true], [not said for true, said in pairs if not true]

    def metric(name: str, found: Rate) -> Metric:
        return Metric(
            f"canary_{name}",
            found.value,
            condition={"judge": judge.name},
            ci_low=found.ci_low,
            ci_high=found.ci_high,
            n=found.n,
            note="judge's own quality on generated units of known truth",
        )

    return [
        metric("sensitivity", rate(sum(wrong), len(wrong))),
        metric("specificity", rate(sum(fine), len(fine))),
    ]


def _kinship(judge: str, model: str) -> tuple[str, ...]:
    """A warning where judge and judged model have the same name or family: such judges are kind to their own."""

    def family(name: str) -> str:
        return re.split(r"[-_.:@\d]", name.rstrip("/").rpartition("/")[2].lower())[0]

    if "/" in judge and family(judge) and family(judge) == family(model):
        return (f"{judge} judges a model of its own family ({model}); such judges favour their kin",)
    return ()
