"""The journal of a judge: one line a judged response, appended while it goes on, so that a sitting can be continued.

It lies in the run's folder, ``judged/JUDGE.jsonl``. A torn last line is dropped; the last line of a response holds.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from suite.errors import UserError
from suite.identity import canonical_json, digest
from suite.judges.record import Label
from suite.store.journal import write_error

_SYNC_SECONDS = 1.0


class LabelJournal:
    """Labels of one judge of one run, open for this process alone.

    Attributes:
        labels: sample id -> the labels of its response.

    Raises:
        UserError: another process has it, or the folder cannot be written.
    """

    def __init__(self, run_folder: Path, judge: str) -> None:
        from filelock import FileLock, Timeout

        folder = run_folder / "judged"
        slug = re.sub(r"[^A-Za-z0-9._-]+", "-", judge).strip("-.")[:60]
        self._path = folder / f"{slug}-{digest(judge, 6)}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self._path.with_suffix(".lock"), timeout=0)
            self._lock.acquire()
            self._file = self._path.open("a+b", buffering=0)
        except Timeout:
            raise UserError(
                f"{folder}: another process is running the judge {judge} on this run; wait for it"
            ) from None
        except OSError as error:
            raise write_error(folder, error) from None
        self.labels: dict[str, tuple[Label, ...]] = {}
        self._read()
        self._synced_at = time.monotonic()

    def append(self, labels: Sequence[Label]) -> None:
        """Writes the labels of one response.

        Raises:
            UserError: the disk is full or fails; what was written before is kept whole.
        """
        line = canonical_json([label.to_json() for label in labels]).encode() + b"\n"
        end = self._file.seek(0, os.SEEK_END)
        try:
            if self._file.write(line) != len(line):
                self._file.truncate(end)
                raise OSError("the disk is full")
            if time.monotonic() - self._synced_at > _SYNC_SECONDS:
                os.fsync(self._file.fileno())
                self._synced_at = time.monotonic()
        except OSError as error:
            raise write_error(self._path.parent, error) from None
        self.labels[labels[0].sample_id] = tuple(labels)

    def clear(self) -> None:
        """Forgets everything."""
        self._file.truncate(0)
        self.labels = {}

    def __enter__(self) -> LabelJournal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.fsync(self._file.fileno())
        self._file.close()
        self._lock.release()

    def _read(self) -> None:
        self._file.seek(0)
        end = 0
        for number, line in enumerate(self._file.readall().splitlines(keepends=True), start=1):
            try:
                if not line.endswith(b"\n"):
                    raise ValueError("torn")
                labels = tuple(Label.from_json(value) for value in json.loads(line))
                self.labels[labels[0].sample_id] = labels
            except (ValueError, TypeError, KeyError, IndexError):
                if not line.endswith(b"\n"):
                    break
                raise UserError(f"{self._path}:{number}: no labels; delete this line, and they are made anew") from None
            end += len(line)
        self._file.truncate(end)
