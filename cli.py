"""The command line: each command parses its options, calls one function of `suite`, and prints what it returns."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from suite import console

app = typer.Typer(
    name="unreason",
    help="Find out where a language model fails to reason, why, and whether a fix works.\n\nStart with:  unreason demo",
    no_args_is_help=True,
    rich_markup_mode=None,  # rich makes help twice as slow to come
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(
    help="Small pretrained models that the demo and the tests use.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(models_app, name="models")

Results = Annotated[
    Path, typer.Option("--results", envvar="UNREASON_RESULTS", help="Folder of journals and the database.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
TasksDir = Annotated[Path | None, typer.Option("--tasks-dir", help="A further folder of tasks (tasks/NAME/task.py).")]
OneRun = Annotated[str, typer.Argument(help="Run id, a unique beginning of one, or 'latest'.")]
FREE_OPTIONS = {"allow_extra_args": True, "ignore_unknown_options": True}
RESULTS = Path("results")


@app.command("list", context_settings=FREE_OPTIONS)
def list_tasks(ctx: typer.Context) -> None:
    """List tasks, or the options of one task.

    \b
    unreason list [TASK] [--tasks-dir DIR] [--json]
      TASK             show this task's options instead
      --tasks-dir DIR  a further folder of tasks (tasks/NAME/task.py)
      --json           print JSON instead of tables

    \b
    Examples:
      unreason list
      unreason list reversal_curse
    """
    _list(ctx.args)


@app.command(context_settings=FREE_OPTIONS)
def run(
    ctx: typer.Context,
    task: Annotated[str, typer.Argument(help="Task name, see `unreason list`.")],
    model: Annotated[
        str, typer.Option("--model", "-m", help="hf/ID_OR_PATH[@revision], openai/NAME, scripted/NAME, demo.")
    ],
    mode: Annotated[
        list[str] | None, typer.Option(help="generate, loglikelihood or first_token; default: all that fit.")
    ] = None,
    model_option: Annotated[
        list[str] | None, typer.Option("--model-option", "-M", help="NAME=VALUE for the model provider.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="An OpenAI-compatible server, e.g. http://127.0.0.1:8080/v1.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML or JSON file of task options; flags win over it.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N docs.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask again, though stored answers exist.")] = False,
    tasks_dir: TasksDir = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Run a task on a model. The same command continues an interrupted run.

    Options of the task are flags, as `unreason list TASK` names them.

    \b
    Examples:
      unreason run reversal_curse --model hf/gpt2
      unreason run reversal_curse -m hf/./my-model --data ./name_description --test-templates 3
      unreason run reversal_curse -m openai/gpt-5-mini --track real --celebrity-csv pairs.csv
      unreason run reversal_curse -m openai/local --base-url http://127.0.0.1:8080/v1 --limit 50
    """
    from suite.arguments import model_options, task_options
    from suite.progress import reporter
    from suite.runner import run as run_task

    result = run_task(
        task,
        model,
        options=task_options(ctx.args, config),
        model_options=model_options(model_option, base_url),
        modes=mode,
        limit=limit,
        results=results,
        tasks_dir=tasks_dir,
        fresh=fresh,
        reporter=reporter(silent=as_json),
    )
    _print_result(result, as_json)


@app.command()
def rescore(run_id: OneRun, tasks_dir: TasksDir = None, results: Results = RESULTS, as_json: AsJson = False) -> None:
    """Score a stored run again. No model is called.

    \b
    Examples:
      unreason rescore latest
    """
    from suite.runner import rescore as rescore_run

    _print_result(rescore_run(run_id, results=results, tasks_dir=tasks_dir), as_json)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for models, results and the report.")] = Path("unreason-demo"),
    as_json: AsJson = False,
) -> None:
    """See the curse, a fix, and a real model. Takes about three minutes.

    Trains a tiny model twice, evaluates it and a pretrained one, and writes a report that opens from disk.

    \b
    Examples:
      unreason demo
      unreason demo --out /tmp/demo
    """
    from suite.demo import run_demo

    summary = run_demo(out, silent=as_json)
    if as_json:
        console.print_json(summary.to_json())
        return
    console.print_table(summary.rows, list(summary.rows[0]), title="reversal curse")
    for line in summary.lines:
        print(line)
    print(f"report: {summary.report}")


@app.command(context_settings=FREE_OPTIONS)
def finetune(
    ctx: typer.Context,
    task: Annotated[str, typer.Argument(help="Task whose training texts are used.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Model folder to write.")],
    objective: Annotated[
        str, typer.Option(help="Training objective, a file of suite/finetune/objectives: ntp, reverse.")
    ] = "ntp",
    objective_option: Annotated[
        list[str] | None, typer.Option("--objective-option", "-O", help="NAME=VALUE, e.g. kind=entity.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Start from this model: hf/ID_OR_PATH, or demo.")
    ] = None,
    scratch: Annotated[
        str | None, typer.Option(help="Train from scratch: a preset (tiny-gpt2) or a JSON file.")
    ] = None,
    tie_embeddings: Annotated[
        bool, typer.Option("--tie-embeddings", help="From scratch: share input and output embeddings (ablation).")
    ] = False,
    lora: Annotated[bool, typer.Option("--lora", help="Train a LoRA adapter instead of all weights.")] = False,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps.")] = None,
    epochs: Annotated[float | None, typer.Option(min=0.0, help="Passes over the data, instead of --steps.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Documents a step.")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of weights and order.")] = 0,
    config: Annotated[Path | None, typer.Option(help="YAML or JSON file of task options; flags win over it.")] = None,
    tasks_dir: TasksDir = None,
    as_json: AsJson = False,
) -> None:
    """Train a model on a task's texts. The same command continues an interrupted training.

    Options of the task are flags, as `unreason list TASK` names them.

    \b
    Examples:
      unreason finetune reversal_curse --style demo --scratch tiny-gpt2 --out models/ntp
      unreason finetune reversal_curse --style demo --scratch tiny-gpt2 --objective reverse --epochs 31 -o reversed
      unreason finetune reversal_curse --model hf/gpt2 --lora --epochs 3 --out models/gpt2-lora
    """
    from suite.arguments import pairs, task_options
    from suite.finetune import finetune_task

    trained = finetune_task(
        task,
        task_options(ctx.args, config),
        objective=objective,
        objective_options=pairs("--objective-option", objective_option),
        model=model,
        scratch=scratch,
        tie_embeddings=tie_embeddings,
        lora=lora,
        steps=steps,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        seed=seed,
        output=out,
        tasks_dir=tasks_dir,
        silent=as_json,
    )
    if as_json:
        console.print_json(trained.to_json())
        return
    print(f"model: {trained.output}  ({trained.steps} steps, {trained.seconds:.0f} s, loss {trained.final_loss:.3f})")
    chosen = "".join(f" {word}" for word in [*ctx.args, *(["--config", str(config)] if config else [])])
    print(f"next:  unreason run {task} --model hf/{trained.output}{chosen}")


@app.command("export-training", context_settings=FREE_OPTIONS)
def export_training_texts(
    ctx: typer.Context,
    task: Annotated[str, typer.Argument(help="Task whose training texts are exported.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the JSONL files.")] = Path("training"),
    config: Annotated[Path | None, typer.Option(help="YAML or JSON file of task options; flags win over it.")] = None,
    tasks_dir: TasksDir = None,
    as_json: AsJson = False,
) -> None:
    """Export a task's training texts. Chat and plain layouts for fine-tuning services, each named for what it is.

    \b
    Examples:
      unreason export-training reversal_curse --out training
      unreason export-training reversal_curse --data generated --seed 7 --out training
    """
    from suite.arguments import task_options
    from suite.finetune.export import export_training
    from suite.registry import load_task

    loaded = load_task(task, task_options(ctx.args, config), tasks_dir)
    exported = export_training(loaded.training_docs(), out)
    files = [str(file) for file in (exported.prompt_completion, exported.whole_text, exported.plain)]
    if as_json:
        console.print_json({"documents": exported.documents, "files": files})
        return
    print(f"{exported.documents} documents in each of:")
    for file in files:
        print(file)


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
    """Export runs as Parquet.

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
    path: Annotated[Path, typer.Argument(help="Our Parquet folder, or lm-eval's output folder or results JSON.")],
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Import exported runs, or lm-eval's logs.

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


@app.command()
def doctor(results: Results = RESULTS, as_json: AsJson = False) -> None:
    """Check packages, hardware, keys, folders. Says what to do about what is missing.

    \b
    Examples:
      unreason doctor
    """
    from suite.doctor import diagnose, findings_json

    rows = findings_json(diagnose(results))
    if as_json:
        console.print_json(rows)
        return
    console.print_table(rows, ["area", "name", "state", "detail", "remedy"])


@models_app.command("fetch")
def fetch_model(
    name: Annotated[str, typer.Argument(help="smollm2-135m")] = "smollm2-135m", as_json: AsJson = False
) -> None:
    """Fetch a small pretrained model into the user's cache.

    \b
    Examples:
      unreason models fetch smollm2-135m
    """
    from suite.pretrained import fetch

    folder = fetch(name)
    if as_json:
        console.print_json({"model": f"hf/{folder}"})
        return
    print(f"model: hf/{folder}")


def _print_result(result: Any, as_json: bool) -> None:
    if as_json:
        console.print_json(result.to_json())
    else:
        print(result.summary())
        console.print_table(
            console.with_interval(result.metric_rows(headline=True)),
            ["name", "condition", "value", "95 % interval", "n", "n_clusters", "note"],
        )
        print(f"next: unreason show {result.run_id} --all  |  unreason report")
    result.check_complete()


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


def _list(words: list[str]) -> None:
    from suite.arguments import listing
    from suite.registry import describe_options, describe_tasks

    task, tasks_dir, as_json = listing(words)
    rows = describe_options(task, tasks_dir) if task else describe_tasks(tasks_dir)
    if as_json:
        console.print_json(rows)
        return
    console.print_table(rows, list(rows[0]) if rows else [], title=f"options of {task}" if task else "tasks")


def main() -> None:
    """Entry point of the `unreason` command."""
    command, words = sys.argv[1:2], sys.argv[2:]
    if command == ["list"] and not {"-h", "--help"} & set(words):
        # straight to the listing: typer's conversion of flags takes longer than all of it
        console.run_app(lambda: _list(words))
    else:
        console.run_app(app)


if __name__ == "__main__":
    main()
