"""What a run leaves behind: the files of its folder, and the `RunResult` that Python and the command line show.

``results/runs/RUN_ID`` holds run.json (one row of the table `runs`), metrics.json and the journal.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.errors import RunIncomplete, UserError
from suite.store.journal import JournalIndex, sample_of, write_json
from suite.task import Metric, ModelInfo, Sample, Scalar

if TYPE_CHECKING:
    import pandas
    import polars

RUN_FILE = "run.json"
METRICS_FILE = "metrics.json"


@dataclass(frozen=True)
class RunResult:
    """One task on one model in one configuration.

    Attributes:
        model: the name by which the model was asked for; `model_info` is its card.
        mode: the modes of the samples, joined by "+".
        status: "complete", or "incomplete" if over 2 % of the samples failed; the same command then tries them again.
        failures: failed samples by the name of the failure (`suite.task.Failure`, or "scoring").
        n_answers_reused: answers that earlier runs of the same model had got already.
        prompt_tokens, completion_tokens, cost_usd: of the distinct answers of this run; a reused answer costs nothing.
        seconds: wall time of all sittings.
        reused: the run was complete already, and nothing was done.
    """

    run_id: str
    folder: Path
    task: str
    task_version: str
    model: str
    model_info: ModelInfo
    options: Mapping[str, Any]
    mode: str
    status: str
    metrics: tuple[Metric, ...]
    n_docs: int
    n_samples: int
    n_failed: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    seconds: float
    failures: Mapping[str, int] = field(default_factory=dict)
    n_answers_reused: int = 0
    reused: bool = False

    def metric(self, name: str, /, mode: str | None = None, **condition: Scalar) -> Metric:
        """The one metric of this name whose condition holds the given values.

        A metric whose condition is exactly the given one goes before one that says more.

        Raises:
            KeyError: there is none, or several; the message lists them.
        """
        named = [m for m in self.metrics if m.name == name and (mode is None or m.mode == mode)]
        exact = [m for m in named if dict(m.condition) == condition]
        found = exact or [m for m in named if condition.items() <= dict(m.condition).items()]
        if len(found) == 1:
            return found[0]
        offer = [f"{m.mode} {dict(m.condition)}" for m in found or named] or sorted({m.name for m in self.metrics})
        raise KeyError(f"{len(found)} metrics {name!r} with {condition}; there are: {'; '.join(offer)}")

    def metric_rows(self, headline: bool = False) -> list[dict[str, Any]]:
        """The metrics as plain mappings; only the headline ones if asked."""
        return [metric.to_json() for metric in self.metrics if metric.headline or not headline]

    def summary(self) -> str:
        """One line for people."""
        state = "complete already" if self.reused else self.status
        cost = f", {self.cost_usd:.4f} USD" if self.cost_usd else ""
        reused = f", {self.n_answers_reused} answers of earlier runs used" if self.n_answers_reused else ""
        tokens = f"{self.prompt_tokens:,} tokens read, {self.completion_tokens:,} written"
        return (
            f"{self.run_id}: {state}; {self.n_samples} samples of {self.n_docs} docs, {self.failure_line()}; "
            f"{tokens}{cost}, {self.seconds:.1f} s{reused}"
        )

    def failure_line(self) -> str:
        """How many samples failed, and of what."""
        if not self.n_failed:
            return "none failed"
        kinds = ", ".join(f"{name} {count}" for name, count in self.failures.items())
        return f"{self.n_failed} failed ({kinds})"

    def check_complete(self) -> None:
        """Does nothing for a complete run.

        Raises:
            UserError: prompts that do not fit the model's window, and nothing else: no second try can help.
            RunIncomplete: other failures; the same command tries those samples again.
        """
        if self.status == "complete":
            return
        if set(self.failures) == {"context_length"}:
            window = self.model_info.context_length
            raise UserError(
                f"{self.n_failed} of {self.n_samples} prompts of {self.task} do not fit the window of {self.model} "
                f"({window} tokens); take a model with a longer one, or options with shorter prompts"
            )
        raise RunIncomplete(
            f"run {self.run_id} is incomplete: {self.failure_line()}; the same command tries those again"
        )

    def to_json(self) -> dict[str, Any]:
        """Everything as a JSON object."""
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            **plain,
            "folder": str(self.folder),
            "model_info": self.model_info.to_json(),
            "metrics": self.metric_rows(),
            "options": dict(self.options),
            "failures": dict(self.failures),
        }

    def to_pandas(self) -> pandas.DataFrame:
        """The metrics as a frame, a row each; the condition's values are columns ``condition.NAME``."""
        import pandas

        return pandas.DataFrame(self._frame_rows())

    def to_polars(self) -> polars.DataFrame:
        """The metrics as a polars frame, as in `to_pandas`."""
        import polars

        return polars.DataFrame(self._frame_rows(), infer_schema_length=None)

    def samples(self) -> pandas.DataFrame:
        """The samples as a frame, a row each, with columns ``condition.NAME`` and ``scores.NAME``."""
        import pandas

        from suite.store import Store

        samples = Store(self.folder.parent.parent).samples_for_metrics(self.run_id)
        plain = ("sample_id", "doc_id", "mode", "cluster", "outcome", "answer", "target", "error")
        return pandas.DataFrame(
            {name: getattr(sample, name) for name in plain}
            | _prefixed("condition", sample.condition)
            | _prefixed("scores", sample.scores)
            for sample in samples
        )

    def _frame_rows(self) -> list[dict[str, Any]]:
        rows = []
        for row in self.metric_rows():
            condition = row.pop("condition")
            rows.append({"run_id": self.run_id, "task": self.task, "model": self.model, **row})
            rows[-1] |= _prefixed("condition", condition)
        names = list(dict.fromkeys(name for row in rows for name in row))
        return [{name: row.get(name) for name in names} for row in rows]


@dataclass(frozen=True)
class Summary:
    """What the journal of a run says in the end: its samples without requests and responses, and its totals."""

    samples: tuple[Sample, ...]
    failures: Mapping[str, int]
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float

    @property
    def n_failed(self) -> int:
        return sum(self.failures.values())


def summarise(journal: JournalIndex) -> Summary:
    """Reads a journal once; the samples come in the order of their ids, whatever order they were finished in."""
    samples, failures = [], Counter[str]()
    counted: set[str] = set()
    prompt_tokens = completion_tokens = 0
    costs = []
    condition_of = cache(json.loads)  # a run has few conditions: shared, they cost little memory
    for row in journal.rows():
        if row["error"]:
            failures[row["error"]] += 1
        for response in row["responses"]:
            if response["request_id"] not in counted:
                counted.add(response["request_id"])
                prompt_tokens += response.get("prompt_tokens", 0)
                completion_tokens += response.get("completion_tokens", 0)
                costs.append(response.get("cost_usd", 0.0))
        condition = condition_of(json.dumps(row["condition"]))
        scores = {sys.intern(name): value for name, value in row["scores"].items()}
        few = {"condition": condition, "scores": scores, "cluster": sys.intern(row["cluster"])}
        samples.append(sample_of({**row, **few, "requests": [], "responses": []}))
    samples.sort(key=lambda sample: sample.sample_id)
    ordered = dict(sorted(failures.items()))
    return Summary(tuple(samples), ordered, prompt_tokens, completion_tokens, math.fsum(costs))


def run_result(folder: Path, failures: Mapping[str, int], n_answers_reused: int = 0, reused: bool = False) -> RunResult:
    """The result of a run that has ended, from the files in its folder."""
    row = read_run(folder)
    assert row is not None
    copied = {item.name for item in fields(RunResult)} & row.keys()
    return RunResult(
        **{name: row[name] for name in copied - {"model_info"}},
        folder=folder,
        model_info=model_info_of(row["model_info"]),
        metrics=tuple(read_metrics(folder)),
        failures=failures,
        n_answers_reused=n_answers_reused,
        reused=reused,
    )


def read_run(folder: Path) -> dict[str, Any] | None:
    """The content of run.json; None if there is none yet.

    Raises:
        UserError: the file is no JSON object.
    """
    file = folder / RUN_FILE
    if not file.exists():
        return None
    try:
        row = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise UserError(f"{file}: not a JSON object; delete the file and run the same command again")
    return row


def write_run(folder: Path, row: Mapping[str, Any]) -> None:
    """Writes run.json atomically."""
    write_json(folder / RUN_FILE, dict(row))


def write_metrics(folder: Path, metrics: list[Metric]) -> None:
    """Writes metrics.json atomically: a list of rows of the table `metrics`, without the run's id."""
    write_json(folder / METRICS_FILE, [metric.to_json() for metric in metrics])


def read_metrics(folder: Path) -> list[Metric]:
    """The metrics of a run that has ended."""
    return [Metric(**row) for row in json.loads((folder / METRICS_FILE).read_text(encoding="utf-8"))]


def model_info_of(value: Mapping[str, Any]) -> ModelInfo:
    """The inverse of `ModelInfo.to_json`."""
    return ModelInfo(**{**value, "capabilities": frozenset(value["capabilities"])})


def _prefixed(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}.{name}": value for name, value in values.items()}
