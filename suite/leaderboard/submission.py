"""Checks a submission: one exported run, whose figures must follow from its samples and its samples from its answers.

Nobody can prove that a model gave these answers. What can be checked is all the rest: that the run is whole, that the
task in this version asks these questions of these docs, that the scores are what this version gives for the answers,
and that the metrics are what it computes from the scores.
"""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from suite.errors import UserError
from suite.identity import digest
from suite.plan import survey
from suite.registry import load_task, path_options, task_classes
from suite.runner import rescore
from suite.store import Store
from suite.store.exchange import file_stem
from suite.task import Metric, Sample, Task

_TOLERANCE = 1e-9  # relative; sums may be taken in another order
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
        store = Store(Path(folder))
        (run_id,) = _one(store.import_(file), file)
        try:
            return _checked(store, store.run(run_id), file)
        except UserError as error:
            raise UserError(f"{file}: {error}") from error


def _one(ids: Sequence[str], file: Path) -> Sequence[str]:
    if len(ids) != 1:
        raise UserError(f"{file}: expected one exported run, found {len(ids)}; use `unreason export RUN`")
    return ids


def _checked(store: Store, run: Mapping[str, Any], file: Path) -> Checked:
    run_id = str(run["run_id"])
    if file.stem != file_stem(run_id):
        raise UserError(f"the file of this run must be called {file_stem(run_id)}.parquet")
    task = _task_of(run)
    _check_counts(store, run)
    _check_samples(store, run_id)
    samples = store.samples_for_metrics(run_id)
    stored = [row for row in store.metrics([run_id]) if "judge" not in row["condition"]]
    _compare(task.metrics(samples), stored, "do not follow from its samples")
    given = sorted(name for name in path_options(type(task)) if run["options"].get(name) is not None)
    if given:  # files named by a stranger are not opened
        return Checked(run_id, file, "scores", f"docs not at hand: option {given[0]} names a file of the submitter's")
    try:
        docs = survey(task, run["n_docs"])
    except (UserError, OSError) as error:
        return Checked(run_id, file, "scores", f"docs not at hand: {error}")
    if docs.sha256 != run["dataset_hash"]:
        raise UserError(
            f"its docs are not those that task {task.name} has with these options now "
            f"(hash {run['dataset_hash'][:12]}, here {docs.sha256[:12]}); run the task again with this version"
        )
    before = {sample.sample_id: sample for sample in samples}
    again = rescore(run_id, store.results)
    if again.n_samples != run["n_samples"]:
        raise UserError(f"it has {run['n_samples']} samples, and the task asks for others too; run it again")
    _compare_scores(before, store.samples_for_metrics(run_id))
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
    (counted,) = store.sql("SELECT count(*) AS n_samples, count(error) AS n_failed FROM samples")  # of this run alone
    for name, count in counted.items():
        if run[name] != count:
            raise UserError(f"{name} says {run[name]}, and the file holds {count}; export it again")
    if not counted["n_samples"]:
        raise UserError("it has no samples; export a run with its samples")


def _check_samples(store: Store, run_id: str) -> None:
    """Identities of samples and requests must follow from their content, and log-probabilities be below zero."""
    seen: set[str] = set()
    offset, page = 0, 2000
    while rows := store.samples(run_id, limit=page, offset=offset, with_text=True):
        offset += len(rows)
        for row in rows:
            wanted = digest([row["doc_id"], row["mode"], row["condition"]], 24)
            if row["sample_id"] != wanted or wanted in seen:
                raise UserError(f"sample {row['sample_id']} is doubled, or not the one that its content makes it")
            seen.add(wanted)
            _check_row(row)


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


def _compare_scores(before: Mapping[str, Sample], after: Sequence[Sample]) -> None:
    for sample in after:
        told = before[sample.sample_id]
        same = told.scores.keys() == sample.scores.keys() and all(
            mine == score or (mine is not None and score is not None and math.isclose(mine, score, rel_tol=_TOLERANCE))
            for mine, score in ((sample.scores[name], score) for name, score in told.scores.items())
        )
        if not same or told.outcome != sample.outcome:
            raise UserError(
                f"sample {sample.sample_id}: the task scores its answers otherwise "
                f"({dict(sample.scores)}, {sample.outcome}) than the file says ({dict(told.scores)}, {told.outcome})"
            )
