"""Builds the static site: a leaderboard, a page a task, a page a run, and the methods; equal data give equal bytes."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.errors import UserError
from suite.report.charts import Figure, loss_curve, scripts
from suite.report.queries import RunView, load_runs
from suite.store import Store

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class TaskPage:
    """What a file in `pages` gives for its task.

    Attributes:
        finding: one sentence, computed from the runs.
        measures: what the task measures, in a paragraph.
        figures: in reading order.
    """

    finding: str
    measures: str
    figures: Sequence[Figure] = field(default_factory=list)


def build_report(
    results: Path | str = Path("results"),
    out: Path | str | None = None,
    run_ids: Sequence[str] | None = None,
    progress: Callable[[str], None] = lambda _line: None,
) -> Path:
    """Writes the site and returns its first page, which opens from disk.

    Args:
        results: folder of the database.
        out: folder to write, replaced as a whole; default ``results/report``.
        run_ids: runs to show, by id or unique beginning; None: all.
        progress: is given a line of text for each page.

    Raises:
        UserError: no run, or `out` cannot be written or holds something that is no report.
    """
    results = Path(results)
    target = Path(out) if out is not None else results / "report"
    store = Store(results)
    runs = load_runs(store, run_ids)
    _check_target(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".report-") as scratch:
            site = Path(scratch) / "site"
            _write_site(site, store, runs, progress)
            _swap(site, target)
    except OSError as error:
        raise UserError(f"{target}: {error.strerror or error}; choose another folder with --out") from None
    return target / "index.html"


def _write_site(site: Path, store: Store, runs: Sequence[RunView], progress: Callable[[str], None]) -> None:
    environment = _environment()
    (site / "assets").mkdir(parents=True)
    for asset in ("style.css", "report.js"):
        shutil.copyfile(_HERE / "assets" / asset, site / "assets" / asset)
    tasks = sorted({run.row["task"] for run in runs})
    pages = {task: _task_page(task, [run for run in runs if run.row["task"] == task]) for task in tasks}
    common = {"tasks": [(task, _page_name(task)) for task in tasks]}

    def write(file: str, template: str, **values: Any) -> None:
        progress(file)
        html = environment.get_template(template).render(page=file, **common, **values)
        (site / file).write_text(html, encoding="utf-8", newline="\n")

    write(
        "index.html",
        "index.html",
        cells=_leaderboard(runs),
        findings=[(t, _page_name(t), pages[t].finding) for t in tasks],
    )
    write("methods.html", "methods.html")
    for task, page in pages.items():
        name = _page_name(task)
        own = [run for run in runs if run.row["task"] == task]
        _write_charts(site, name, page.figures)
        write(f"{name}.html", "task.html", task=task, name=name, body=page, runs=own, references=store.references(task))
    for run in runs:
        rows, training = run.browser_rows(), loss_curve("training", run.row["training"] or {})
        _write_charts(site, run.file, training)
        _write_script(site / f"{run.file}.samples.js", "SAMPLES", rows)
        write(f"{run.file}.html", "run.html", run=run, shown=len(rows), training=training)


def _write_charts(site: Path, page: str, figures: Sequence[Figure]) -> None:
    """Specifications for the page, the scripts that draw them, and each chart as SVG."""
    if not figures:
        return
    (site / "charts").mkdir(exist_ok=True)
    (site / "assets" / "vega.js").write_text(scripts(), encoding="utf-8", newline="\n")
    _write_script(site / f"{page}.charts.js", "CHARTS", {figure.key: figure.spec for figure in figures})
    for figure in figures:
        (site / "charts" / f"{page}-{figure.key}.svg").write_text(figure.svg(), encoding="utf-8", newline="\n")


def _task_page(task: str, runs: Sequence[RunView]) -> TaskPage:
    import suite.report.pages as place

    if any(module.name == task for module in pkgutil.iter_modules(place.__path__)):
        page: TaskPage = importlib.import_module(f"{place.__name__}.{task}").page(runs)
        return page
    return TaskPage("", "")


def _leaderboard(runs: Iterable[RunView]) -> list[dict[str, Any]]:
    return [
        {"run": run, "metric": metric, "condition": _words(metric["condition"])}
        for run in runs
        for metric in run.metrics
        if metric["headline"]
    ]


def _write_script(file: Path, name: str, value: Any) -> None:
    """Data as a script of its own: pages opened from disk may not fetch, and nothing can break out of the HTML."""
    text = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    file.write_text(f"window.{name}={text};\n", encoding="utf-8", newline="\n")


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    environment.filters["words"] = _words
    environment.filters["pretty"] = lambda value: json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    return environment


def _number(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}" if 0.001 <= abs(value) < 1000 or value == 0 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _words(condition: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in condition.items())


def _page_name(task: str) -> str:
    return "task-" + "".join(ch if (ch.isalnum() and ch.isascii()) or ch in "_-" else "_" for ch in task)


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
