"""Builds the static site: a leaderboard, a page a task, a page a run, and the methods; equal data give equal bytes."""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from suite.errors import UserError
from suite.report.boards import boards
from suite.report.browser import write_samples
from suite.report.charts import Figure, loss_curve, scripts
from suite.report.content import Explorer, TaskPage
from suite.report.other_tasks import describe, page_of_any_task
from suite.report.queries import RunView, common_part, load_runs
from suite.report.rendering import HERE, environment, page_name, write_script, write_text
from suite.report.trends import stored_curves, trend_figures
from suite.store import Store


def build_report(
    results: Path | str = Path("results"),
    out: Path | str | None = None,
    run_ids: Sequence[str] | None = None,
    progress: Callable[[str], None] = lambda _line: None,
    most_samples: int | None = None,
) -> Path:
    """Writes the site and returns its first page, which opens from disk.

    Args:
        results: folder of the database.
        out: folder to write, replaced as a whole; default ``results/report``.
        run_ids: runs to show, by id or unique beginning; None: all.
        progress: is given a line of text for each page.
        most_samples: of a run that can be looked at, drawn by their identities; None: all.

    Raises:
        UserError: no run, or `out` cannot be written or holds something that is no report.
    """
    results = Path(results)
    target = Path(out) if out is not None else results / "report"
    store = Store(results)
    runs = load_runs(store, run_ids)
    try:
        _check_target(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".report-") as scratch:
            site = Path(scratch) / "site"
            _write_site(site, store, runs, progress, most_samples)
            _swap(site, target)
    except OSError as error:
        raise UserError(f"{target}: {error.strerror or error}; choose another folder with --out") from None
    return target / "index.html"


def _write_site(
    site: Path, store: Store, runs: Sequence[RunView], progress: Callable[[str], None], most_samples: int | None
) -> None:
    (site / "assets").mkdir(parents=True)
    for asset in ("style.css", "report.js", "samples.js"):
        shutil.copyfile(HERE / "assets" / asset, site / "assets" / asset)
    by_task = {task: [run for run in runs if run.row["task"] == task] for task in sorted({_task(run) for run in runs})}
    pages = {task: _with_curves(_page(task, own), own) for task, own in by_task.items()}
    templates, common = environment(), {"tasks": _file_names(by_task)}

    def write(file: str, template: str, **values: Any) -> None:
        progress(f"{file}.html")
        html = templates.get_template(template).render(page=file, **common, **values)
        write_text(site / f"{file}.html", html)

    ranked = {task: [board for board in boards(task, own) if len(board.places) > 1] for task, own in by_task.items()}
    write("index", "index.html", runs=runs, pages=pages, headlines=_headlines(runs), ranked=ranked)
    write("methods", "methods.html", pages=pages)
    for task, page in pages.items():
        name = common["tasks"][task]
        _write_charts(site, name, page.figures)
        _write_explorer(site, name, page.explorer)
        values = {"runs": by_task[task], "published": _beside_ours(store.references(task), by_task[task])}
        write(name, "task.html", task=task, body=page, about=describe(task), **values)
    for run in runs:
        training = loss_curve(run.training)
        _write_charts(site, run.file, training)
        shown = write_samples(site / run.file, run.samples(most_samples))
        write(run.file, "run.html", run=run, training=training, shown=shown)


def _write_charts(site: Path, page: str, figures: Sequence[Figure]) -> None:
    """Specifications for the page, the scripts that draw them, and each chart as SVG."""
    if not figures:
        return
    (site / "charts").mkdir(exist_ok=True)
    if not (site / "assets" / "vega.js").exists():
        write_text(site / "assets" / "vega.js", scripts())
    write_script(site / f"{page}.charts.js", "CHARTS", {figure.key: figure.spec for figure in figures})
    for figure in figures:
        write_text(site / "charts" / f"{page}-{figure.key}.svg", figure.svg())


def _write_explorer(site: Path, page: str, explorer: Explorer | None) -> None:
    """The data, script and style of a page's browser."""
    if explorer is None:
        return
    write_script(site / f"{page}.explorer.js", "EXPLORER", explorer.data)
    for file in (explorer.script, explorer.style):
        shutil.copyfile(file, site / "assets" / file.name)


def _page(task: str, runs: Sequence[RunView]) -> TaskPage:
    """The task's own page where `pages` has one, else its headline metrics."""
    import suite.report.pages as place

    if any(module.name == task for module in pkgutil.iter_modules(place.__path__)):
        page: TaskPage = importlib.import_module(f"{place.__name__}.{task}").page(runs)
        return page
    return page_of_any_task(runs)


def _with_curves(page: TaskPage, runs: Sequence[RunView]) -> TaskPage:
    """The page with the stored curves of its task after its own figures, unless it has drawn them itself."""
    drawn = {figure.key for figure in page.figures}
    further = [figure for figure in trend_figures(stored_curves(runs)) if figure.key not in drawn]
    return replace(page, figures=[*page.figures, *further])


def _task(run: RunView) -> str:
    return str(run.row["task"])


def _file_names(tasks: Iterable[str]) -> dict[str, str]:
    """Task -> file name of its page; two tasks never share one, nor two that differ only in capitals."""
    names: dict[str, str] = {}
    for task in tasks:
        name, taken = page_name(task), {other.lower() for other in names.values()}
        while name.lower() in taken:
            name += "_"
        names[task] = name
    return names


def _headlines(runs: Iterable[RunView]) -> list[dict[str, Any]]:
    """Every headline metric; what the conditions of a task have in common is left out."""
    chosen = [(run, metric) for run in runs for metric in run.metrics if metric["headline"]]
    by_task: dict[str, list[Mapping[str, Any]]] = {}
    for run, metric in chosen:
        by_task.setdefault(_task(run), []).append(metric["condition"])
    common = {task: common_part(conditions) for task, conditions in by_task.items()}
    return [{"run": run, "metric": metric, "common": common[_task(run)]} for run, metric in chosen]


def _beside_ours(references: Iterable[Mapping[str, Any]], runs: Sequence[RunView]) -> list[dict[str, Any]]:
    """Published figures, each with our runs' figures of the same metric under the same condition."""
    rows = []
    for reference in references:
        condition = reference["condition"] if isinstance(reference["condition"], Mapping) else {}
        ours = [
            {"run": run, "metric": metric}
            for run in runs
            for metric in [run.first(reference["metric"], **condition)]
            if metric is not None
        ]
        rows.append({"row": reference, "condition": condition, "ours": ours})
    return rows


def _check_target(target: Path) -> None:
    if target.is_dir() and any(target.iterdir()) and not (target / "assets" / "report.js").exists():
        raise UserError(f"{target} holds other files than a report; choose an empty or new folder with --out")
    if target.exists() and not target.is_dir():
        raise UserError(f"{target} is a file; choose a folder with --out")


def _swap(site: Path, target: Path) -> None:
    """Puts the finished site in place; an earlier one is gone only once the new one is whole."""
    old = site.with_name("old")
    if target.exists():
        os.replace(target, old)
    os.replace(site, target)
