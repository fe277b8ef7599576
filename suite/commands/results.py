"""Commands that read, compare and move stored runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from suite import console
from suite.commands.options import RESULTS, AsJson, OneRun, Results

app = typer.Typer()


@app.command()
def show(
    run_id: Annotated[
        str | None, typer.Argument(help="Run id, a unique beginning, or 'latest'; none: all runs.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="Only runs of this task.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All metrics, not only the headline ones.")] = False,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Show stored runs, or the metrics of one.

    \b
    Examples:
      unreason show
      unreason show latest --all
      unreason show reversal_curse-gpt2 --json
    """
    from suite.store import Store

    store = Store(results)
    if run_id is None:
        rows = store.runs(task=task)
        if as_json:
            console.print_json(rows)
            return
        columns = ["run_id", "task", "model", "mode", "status", "n_samples", "n_failed", "seconds"]
        console.print_table(rows, columns, title="runs", empty="no runs yet; start with `unreason demo`")
        return
    row = store.run(run_id)
    metrics = store.metrics([row["run_id"]])
    if as_json:
        console.print_json({"run": row, "metrics": metrics})
        return
    _print_metrics(row, metrics, every)


@app.command()
def compare(
    first: OneRun,
    second: OneRun,
    score: Annotated[
        list[str] | None, typer.Option(help="Sample score to compare; default: the task's headline scores.")
    ] = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Compare two runs, paired by sample. SECOND minus FIRST with interval and Holm-corrected p.

    \b
    Examples:
      unreason compare reversal_curse-ntp reversal_curse-reverse
      unreason compare RUN1 RUN2 --score em --json
    """
    from suite.compare import compare_runs

    rows = compare_runs(first, second, scores=score, results=results)
    if as_json:
        console.print_json(rows)
        return
    columns = ["score", "condition", "first", "second", "difference", "95 % interval", "p_holm", "n", "n_clusters"]
    console.print_table(console.with_interval(rows), columns, title="second minus first")


@app.command()
def samples(
    run_id: OneRun,
    outcome: Annotated[str | None, typer.Option(help="Only this outcome: correct, wrong, refusal, error, ...")] = None,
    where: Annotated[list[str] | None, typer.Option(help="KEY=VALUE of the condition, e.g. direction=d2n.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 20,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Read single samples.

    \b
    Examples:
      unreason samples latest --outcome wrong --where seen=reverse
      unreason samples latest --json --limit 1000
    """
    from suite.arguments import pairs
    from suite.store import Store

    store = Store(results)
    run = store.run(run_id)["run_id"]
    rows = store.samples(run, outcome=outcome, condition=pairs("--where", where), limit=limit)
    if as_json:
        console.print_json(rows)
        return
    columns = ["doc_id", "mode", "condition", "target", "answer", "outcome", "error", "scores"]
    console.print_table(rows, columns, title=run, empty="no such samples")


@app.command()
def report(
    run_ids: Annotated[list[str] | None, typer.Argument(help="Runs to show; none: all.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write; default RESULTS/report.")] = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Write the static HTML report. It opens from disk, without server or network.

    \b
    Examples:
      unreason report
      unreason report reversal_curse-gpt2 --out site
    """
    from suite.report import build_report

    page = build_report(results, out=out, run_ids=run_ids or None)
    if as_json:
        console.print_json({"report": str(page)})
        return
    print(f"report: {page}")


@app.command("export")
def export_runs(
    run_ids: Annotated[list[str] | None, typer.Argument(help="Runs to export; none: all.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the Parquet files.")] = Path("export"),
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Export runs as Parquet, one file a run.

    \b
    Examples:
      unreason export latest --out shared-results
    """
    from suite.store import Store

    files = Store(results).export(run_ids or None, out)
    if as_json:
        console.print_json([str(file) for file in files])
        return
    for file in files:
        print(file)


@app.command("import")
def import_runs(
    path: Annotated[Path, typer.Argument(help="An exported run, a folder of them, or logs of lm-eval or inspect_ai.")],
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Import exported runs, or logs of lm-eval or inspect_ai.

    \b
    Examples:
      unreason import shared-results
      unreason import lm-eval-output/
    """
    from suite.store import Store

    _print_ids(Store(results).import_(path), "imported", as_json)


@app.command()
def ingest(results: Results = RESULTS, as_json: AsJson = False) -> None:
    """Load new journals into the database. Those of unfinished runs too.

    \b
    Examples:
      unreason ingest --results /shared/results
    """
    from suite.store import Store

    _print_ids(Store(results).ingest_all(), "ingested", as_json)


@app.command()
def gc(
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without it, only say what would go.")] = False,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Delete journals that are safely stored. Only those of complete runs.

    \b
    Examples:
      unreason gc
      unreason gc --yes
    """
    from suite.store import Store

    rows = Store(results).gc(delete=yes)
    if as_json:
        console.print_json(rows)
        return
    console.print_table(rows, ["run_id", "bytes"], title="deleted" if yes else "would be deleted (add --yes)")


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="A query; tables and views: `show tables`.")],
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Query the results database, read-only.

    \b
    Examples:
      unreason sql "select task, model, count(*) as runs from runs group by all"
    """
    from suite.store import Store

    rows = Store(results).sql(query)
    if as_json:
        console.print_json(rows)
        return
    console.print_table(rows, list(rows[0]) if rows else [], empty="no rows")


def _print_metrics(row: dict[str, Any], metrics: list[dict[str, Any]], every: bool) -> None:
    shown = [metric for metric in metrics if every or metric["headline"]]
    title = f"{row['run_id']} ({row['status']}, {row['n_samples']} samples, {row['n_failed']} failed)"
    columns = ["name", "condition", "value", "95 % interval", "n", "n_clusters", "note"]
    console.print_table(console.with_interval(shown), columns, title=title, empty="no metrics stored")


def _print_ids(ids: list[str], what: str, as_json: bool) -> None:
    if as_json:
        console.print_json(ids)
        return
    print(f"{what}: {', '.join(ids) if ids else 'nothing new'}")
