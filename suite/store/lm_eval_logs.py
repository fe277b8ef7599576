"""Reads what lm-evaluation-harness leaves behind: its results JSON, and the sample files of ``--log_samples``.

A task of a results file becomes a run of status "imported". The harness writes model arguments, keys included, into its
results several times over, and the numbers of its responses as text; here keys are blanked and numbers are numbers
again. Layout as of lm-eval 0.4.13.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from suite.errors import UserError
from suite.identity import digest
from suite.store.lm_eval_calls import calls_of, exchange, number
from suite.store.lm_eval_own import own_rows, own_run, own_source
from suite.store.redaction import Redactor
from suite.task import Generate, Loglikelihood, Request, Response

_RESULTS = re.compile(r"(?:results|.+)_(\d{4}-\d\d-\d\dT.+)\.json")
_SAMPLES = re.compile(r"samples_(.+)_(\d{4}-\d\d-\d\dT.+)\.jsonl")
_Z_95 = 1.959963984540054  # the normal's two-sided 5 % point


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """A task of a results file.

    Attributes:
        run: columns of `runs`.
        metrics: columns of `metrics`, a mapping each.
        samples_file: the task's sample file, if there is one.
        is_ours: it is a task of ours, and the sample file holds our samples.
    """

    run: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]]
    samples_file: Path | None
    redactor: Redactor
    is_ours: bool = False

    def samples(self) -> Iterator[dict[str, Any]]:
        """Rows of `samples`, one a line of the sample file (a doc under a filter), or our own, several a line.

        Raises:
            UserError: a line is none of lm-eval's.
        """
        if self.samples_file is None:
            return
        with self.samples_file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    parsed = self.redactor.blank(json.loads(line))
                    yield from own_rows(parsed) if self.is_ours else [_sample(parsed, number)]
                except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
                    raise UserError(
                        f"{self.samples_file}:{number}: no sample of lm-eval ({type(error).__name__}: {error})"
                    ) from None


def read_logs(path: Path, may_be_empty: bool = False) -> list[LoggedRun]:
    """Every run under `path`: a folder (with all below it), a results file, or a sample file.

    Args:
        may_be_empty: a folder without results gives no run, and is no error.

    Raises:
        UserError: there is nothing of lm-eval, or a results file is broken.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*.json") if _RESULTS.fullmatch(file.name))
        logged = [run for file in files for run in _runs_of(file)]
        if not logged and not may_be_empty:
            raise UserError(f"{path}: neither an export of unreason nor logs of lm-eval or inspect_ai in it")
        return logged
    if path.suffix == ".jsonl":
        named = _SAMPLES.fullmatch(path.name)
        if named is None:
            raise UserError(f"{path}: expected a file samples_TASK_TIME.jsonl, as lm-eval --log_samples writes it")
        beside = [run for file in sorted(path.parent.glob(f"*_{named[2]}.json")) for run in _runs_of(file)]
        found = [run for run in beside if run.samples_file == path]
        return found or [_run_without_results(path, named[1], named[2])]
    return _runs_of(path)


def _runs_of(file: Path) -> list[LoggedRun]:
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read: {error}") from None
    if not isinstance(results, dict) or not isinstance(results.get("results"), dict):
        raise UserError(f"{file}: no results of lm-eval (it has no key 'results')")
    redactor = Redactor.of(results)
    results = redactor.clean(results)
    moment = _RESULTS.fullmatch(file.name)
    try:
        return [_run_of(file, results, task, moment[1] if moment else "", redactor) for task in results["results"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{file}: not the layout of lm-eval ({type(error).__name__}: {error})") from None


def _run_of(file: Path, results: Mapping[str, Any], task: str, moment: str, redactor: Redactor) -> LoggedRun:
    config, options = results.get("config") or {}, (results.get("configs") or {}).get(task) or {}
    model = _model_name(config)
    started = float(results.get("date") or 0.0)
    seconds = float(results.get("total_evaluation_time_seconds") or 0.0)
    counts = (results.get("n-samples") or {}).get(task) or {}
    n = counts.get("effective")
    samples_file = file.with_name(f"samples_{task}_{moment}.jsonl")
    mode = "generate" if options.get("output_type") == "generate_until" else "loglikelihood"
    run = {
        "run_id": f"lm-eval-{task}-{digest([results['results'][task], config, results.get('date')], 10)}",
        "task": task,
        "task_version": str((results.get("versions") or {}).get(task, "")),
        "dataset_hash": (results.get("task_hashes") or {}).get(task) or "",
        "model": model,
        "model_fingerprint": digest(["lm-eval", model, config.get("model_sha"), config.get("model_dtype")]),
        "model_info": {"name": model, "provider": "lm-eval", "extra": config},
        "options": options | {"num_fewshot": (results.get("n-shot") or {}).get(task)},
        "mode": mode,
        "status": "imported",
        "n_docs": n,
        "n_samples": n,
        "n_failed": 0,
        "seconds": seconds,
        "started_at": _time(started),
        # the seconds count from before the start that is logged: without a bound, it might have ended in the future
        "finished_at": _time(min(started + seconds, time.time())) if started else None,
        "libraries": {
            name: results[key]
            for name, key in (("lm-eval", "lm_eval_version"), ("transformers", "transformers_version"))
            if results.get(key)
        },
        "git_commit": results.get("git_hash"),
    }
    better = (results.get("higher_is_better") or {}).get(task) or {}
    found = list(_metrics(results["results"][task], better, mode, n))
    if not samples_file.is_file():
        return LoggedRun(run, found, None, redactor)
    source = own_source(options)
    ours = own_run(run, source, samples_file) if source else None
    if ours is None:
        return LoggedRun(run, found, samples_file, redactor)
    return LoggedRun(*ours, samples_file, redactor, is_ours=True)


def _run_without_results(file: Path, task: str, moment: str) -> LoggedRun:
    """A run of which only the samples are left; the folder is named after the model."""
    run = {
        "run_id": f"lm-eval-{task}-{digest([file.parent.name, moment], 10)}",
        "task": task,
        "task_version": "",
        "dataset_hash": "",
        "model": f"lm-eval/{file.parent.name}",
        "model_fingerprint": digest(["lm-eval", file.parent.name]),
        "model_info": {"name": f"lm-eval/{file.parent.name}", "provider": "lm-eval"},
        "options": {},
        "mode": "",
        "status": "imported",
    }
    return LoggedRun(run, (), file, Redactor.of({}))


def _metrics(
    row: Mapping[str, Any], better: Mapping[str, bool], mode: str, n: int | None
) -> Iterator[Mapping[str, Any]]:
    """Metrics from keys "METRIC,FILTER", with the interval that lm-eval's own standard error gives."""
    for key, value in row.items():
        name, comma, kind = key.partition(",")
        if not comma or name.endswith("_stderr"):
            continue
        estimate, stderr = number(value), number(row.get(f"{name}_stderr,{kind}"))
        margin = None if stderr is None or estimate is None else _Z_95 * stderr
        yield {
            "name": name,
            "mode": mode,
            "condition": {"filter": kind},
            "value": estimate,
            "stderr": stderr,
            "ci_low": None if margin is None or estimate is None else estimate - margin,
            "ci_high": None if margin is None or estimate is None else estimate + margin,
            "n": n,
            "n_clusters": n,
            "higher_is_better": better.get(name),
            "headline": True,
            "note": "imported from lm-eval"
            + ("" if stderr is None else "; normal interval, docs taken as independent"),
        }


def _sample(line: Mapping[str, Any], place: int) -> dict[str, Any]:
    requests, responses = exchange(calls_of(line), line["resps"])
    scores = {name: number(line.get(name)) for name in line["metrics"]}
    scores = {name: value for name, value in scores.items() if value is not None}
    right = next((scores[name] for name in ("acc", "exact_match") if name in scores), None)
    return {
        "sample_id": digest([line["doc_id"], line["filter"], line.get("prompt_hash"), place], 24),
        "doc_id": str(line["doc_id"]),
        "mode": "generate" if isinstance(requests[0], Generate) else "loglikelihood",
        "condition": {"filter": line["filter"]},
        "cluster": str(line["doc_id"]),
        "target": str(line["target"]),
        "request_ids": [request.id for request in requests],
        "requests": [request.to_json() for request in requests],
        "responses": [response.to_json() for response in responses],
        "scores": scores,
        "outcome": {1.0: "correct", 0.0: "wrong"}.get(right if right is not None else -1.0, "scored"),
        "answer": _answer(requests, responses, line["filtered_resps"]),
        "error": None,
        "prompt_tokens": None,
        "completion_tokens": None,
        "cost_usd": None,
        "latency_s": None,
    }


def _answer(requests: tuple[Request, ...], responses: tuple[Response, ...], filtered: list[Any]) -> str | None:
    """The filtered text, or the likeliest continuation where there is a choice."""
    if isinstance(requests[0], Generate):
        return str(filtered[0]) if filtered else None
    scored = [
        (score.logprob, continuation.strip())
        for request, response in zip(requests, responses, strict=True)
        if isinstance(request, Loglikelihood)
        for continuation, score in zip(request.continuations, response.scores, strict=True)
    ]
    return max(scored, key=lambda pair: pair[0])[1] if len(scored) > 1 else None


def _model_name(config: Mapping[str, Any]) -> str:
    """As this suite names models: lm-eval/BACKEND:ARGUMENTS."""
    arguments = config.get("model_args") or ""
    if isinstance(arguments, Mapping):
        arguments = ",".join(f"{key}={value}" for key, value in arguments.items())
    return f"lm-eval/{config.get('model') or 'unknown'}{':' if arguments else ''}{arguments}"


def _time(seconds: float) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else None
