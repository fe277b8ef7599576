"""Runs of our own tasks inside lm-evaluation-harness, read back from its logs as if `unreason run` had made them.

The harness's configuration of a task says which of ours it is (`suite.lm_eval.task`), and each line of the sample log
holds our samples of a doc. Metrics are computed from them anew. The model's name, "lm-eval/BACKEND:ARGUMENTS", and the
status "imported" tell where such a run comes from.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from suite.errors import UserError
from suite.identity import digest
from suite.registry import load_task
from suite.store.lm_eval_calls import calls_of, exchange
from suite.task import Request, Response, Sample

KEY = "unreason"  # in the metadata of the harness's task


def own_source(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What `suite.lm_eval.task` has written into the configuration of a task of the harness; None if it is no such."""
    metadata = config.get("metadata")
    source = metadata.get(KEY) if isinstance(metadata, Mapping) else None
    complete = isinstance(source, Mapping) and {"task", "mode", "options", "version", "dataset_hash"} <= source.keys()
    return source if complete else None


def own_rows(line: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows of `samples` from a line of the log."""
    calls = calls_of(line)
    for row in line["samples"]:
        requests: list[Request] = []
        responses: list[Response] = []
        for places in row["calls"]:
            asked, answers = exchange([calls[place] for place in places], [line["resps"][place] for place in places])
            requests += asked
            responses += [_whole(answer) for answer in answers]
        yield {
            **{name: value for name, value in row.items() if name != "calls"},
            "doc_id": line["doc"]["id"],
            "request_ids": [request.id for request in requests],
            "requests": [request.to_json() for request in requests],
            "responses": [response.to_json() for response in responses],
            **dict.fromkeys(("prompt_tokens", "completion_tokens", "cost_usd", "latency_s")),
        }


def own_run(run: Mapping[str, Any], source: Mapping[str, Any], file: Path) -> tuple[dict[str, Any], list[Any]] | None:
    """(columns of `runs`, rows of `metrics`) of a run whose samples are in `file`.

    None if its task is not installed here, or has changed since.

    Args:
        run: columns as of any other task of the harness.
        source: see `own_source`.

    Raises:
        UserError: a line of the file is none of ours.
    """
    try:
        task = load_task(source["task"], source["options"])
    except UserError:
        return None
    if task.version != source["version"]:
        return None
    samples = sorted(_samples(file), key=lambda sample: sample.sample_id)
    failures = Counter(sample.error for sample in samples if sample.error)
    changed = {
        "run_id": f"{task.name}-lm-eval-{digest([run['run_id'], source], 10)}",
        "task": task.name,
        "task_version": task.version,
        "dataset_hash": source["dataset_hash"],
        "options": source["options"],
        "mode": source["mode"],
        "n_docs": source.get("n_docs"),
        "n_samples": len(samples),
        "n_failed": failures.total(),
    }
    return {**run, **changed}, [metric.to_json() for metric in task.metrics(samples)]


def _samples(file: Path) -> Iterator[Sample]:
    plain = ("sample_id", "mode", "condition", "cluster", "scores", "outcome", "answer", "target", "error")
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                parsed = json.loads(line)
                for row in parsed["samples"]:
                    yield Sample(doc_id=parsed["doc"]["id"], **{name: row[name] for name in plain})
            except (ValueError, KeyError, TypeError) as error:
                raise UserError(f"{file}:{number}: no samples of unreason ({type(error).__name__}: {error})") from None


def _whole(response: Response) -> Response:
    """The response, as a failure if it holds a number that is none."""
    if all(math.isfinite(score.logprob) for score in response.scores):
        return response
    return Response(response.request_id, error="nan", error_detail="a log-probability that is not finite")
