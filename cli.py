"""The command line: each command parses its options, calls one function of `suite`, and prints what it returns."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from suite import console
from suite.commands import attention, doctor, judge, leaderboard, lm_eval, models, results, training, trend
from suite.commands.options import FREE_OPTIONS, RESULTS, AsJson, OneRun, Results, TasksDir

app = typer.Typer(
    name="unreason",
    help="Find out where a language model fails to reason, why, and whether a fix works.\n\nStart with:  unreason demo",
    no_args_is_help=True,
    rich_markup_mode=None,  # rich makes help twice as slow to come
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
        str,
        typer.Option(
            "--model", "-m", help="hf/ID_OR_PATH[@revision], openai/NAME, lm-eval/BACKEND:ARGS, scripted/NAME, demo."
        ),
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
    intervention: Annotated[
        str | None, typer.Option(help="pine, pine:reverse, rotor: for hf/ models, changes how they attend.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML or JSON file of task options; flags win over it.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N docs.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask again, though stored answers exist.")] = False,
    executor: Annotated[str, typer.Option(help="local, or ray: workers on this or other machines.")] = "local",
    workers: Annotated[int | None, typer.Option(help="Ray workers; default: one a GPU, or else one a CPU.")] = None,
    ray_address: Annotated[str | None, typer.Option(help="A running Ray cluster; default: start one here.")] = None,
    journal_home: Annotated[
        str | None, typer.Option(help="Folder that all machines see, or fsspec URL, for what Ray workers write.")
    ] = None,
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
      unreason run reversal_curse -m hf/gpt2 --executor ray --workers 4
    """
    from suite.arguments import model_options, task_options
    from suite.executors import choose
    from suite.progress import reporter
    from suite.runner import run as run_task

    result = run_task(
        task,
        model,
        options=task_options(ctx.args, config),
        model_options=model_options(model_option, base_url, intervention),
        modes=mode,
        limit=limit,
        results=results,
        tasks_dir=tasks_dir,
        fresh=fresh,
        executor=choose(executor, workers, ray_address, journal_home),
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
    columns = ["task", "name", "condition", "value", "95 % interval", "n", "note"]
    console.print_table(console.with_interval(summary.slices), columns, title="a small pretrained model")
    for line in summary.lines:
        print(line)
    print(f"report: {summary.report}")


for commands in (training, trend, judge, results, leaderboard, lm_eval, doctor):
    app.add_typer(commands.app)
app.add_typer(models.app, name="models")
app.add_typer(attention.app, name="attention")


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
