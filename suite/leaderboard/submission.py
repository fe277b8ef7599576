"""Checks a submission: one exported run, whose figures must follow from its samples and its samples from its answers.

Nobody can prove that a model gave these answers. What can be checked is all the rest: that the run is whole, that the
task in this version asks these questions of these docs, that the scores are what this version gives for the answers,
and that the metrics are what it computes from the scores.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from suite.errors import UserError
from suite.identity import digest
from suite.plan import survey_docs
from suite.registry import load_task, path_options, task_classes
from suite.results import model_info_of
from suite.session import SCORING, scored
from suite.store import Store
from suite.store.exchange import file_stem
from suite.task import Doc, Draft, Metric, Response, Scores, Task

_TOLERANCE = 1e-9  # relative; sums may be taken in another order
DRAWN = 200  # docs whose answers are scored again
_FIELDS = ("value", "stderr", "ci_low", "ci_high")
Depth = Literal["answers", "scores"]


@dataclass(frozen=True, slots=True)
class Checked:
    """A submission that has passed.

    Attributes:
        depth: "answers": scored again from the answers to the docs at hand. "scores": the docs are not at hand (a
            file of the submitter's), so that only the metrics were computed again.
    """

    run_id: str
    file: Path
    depth: Depth
    reason: str = ""


def check_submission(file: Path) -> Checked:
    """Checks one exported run.

    Raises:
        UserError: what is wrong with it, and what to do.
    """
    with tempfile.TemporaryDirectory() as folder:
        ids = Store(Path(folder)).import_(file)
        if len(ids) != 1:
            raise UserError(f"{file}: expected one exported run, found {len(ids)}; use `unreason export RUN`")
        return check_imported(Path(folder), file, ids[0])


def check_imported(results: Path, file: Path, run_id: str) -> Checked:
    """Checks a run that was imported from a file.

    Raises:
        UserError: what is wrong with it, and what to do.
    """
    store = Store(results)
    try:
        return _checked(store, store.run(run_id), file)
    except UserError as error:
        raise UserError(f"{file}: {error}") from error


def _checked(store: Store, run: Mapping[str, Any], file: Path) -> Checked:
    run_id = str(run["run_id"])
    if file.stem != file_stem(run_id):
        raise UserError(f"the file of this run must be called {file_stem(run_id)}.parquet")
    task = _task_of(run)
    _check_counts(store, run)
    stored = [row for row in store.metrics([run_id]) if "judge" not in row["condition"]]
    _compare(task.metrics(store.samples_for_metrics(run_id)), stored, "do not follow from its samples")
    given = sorted(name for name in path_options(type(task)) if run["options"].get(name) is not None)
    if given:  # files named by a stranger are not opened
        return Checked(run_id, file, "scores", f"docs not at hand: option {given[0]} names a file of the submitter's")
    try:
        sha256, docs = _docs_of(task.name, json.dumps(run["options"], sort_keys=True), run["n_docs"])
    except (UserError, OSError) as error:
        return Checked(run_id, file, "scores", f"docs not at hand: {error}")
    if sha256 != run["dataset_hash"]:
        raise UserError(
            f"its docs are not those that task {task.name} has with these options now "
            f"(hash {run['dataset_hash'][:12]}, here {sha256[:12]}); run the task again with this version"
        )
    _check_answers(store, task, run, _drawn(file, docs))
    return Checked(run_id, file, "answers")


def _task_of(run: Mapping[str, Any]) -> Task:
    classes = task_classes()
    name = str(run["task"])
    if name not in classes:
        raise UserError(f"task {name} is not known here; the leaderboard takes runs of: {', '.join(sorted(classes))}")
    if run["task_version"] != classes[name].version:
        raise UserError(
            f"task {name} has version {classes[name].version}, and the run was made with {run['task_version']}; "
            "run it again with this version of unreason"
        )
    if run["status"] == "imported":
        raise UserError("the run is another program's; ask the model with `unreason run` and hand in that run")
    if run["status"] != "complete":
        raise UserError(f"the run is {run['status']}; run the same command again until it is complete")
    unknown = set(str(run["mode"]).split("+")) - set(classes[name].modes)
    if unknown:
        raise UserError(f"mode {', '.join(sorted(unknown))} is none of task {name}")
    if not re.fullmatch(r"[0-9a-f]{10,64}", str(run["model_fingerprint"])):
        raise UserError("the model's fingerprint is no digest; export a run that unreason has made")
    return load_task(name, run["options"])


def _check_counts(store: Store, run: Mapping[str, Any]) -> None:
    counted = store.counts(str(run["run_id"]))
    doubled = counted["n_samples"] - counted["n_distinct"]
    if doubled:
        raise UserError(f"{doubled} of its samples are doubled; export the run again")
    for name in ("n_samples", "n_failed", "n_docs"):
        if run[name] != counted[name]:
            raise UserError(f"{name} says {run[name]}, and the file holds {counted[name]}; export it again")
    if not counted["n_samples"]:
        raise UserError("it has no samples; export a run with its samples")


def _check_row(row: Mapping[str, Any]) -> None:
    requests = [digest(request) for request in row["requests"]]
    if requests != list(row["request_ids"]):
        raise UserError(f"sample {row['sample_id']}: its requests are not those that were asked")
    for response in row["responses"]:
        if response.get("request_id") not in requests:
            raise UserError(f"sample {row['sample_id']}: an answer to a request that it has not made")
        for logprob, *_ in response.get("scores", ()):
            if not logprob <= 1e-3:  # rounding may leave a hair above zero
                raise UserError(f"sample {row['sample_id']}: log-probability {logprob} is above zero")


def _compare(computed: Sequence[Metric], stored: Sequence[Mapping[str, Any]], fault: str) -> None:
    def key(name: str, mode: Any, condition: Any) -> str:
        return json.dumps([name, mode, dict(condition)], sort_keys=True)

    ours = {key(metric.name, metric.mode, metric.condition): metric for metric in computed}
    theirs = {key(row["name"], row["mode"], row["condition"]): row for row in stored}
    for name in sorted(ours.keys() ^ theirs.keys()):
        raise UserError(f"metrics {fault}: {name} is {'missing' if name in ours else 'none of them'}; rescore the run")
    for name, metric in ours.items():
        for field in _FIELDS:
            mine, told = getattr(metric, field), theirs[name][field]
            same = mine == told if mine is None or told is None else math.isclose(mine, told, rel_tol=_TOLERANCE)
            if not same and not (mine is not None and told is not None and abs(mine - told) < _TOLERANCE):
                raise UserError(f"metrics {fault}: {name} has {field} {told}, computed here {mine}; rescore the run")


def _check_answers(store: Store, task: Task, run: Mapping[str, Any], docs: Sequence[Doc]) -> None:
    """Asks and scores docs anew, without a model: questions and scores must be those of the file."""
    info, asked = model_info_of(run["model_info"]), str(run["mode"]).split("+")
    modes = frozenset(mode for mode in task.modes if mode in asked)
    rows = {row["sample_id"]: row for row in store.samples_of_docs(run["run_id"], [doc.id for doc in docs])}
    for doc in docs:
        for draft in task.requests(doc, info, modes):
            row = rows.pop(draft.sample_id, None)
            if row is None:
                raise UserError(f"task {task.name} asks doc {doc.id!r} for more than the run has; run it again")
            if row["request_ids"] != [request.id for request in draft.requests]:
                raise UserError(f"task {task.name} asks doc {doc.id!r} another question than in this run")
            _check_row(row)
            _compare_scores(row, _scored(task, doc, draft, row))
    if rows:
        raise UserError(f"sample {next(iter(rows))} is none that task {task.name} has; run it again")


@lru_cache(maxsize=2)
def _docs_of(task: str, options: str, n_docs: int) -> tuple[str, tuple[Doc, ...]]:
    """The docs of a run and their hash; kept, since the submissions of a board have them in common."""
    docs = tuple(islice(load_task(task, json.loads(options)).docs(), n_docs))
    return survey_docs(task, docs).sha256, docs


def _drawn(file: Path, docs: Sequence[Doc]) -> list[Doc]:
    """Some docs; they follow from the file's content, so that nobody can choose what is looked at."""
    content = hashlib.sha256(file.read_bytes()).hexdigest()
    numbers = sorted(range(len(docs)), key=lambda number: digest([content, number]))[:DRAWN]
    return [docs[number] for number in sorted(numbers)]


def _scored(task: Task, doc: Doc, draft: Draft, row: Mapping[str, Any]) -> Scores:
    if row["error"] not in (None, SCORING):
        return Scores({}, "error")
    return scored(task, doc, draft, tuple(Response.from_json(value) for value in row["responses"]))


def _compare_scores(row: Mapping[str, Any], now: Scores) -> None:
    told = row["scores"]
    same = told.keys() == now.values.keys() and all(
        mine == score or (mine is not None and score is not None and math.isclose(mine, score, rel_tol=_TOLERANCE))
        for mine, score in ((now.values[name], score) for name, score in told.items())
    )
    if not same or row["outcome"] != now.outcome:
        raise UserError(
            f"sample {row['sample_id']}: the task scores its answers otherwise "
            f"({dict(now.values)}, {now.outcome}) than the file says ({told}, {row['outcome']})"
        )
