"""Commands that train models on a task's texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from suite import console
from suite.commands.options import FREE_OPTIONS, RESULTS, AsJson, Results, TasksDir

app = typer.Typer()


@app.command(context_settings=FREE_OPTIONS)
def finetune(
    ctx: typer.Context,
    task: Annotated[str, typer.Argument(help="Task whose training texts are used.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Model folder to write; of several, their parent.")],
    objective: Annotated[
        str, typer.Option(help="ntp, reverse, bico, ...; several with commas, or all: trained, asked and compared.")
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
    seeds: Annotated[int, typer.Option(min=1, help="Of several objectives: trainings of each.")] = 3,
    results: Results = RESULTS,
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
      unreason finetune reversal_curse --style demo --scratch tiny-llama --objective all --out models/all
    """
    from suite.arguments import pairs, task_options
    from suite.finetune import finetune_task

    options = task_options(ctx.args, config)
    training: dict[str, Any] = {
        "model": model,
        "scratch": scratch,
        "tie_embeddings": tie_embeddings,
        "lora": lora,
        "steps": steps,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "tasks_dir": tasks_dir,
    }
    if objective == "all" or "," in objective:
        _compare(task, options, objective, objective_option, seeds, out, results, training, as_json)
        return
    trained = finetune_task(
        task,
        options,
        objective=objective,
        objective_options=pairs("--objective-option", objective_option),
        seed=seed,
        output=out,
        silent=as_json,
        **training,
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


def _compare(
    task: str,
    options: dict[str, Any],
    objective: str,
    objective_option: list[str] | None,
    seeds: int,
    out: Path,
    results: Path,
    training: dict[str, Any],
    as_json: bool,
) -> None:
    from suite.errors import UserError
    from suite.finetune.comparison import compare_objectives

    if objective_option:
        raise UserError("--objective-option goes with one objective; train it by itself")
    names = [name.strip() for name in objective.split(",")]
    say = None if as_json else console.say
    found = compare_objectives(
        task, options, objectives=names, seeds=seeds, output=out, results=results, say=say, **training
    )
    if as_json:
        console.print_json(found.to_json())
        return
    columns = ["objective", "metric", "condition", "mean", "95 % interval", "lowest", "highest", "seeds", "seconds"]
    console.print_table(console.with_interval(found.table()), columns, title="over seeds")
    for name, reason in found.left_out.items():
        print(f"left out: {name}: {reason}")
    print(f"next: unreason report --results {results}")
