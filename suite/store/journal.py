"""The journal of a run: one JSON line a finished sample, appended while the run goes on.

Its place is between `Task.score` and the database. A crash costs at most the line being written: a torn last line is
dropped, everything before it counts. The last line of a sample is the one that holds.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from suite.errors import UserError
from suite.task import Response, Sample, request_from_json

FILE_NAME = "journal.jsonl"
LOCK_NAME = "journal.lock"
_SYNC_SECONDS = 1.0


def row_of(sample: Sample) -> dict[str, Any]:
    """The journal's line for `sample`: the columns of the table `samples` without `run_id`."""
    return {
        "sample_id": sample.sample_id,
        "doc_id": sample.doc_id,
        "mode": sample.mode,
        "condition": dict(sample.condition),
        "cluster": sample.cluster,
        "target": sample.target,
        "request_ids": [request.id for request in sample.requests],
        "requests": [request.to_json() for request in sample.requests],
        "responses": [response.to_json() for response in sample.responses],
        "scores": dict(sample.scores),
        "outcome": sample.outcome,
        "answer": sample.answer,
        "error": sample.error,
        "prompt_tokens": sample.prompt_tokens,
        "completion_tokens": sample.completion_tokens,
        "cost_usd": sample.cost_usd,
        "latency_s": sample.latency_s,
    }


def sample_of(row: Mapping[str, Any]) -> Sample:
    """The inverse of `row_of`."""
    fields = {name: value for name, value in row.items() if name != "request_ids"}
    fields["requests"] = tuple(request_from_json(value) for value in row["requests"])
    fields["responses"] = tuple(Response.from_json(value) for value in row["responses"])
    return Sample(**fields)


@dataclass
class JournalIndex:
    """Where in a journal each sample and each good answer stands; the lines themselves stay on disk.

    The file stays open, so that the offsets hold even when another process puts a new journal in its place.

    Attributes:
        samples: sample id -> offset of its last line, in bytes.
        failed: ids of the samples whose last line has an error.
        responses: request id -> offset of a line that holds an answer to it.
        end: where the last whole line ends.
        torn: bytes after `end`, left by a crash.
    """

    file: IO[bytes]
    samples: dict[str, int] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    responses: dict[str, int] = field(default_factory=dict)
    end: int = 0
    torn: int = 0

    @classmethod
    def scan(cls, path: Path) -> JournalIndex:
        """Reads a journal once.

        Raises:
            UserError: a line before the last is broken, named by file and line number.
        """
        index = cls(path.open("rb"))
        size = os.fstat(index.file.fileno()).st_size
        for number, line in enumerate(index.file, start=1):
            row = _parse(line)
            if row is not None:
                index.note(row, len(line))
            elif index.end + len(line) >= size:
                index.torn = len(line)
            else:
                index.close()
                raise UserError(
                    f"{path}:{number}: not a sample; the file was changed or damaged after it was written. "
                    "Delete this line (its sample is then run again) or the whole run folder"
                )
        return index

    def note(self, row: Mapping[str, Any], length: int) -> None:
        """Takes up a line of `length` bytes that begins at `end`."""
        sample_id = row["sample_id"]
        self.samples[sample_id] = self.end
        (self.failed.add if row["error"] else self.failed.discard)(sample_id)
        for response in row["responses"]:
            if not response.get("error"):
                self.responses[response["request_id"]] = self.end
        self.end += length

    def row(self, sample_id: str) -> dict[str, Any] | None:
        """The line that holds of a sample, or None."""
        return self._read(self.samples[sample_id]) if sample_id in self.samples else None

    def response(self, request_id: str) -> Response | None:
        """The stored answer to a request, or None."""
        if request_id not in self.responses:
            return None
        row = self._read(self.responses[request_id])
        found = next(
            value for value in row["responses"] if value["request_id"] == request_id and not value.get("error")
        )
        return Response.from_json(found)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The line that holds of every sample, in the order of the file."""
        for offset in sorted(self.samples.values()):
            yield self._read(offset)

    def close(self) -> None:
        self.file.close()

    def _read(self, offset: int) -> dict[str, Any]:
        self.file.seek(offset)
        row: dict[str, Any] = json.loads(self.file.readline())
        return row


class Journal:
    """The journal of one run, open for writing by this process alone.

    Lines reach the operating system at once and the disk within a second, so that a killed process loses nothing and
    a dead machine loses a second.

    Raises:
        UserError: another process executes this run, the folder cannot be written, or a middle line is broken.
    """

    def __init__(self, folder: Path) -> None:
        from filelock import FileLock, Timeout

        self.folder = folder
        self._lock = FileLock(folder / LOCK_NAME, timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            raise UserError(
                f"another process is executing this run ({folder}); wait for it, or stop it and run this command again"
            ) from None
        except OSError as error:
            raise write_error(folder, error) from error
        try:
            self._file = (folder / FILE_NAME).open("ab", buffering=0)
            self.index = JournalIndex.scan(folder / FILE_NAME)
            self._file.truncate(self.index.end)
        except OSError as error:
            self._lock.release()
            raise write_error(folder, error) from error
        except UserError:
            self._lock.release()
            raise
        self._dirty = False
        self._sync_failed: OSError | None = None
        self._closing = threading.Event()
        self._syncer = threading.Thread(target=self._sync_often, name="journal-sync", daemon=True)
        self._syncer.start()

    def done(self, sample_id: str) -> bool:
        """Whether the sample stands in the journal without an error."""
        return sample_id in self.index.samples and sample_id not in self.index.failed

    def append(self, sample: Sample) -> None:
        """Writes one sample.

        Raises:
            UserError: the disk is full or fails; the lines before are kept whole.
        """
        row = row_of(sample)
        line = _line(row)
        try:
            if self._sync_failed:
                raise self._sync_failed
            view = memoryview(line)
            while view:
                view = view[self._file.write(view) or 0 :]
        except OSError as error:
            with suppress(OSError):  # else the next sitting drops the torn line
                self._file.truncate(self.index.end)
            raise write_error(self.folder, error) from error
        self._dirty = True
        self.index.note(row, len(line))

    def replace(self, samples: Iterable[Sample]) -> None:
        """Puts a journal of these samples in the place of this one, at once and whole.

        Raises:
            UserError: the disk is full or fails; the old journal then stays.
        """
        path = self.folder / FILE_NAME
        with _replacing(path) as out:
            out.writelines(_line(row_of(sample)) for sample in samples)
        self._file.close()
        self._file = path.open("ab", buffering=0)
        self.index.close()
        self.index = JournalIndex.scan(path)

    def sync(self) -> None:
        """Brings everything to the disk.

        Raises:
            UserError: the disk is full or fails.
        """
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise write_error(self.folder, error) from error

    def close(self) -> None:
        """Brings everything to the disk and lets other processes have the run; closing twice is harmless."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._syncer.join()
        try:
            self.sync()
        finally:
            self._file.close()
            self.index.close()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _sync_often(self) -> None:
        while not self._closing.wait(_SYNC_SECONDS):
            if self._dirty:
                self._dirty = False
                try:
                    os.fsync(self._file.fileno())
                except OSError as error:
                    self._sync_failed = error
                    return


def write_json(file: Path, value: Any) -> None:
    """Writes JSON so that `file` always holds either its old or its new content.

    Raises:
        UserError: the disk is full or the folder cannot be written.
        ValueError: `value` holds NaN or an infinity.
    """
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    with _replacing(file) as out:
        out.write(text.encode())


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write into that takes the place of `path` once it is whole and on the disk, and else vanishes."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise write_error(path.parent, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_error(folder: Path, error: OSError) -> UserError:
    """What to tell a user whose disk is full or whose folder cannot be written."""
    return UserError(
        f"cannot write to {folder}: {error.strerror or error}; all finished samples are kept: "
        "make room there (or see to its permissions), then run the same command again"
    )


def _line(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _parse(line: bytes) -> dict[str, Any] | None:
    """The row of a whole line; None for a line that is torn or broken."""
    if not line.endswith(b"\n"):
        return None
    try:
        row = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(row, dict) and isinstance(row.get("sample_id"), str) and isinstance(row.get("responses"), list)
    return row if whole and "error" in row else None
