"""Logs of other harnesses, whichever wrote them: lm-evaluation-harness or inspect_ai."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suite.store.inspect_logs import SUFFIXES, InspectRun, is_inspect_log, read_inspect_log
from suite.store.lm_eval_logs import LoggedRun, read_logs


def read_foreign_logs(path: Path) -> Sequence[LoggedRun | InspectRun]:
    """Every run under `path`: a log, or a folder with all below it.

    Raises:
        UserError: there is no log, or one is broken.
    """
    if path.is_file():
        return [read_inspect_log(path)] if is_inspect_log(path) else read_logs(path)
    files = [file for file in sorted(path.rglob("*")) if file.suffix in SUFFIXES and is_inspect_log(file)]
    return [*(read_inspect_log(file) for file in files), *read_logs(path, may_be_empty=bool(files))]
