"""Journals of shards: what workers write while the run's own journal belongs to the driver.

Every attempt at a shard writes a journal of its own, ``HOME/SHARD-ATTEMPT/journal.jsonl``, so no two writers ever
share a file, not even when a worker that was given up for lost is still alive. In a folder that all machines see it
is written in place; at any other fsspec URL it is written on the worker's disk and copied there every few seconds.
"""

from __future__ import annotations

import tempfile
import threading
import uuid
from collections.abc import Container, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from suite.errors import UserError
from suite.store.journal import FILE_NAME, Journal, JournalIndex

_COPY_SECONDS = 5.0


class ShardJournal(Journal):
    """A journal that also knows which samples stand elsewhere."""

    def __init__(self, folder: Path, elsewhere: Container[str]) -> None:
        super().__init__(folder)
        self._elsewhere = elsewhere

    def done(self, sample_id: str) -> bool:
        """Whether the sample stands here or elsewhere without an error."""
        return sample_id in self._elsewhere or super().done(sample_id)


class Home:
    """Where the journals of a run's shards lie.

    Args:
        url: a folder, or any fsspec URL, e.g. ``s3://bucket/unreason/RUN_ID``.

    Raises:
        UserError: the URL's protocol is unknown or its package is missing.
    """

    def __init__(self, url: str) -> None:
        import fsspec
        from fsspec.implementations.local import LocalFileSystem

        try:
            self._fs, self._root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise UserError(f"--journal-home {url}: {error}") from error
        self.url = url
        self._in_place = isinstance(self._fs, LocalFileSystem)

    def check(self) -> None:
        """Raises `UserError` where nothing can be written."""
        try:
            self._fs.makedirs(self._root, exist_ok=True)
            self._fs.pipe_file(f"{self._root}/.probe", b"unreason")
            self._fs.rm_file(f"{self._root}/.probe")
        except Exception as error:  # each file system has exceptions of its own
            reason = f"{type(error).__name__}: {error}"
            raise UserError(f"--journal-home {self.url}: cannot be written ({reason}); choose another") from error

    def attempts(self, shard: str = "*") -> list[str]:
        """The attempts that have written something, of one shard or of all."""
        self._fs.invalidate_cache()
        return sorted(self._fs.glob(f"{self._root}/{shard}-*/{FILE_NAME}"))

    @contextmanager
    def reading(self, attempt: str) -> Iterator[JournalIndex]:
        """What an attempt has written so far; it may still be writing."""
        with tempfile.TemporaryDirectory() as place:
            path = Path(attempt) if self._in_place else Path(place) / FILE_NAME
            if not self._in_place:
                self._fs.get_file(attempt, str(path))
            with closing(JournalIndex.scan(path)) as index:
                yield index

    @contextmanager
    def writing(self, shard: str, done: Container[str]) -> Iterator[ShardJournal]:
        """The journal of a new attempt; it leaves out what is `done` and what earlier attempts have finished."""
        earlier: set[str] = set()
        for attempt in self.attempts(shard):
            with self.reading(attempt) as index:
                earlier.update(index.samples.keys() - index.failed)
        elsewhere = _Either(done, earlier)
        folder = f"{self._root}/{shard}-{uuid.uuid4().hex[:12]}"
        if self._in_place:
            Path(folder).mkdir(parents=True)
            with ShardJournal(Path(folder), elsewhere) as journal:
                yield journal
            return
        with tempfile.TemporaryDirectory() as place:
            stop = threading.Event()
            copier = threading.Thread(target=self._copy_often, args=(Path(place), folder, stop), daemon=True)
            copier.start()
            try:
                with ShardJournal(Path(place), elsewhere) as journal:
                    yield journal
            finally:
                stop.set()
                copier.join()
                self._copy(Path(place), folder)

    def remove(self, attempt: str) -> None:
        """Forgets an attempt, whose samples are safe in the run's journal."""
        self._fs.rm(attempt.removesuffix(f"/{FILE_NAME}"), recursive=True)

    def close(self) -> None:
        """Removes the place itself, if no attempt is left in it."""
        if not self.attempts() and self._fs.exists(self._root):
            self._fs.rm(self._root, recursive=True)

    def _copy_often(self, place: Path, folder: str, stop: threading.Event) -> None:
        copied = 0
        while not stop.wait(_COPY_SECONDS):
            file = place / FILE_NAME
            size = file.stat().st_size if file.exists() else 0
            if size > copied:
                try:
                    self._copy(place, folder)
                except Exception:  # the copy at the end is tried again, and says what is wrong  # noqa: S112
                    continue
                copied = size

    def _copy(self, place: Path, folder: str) -> None:
        self._fs.makedirs(folder, exist_ok=True)
        self._fs.put_file(str(place / FILE_NAME), f"{folder}/{FILE_NAME}")


class _Either(Container[str]):
    """Membership in one of two sets, without copying the large one."""

    def __init__(self, first: Container[str], second: Container[str]) -> None:
        self._first, self._second = first, second

    def __contains__(self, sample_id: object) -> bool:
        return sample_id in self._first or sample_id in self._second
