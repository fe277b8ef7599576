"""Builds the leaderboard from the submissions in a folder: a Markdown page and the static site, the same bytes for the
same submissions."""

from __future__ import annotations

import filecmp
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from suite.errors import UserError
from suite.leaderboard.markdown import leaderboard_text
from suite.leaderboard.submission import Checked, check_imported
from suite.report import build_report
from suite.report.boards import Board, boards, mean_rank_shares
from suite.report.queries import load_runs
from suite.report.rendering import write_text
from suite.store import Store
from suite.store.exchange import exports_in

PAGE, SITE, RUNS = "LEADERBOARD.md", "site", "runs"
_SHOWN = 500  # samples of a run on the site, which must stay small enough to be hosted; the submissions have all
_BYTES_A_WORKER = 1_000_000  # of submissions, for which a process is worth its start


def build_leaderboard(
    reports: Path = Path("reports"),
    *,
    average: bool = False,
    check: bool = False,
    progress: Callable[[str], None] = lambda _line: None,
) -> Sequence[Path]:
    """Writes ``LEADERBOARD.md`` and ``site/`` beside the folder ``runs`` of submissions.

    Args:
        reports: the folder that holds ``runs``.
        average: also rank models over families, with the definition of that average beside it.
        check: write nothing; see whether what is there is what would be written.
        progress: is given a line for each submission.

    Returns:
        the page and the site's first page.

    Raises:
        UserError: a submission is wrong, there is none, or (with `check`) the leaderboard is stale.
    """
    files = exports_in(reports / RUNS)
    if not files:
        raise UserError(f"{reports / RUNS}: no submission; put one there with `unreason export RUN --out ...`")
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch) / "results"
        progress(f"reading {len(files)} submissions")
        ids = Store(results).import_(reports / RUNS)
        checked = _check_all(results, files, ids, progress)
        text = _text(results, checked, average)
        if check and not (reports / SITE).exists():  # the site is made anew when it is published
            _check_page(reports, text)
            return (reports / PAGE,)
        site = (Path(scratch) if check else reports) / SITE
        index = build_report(results, out=site, most_samples=_SHOWN)
        if not check:
            write_text(reports / PAGE, text)
            return reports / PAGE, index
        _check_page(reports, text)
        _check_site(reports / SITE, site)
        return reports / PAGE, reports / SITE / index.name


def _check_all(
    results: Path, files: Sequence[Path], ids: Sequence[str], progress: Callable[[str], None]
) -> list[Checked]:
    """Checks the submissions, on all processors where there is much of them."""
    check = partial(check_imported, results)
    workers = min(os.cpu_count() or 1, sum(file.stat().st_size for file in files) // _BYTES_A_WORKER)
    with ExitStack() as opened:
        if workers > 1:
            context = multiprocessing.get_context("spawn")
            pool = opened.enter_context(ProcessPoolExecutor(workers, mp_context=context))
            opened.callback(pool.shutdown, cancel_futures=True)  # one refusal ends the build
            found: Iterator[Checked] = pool.map(check, files, ids)
        else:
            found = map(check, files, ids)
        checked = []
        for file in files:
            progress(f"checking {file.name}")
            checked.append(next(found))
    return checked


def _text(results: Path, checked: Sequence[Checked], average: bool) -> str:
    runs = load_runs(Store(results), None)
    tasks = sorted({str(run.row["task"]) for run in runs})
    by_task: Mapping[str, Sequence[Board]] = {
        task: boards(task, [run for run in runs if run.row["task"] == task]) for task in tasks
    }
    depth = {one.run_id: one for one in checked}
    return leaderboard_text(by_task, depth, mean_rank_shares(by_task) if average else None)


def _check_page(reports: Path, text: str) -> None:
    page = reports / PAGE
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        raise UserError(f"{page} is stale; run `unreason leaderboard` and commit what it writes")


def _check_site(there: Path, fresh: Path) -> None:
    names = {str(file.relative_to(folder)) for folder in (there, fresh) for file in folder.rglob("*") if file.is_file()}
    _, wrong, missing = filecmp.cmpfiles(there, fresh, sorted(names), shallow=False)
    if wrong or missing:
        raise UserError(f"{there / (wrong + missing)[0]} is stale; run `unreason leaderboard`")
