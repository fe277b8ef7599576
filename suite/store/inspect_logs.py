"""Reads logs of inspect_ai, in both of its formats: ``.eval`` (a zip of JSON files) and ``.json``.

A log becomes a run of status "imported" whose model is called "inspect/MODEL". Where its task bears the name of one of
ours and its samples ask our very prompts, the answers are scored by our task instead (`suite.store.inspect_own`).
Layout as of inspect_ai 0.3.285, log version 2; keys are blanked as in logs of other programs.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.errors import UserError
from suite.identity import digest
from suite.store.lm_eval_calls import number
from suite.store.redaction import Redactor
from suite.task import Generate, Response, Text

SUFFIXES = (".eval", ".json")
_HEADER, _SAMPLES = "header.json", "samples/"
_ZSTANDARD = 93  # method of zip members that zipfile cannot read before Python 3.14
_LARGEST = 256 * 2**20  # bytes of one member, unpacked
_GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}  # correct, partial, incorrect, no answer
_FINISH = {"max_tokens": "length", "model_length": "length", "content_filter": "content_filter"}
_Z_95 = 1.959963984540054  # the normal's two-sided 5 % point


@dataclass(frozen=True, slots=True)
class InspectRun:
    """A log as a run; fields as of `suite.store.lm_eval_logs.LoggedRun`."""

    run: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]]
    samples_file: Path
    rows: Sequence[Mapping[str, Any]]

    def samples(self) -> Iterator[Mapping[str, Any]]:
        """Rows of `samples`."""
        return iter(self.rows)


def is_inspect_log(file: Path) -> bool:
    """Whether `file` is one; of a JSON file, by its beginning."""
    if file.suffix == ".eval":
        return True
    if file.suffix != ".json" or not file.is_file():
        return False
    with file.open("rb") as raw:
        start = raw.read(2000).replace(b" ", b"").replace(b"\n", b"")
    return start.startswith(b'{"version":') and b'"eval":{' in start


def read_inspect_log(file: Path) -> InspectRun:
    """The run of a log.

    Raises:
        UserError: the file is damaged, or no log.
    """
    try:
        log = _zipped(file) if file.suffix == ".eval" else json.loads(file.read_text(encoding="utf-8"))
        redactor = Redactor.of({key: value for key, value in log.items() if key != "samples"})
        samples = [_resolved(sample) for sample in redactor.blank(log.get("samples") or [])]
        log = redactor.clean({key: value for key, value in log.items() if key != "samples"})
        return _run_of(file, log, samples)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, zipfile.BadZipFile) as error:
        raise UserError(f"{file}: no log of inspect_ai ({type(error).__name__}: {error})") from None


def text_of(content: Any) -> str:
    """The text of a message, whose content is a string or a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if isinstance(part, dict) and part.get("type") == "text")


def turns_of(sample: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What a sample asks, as turns."""
    asked = sample["input"]
    if isinstance(asked, str):
        return (("user", asked),)
    return tuple((message["role"], text_of(message["content"])) for message in asked)


def response_of(sample: Mapping[str, Any], request: Generate) -> Response:
    """The answer of a sample to `request`."""
    if sample.get("error"):
        return Response(request.id, error="server_error", error_detail=str(sample["error"].get("message", ""))[:300])
    output = sample.get("output") or {}
    choices, usage = output.get("choices") or [], output.get("usage") or {}
    if not choices:
        return Response(request.id, error="empty", error_detail="no answer in the log")
    texts = [
        Text(text_of(choice["message"]["content"]), _FINISH.get(choice.get("stop_reason", ""), "stop"))
        for choice in choices
    ]
    return Response(
        request.id,
        texts=tuple(texts[:1]),
        prompt_tokens=usage.get("input_tokens") or 0,
        completion_tokens=usage.get("output_tokens") or 0,
        latency_s=float(output.get("time") or 0.0),
    )


def _run_of(file: Path, log: Mapping[str, Any], samples: Sequence[Mapping[str, Any]]) -> InspectRun:
    from suite.store.inspect_own import own_run

    spec, stats = log["eval"], log.get("stats") or {}
    model = f"inspect/{spec['model']}"
    failed = sum(bool(sample.get("error")) for sample in samples)
    run = {
        "run_id": f"inspect-{spec['task'].rpartition('/')[2]}-{digest([spec.get('run_id'), spec.get('task_id')], 10)}",
        "task": spec["task"].rpartition("/")[2],
        "task_version": str(spec.get("task_version", "")),
        "dataset_hash": "",
        "model": model,
        "model_fingerprint": digest(["inspect", model, spec.get("model_args"), spec.get("model_base_url")]),
        "model_info": {"name": model, "provider": "inspect", "extra": spec.get("model_generate_config") or {}},
        "options": spec.get("task_args") or {},
        "mode": "generate",
        "status": "imported",
        "n_docs": len({sample["id"] for sample in samples}),
        "n_samples": len(samples),
        "n_failed": failed,
        "started_at": stats.get("started_at") or spec.get("created"),
        "finished_at": stats.get("completed_at") or None,
        "libraries": spec.get("packages") or {},
        "git_commit": (spec.get("revision") or {}).get("commit"),
    }
    ours = own_run(run, samples)
    if ours is not None:
        return InspectRun(*ours[:2], file, ours[2])
    return InspectRun(run, list(_metrics(log.get("results") or {})), file, [_sample(sample) for sample in samples])


def _metrics(results: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Metrics of each scorer, with the interval that its own standard error gives."""
    n = results.get("completed_samples")
    for score in results.get("scores") or []:
        found = {name: number(metric["value"]) for name, metric in score["metrics"].items()}
        for name, value in found.items():
            if name == "stderr":
                continue
            stderr = found.get("stderr") if name in ("accuracy", "mean") else None
            margin = None if stderr is None or value is None else _Z_95 * stderr
            yield {
                "name": name,
                "mode": "generate",
                "condition": {"scorer": score["name"]},
                "value": value,
                "stderr": stderr,
                "ci_low": None if margin is None or value is None else value - margin,
                "ci_high": None if margin is None or value is None else value + margin,
                "n": score.get("scored_samples", n),
                "n_clusters": score.get("scored_samples", n),
                "higher_is_better": None,
                "headline": True,
                "note": "imported from inspect_ai"
                + ("" if stderr is None else "; normal interval, docs taken as independent"),
            }


def _sample(sample: Mapping[str, Any]) -> dict[str, Any]:
    request = Generate(turns_of(sample), max_tokens=1)
    response = response_of(sample, request)
    scores = dict(_scores(sample.get("scores") or {}))
    first = next(iter(scores.values()), None)
    target = sample.get("target") or ""
    answers = [score.get("answer") for score in (sample.get("scores") or {}).values()]
    outcome = {1.0: "correct", 0.0: "wrong"}.get(first if first is not None else -1.0, "scored")
    return {
        "sample_id": digest([sample["id"], sample.get("epoch"), sample.get("uuid")], 24),
        "doc_id": str(sample["id"]),
        "mode": "generate",
        "condition": {"epoch": sample.get("epoch", 1)},
        "cluster": str(sample["id"]),
        "target": target if isinstance(target, str) else " / ".join(target),
        "request_ids": [request.id],
        "requests": [request.to_json()],
        "responses": [response.to_json()],
        "scores": scores,
        "outcome": "error" if response.error else outcome,
        "answer": next((answer for answer in answers if answer), None),
        "error": response.error,
        "prompt_tokens": response.prompt_tokens,
        "completion_tokens": response.completion_tokens,
        "cost_usd": None,
        "latency_s": response.latency_s,
    }


def _scores(scores: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Numbers of each scorer; grades are numbers, and what is neither is left out."""
    for name, score in scores.items():
        value = score["value"]
        for part, single in value.items() if isinstance(value, dict) else [("", value)]:
            found = _GRADES.get(single) if isinstance(single, str) else number(single)
            if found is not None:
                yield (f"{name}/{part}" if part else name), found


def _zipped(file: Path) -> dict[str, Any]:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        if _HEADER not in names:
            raise ValueError("it has no header.json: the evaluation was cut off; recover it with `inspect log recover`")
        log: dict[str, Any] = json.loads(_member(archive, _HEADER))
        members = [name for name in names if name.startswith(_SAMPLES) and name.endswith(".json")]
        log["samples"] = [json.loads(_member(archive, name)) for name in members]
    return log


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > _LARGEST:
        raise ValueError(f"{name} has {info.file_size} bytes, more than any log")
    if info.compress_type != _ZSTANDARD:
        return archive.read(name)
    import pyarrow

    assert archive.fp is not None
    archive.fp.seek(info.header_offset)
    header = archive.fp.read(30)  # the local header's fixed part; lengths of name and extra field are its last 4 bytes
    archive.fp.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
    packed = archive.fp.read(info.compress_size)
    raw: bytes = pyarrow.decompress(packed, decompressed_size=info.file_size, codec="zstd", asbytes=True)
    return raw


def _resolved(sample: Mapping[str, Any]) -> Mapping[str, Any]:
    """The sample with long texts back in their places, which the log keeps once, under a name."""
    kept = sample.get("attachments") or {}

    def mapped(value: Any) -> Any:
        if isinstance(value, str):
            return kept.get(value.removeprefix("attachment://"), value) if value.startswith("attachment://") else value
        if isinstance(value, list):
            return [mapped(item) for item in value]
        return {key: mapped(item) for key, item in value.items()} if isinstance(value, dict) else value

    wanted = ("id", "epoch", "uuid", "input", "target", "output", "scores", "error")
    return {key: mapped(sample[key]) for key in wanted if key in sample}
