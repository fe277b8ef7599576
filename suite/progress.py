"""How a run tells people where it is: a bar on a terminal, a plain line now and then elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is.

    Attributes:
        done: samples that are in the journal.
        total: samples of the whole run; estimated from the docs seen so far until all docs are read.
        kept: samples of `done` that an earlier sitting had finished.
        failed: samples of this sitting that failed.
        tokens: tokens read and written by the model in this sitting.
        seconds: length of this sitting.
    """

    done: int
    total: int
    kept: int
    failed: int
    tokens: int
    seconds: float

    @property
    def rate(self) -> float:
        """Samples per second of this sitting."""
        return (self.done - self.kept) / self.seconds if self.seconds > 0 else 0.0

    @property
    def remaining_s(self) -> float | None:
        """Seconds until the end at this rate; None before the first sample."""
        return (self.total - self.done) / self.rate if self.rate else None

    def line(self) -> str:
        """One plain line for people."""
        share = f" ({100 * self.done / self.total:.0f} %)" if self.total else ""
        remaining = f", {_clock(self.remaining_s)} left" if self.remaining_s else ""
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.done}/{self.total} samples{share}, {self.figures()}{remaining}{failed}"

    def figures(self) -> str:
        """Rate and tokens."""
        return f"{self.rate:.1f}/s, {self.tokens:,} tokens"


class Reporter(Protocol):
    """Shows the progress of one run at a time."""

    def start(self, title: str) -> None:
        """A run begins."""

    def update(self, progress: Progress) -> None:
        """Called after every sample: must be cheap."""

    def note(self, line: str) -> None:
        """One line that people should read."""

    def close(self) -> None:
        """The run ended, well or not."""


class Silent:
    """Shows nothing."""

    def start(self, title: str) -> None: ...
    def update(self, progress: Progress) -> None: ...
    def note(self, line: str) -> None: ...
    def close(self) -> None: ...


class PlainLines:
    """A line every few seconds, for logs."""

    def __init__(self, every_s: float = 5.0, stream: IO[str] | None = None) -> None:
        self._every_s = every_s
        self._stream = stream or sys.stderr
        self._title = ""
        self._printed_at = 0.0
        self._last: Progress | None = None

    def start(self, title: str) -> None:
        self._title, self._last, self._printed_at = title, None, time.monotonic()

    def update(self, progress: Progress) -> None:
        self._last = progress
        if time.monotonic() - self._printed_at >= self._every_s:
            self._print(progress)

    def note(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def close(self) -> None:
        if self._last is not None:
            self._print(self._last)
            self._last = None

    def _print(self, progress: Progress) -> None:
        self._printed_at = time.monotonic()
        print(f"{self._title}: {progress.line()}", file=self._stream, flush=True)


class Bar:
    """A bar with samples, rate, tokens and remaining time, for terminals."""

    def __init__(self) -> None:
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None

    def start(self, title: str) -> None:
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task(escape(title), total=None, figures="")
        self._bar.start()

    def update(self, progress: Progress) -> None:
        if self._bar is not None and self._task is not None:
            remaining = f", {_clock(progress.remaining_s)} left" if progress.remaining_s else ""
            failed = f", [red]{progress.failed} failed[/red]" if progress.failed else ""
            self._bar.update(
                self._task,
                total=progress.total,
                completed=progress.done,
                figures=progress.figures() + remaining + failed,
            )

    def note(self, line: str) -> None:
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=sys.stderr)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def reporter(silent: bool = False) -> Reporter:
    """A bar where standard error is a terminal, plain lines elsewhere; nothing if `silent`."""
    if silent:
        return Silent()
    return Bar() if sys.stderr.isatty() else PlainLines()


def _clock(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
