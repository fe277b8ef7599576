"""Commands that train models on a task's texts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suite import console
from suite.commands.options import FREE_OPTIONS, RESULTS, AsJson, Results, TasksDir

if TYPE_CHECKING:
    from suite.finetune.comparison import Comparison

app = typer.Typer()


@app.command(context_settings=FREE_OPTIONS)
def finetune(
    ctx: typer.Context,
    task: Annotated[str, typer.Argument(help="Task whose training texts are used.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Model folder to write; of several, their parent.")],
    objective: Annotated[
        str,
        typer.Option(
            help="ntp, reverse, bico, ...; several with commas (NAME:KEY=VALUE sets options), or all: trained, asked "
            "and compared."
        ),
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
    budget: Annotated[
        str, typer.Option(help="Of several objectives: as many steps, tokens or epochs as ntp; with commas: each.")
    ] = "steps",
    before: Annotated[
        str | None,
        typer.Option(help="KEY=VALUE, e.g. group=both: learned in a first stage, and asked again at the end."),
    ] = None,
    before_steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps of the first stage.")] = None,
    results: Results = RESULTS,
    config: Annotated[Path | None, typer.Option(help="YAML or JSON file of task options; flags win over it.")] = None,
    tasks_dir: TasksDir = None,
    as_json: AsJson = False,
) -> None:
    """Train a model on a task's texts. The same command continues an interrupted training.

    Options of the task are flags, as `unreason list TASK` names them. A task may have a trainer of its own
    (set_reasoning): it plans the models and takes flags of its own; they are trained, asked and compared.

    \b
    Examples:
      unreason finetune reversal_curse --style demo --scratch tiny-gpt2 --out models/ntp
      unreason finetune reversal_curse --style demo --scratch tiny-gpt2 --objective reverse --epochs 31 -o reversed
      unreason finetune reversal_curse --model hf/gpt2 --lora --epochs 3 --out models/gpt2-lora
      unreason finetune reversal_curse --style demo --scratch tiny-llama --objective all --out models/all
      unreason finetune reversal_curse --style demo --scratch tiny-llama --objective ntp,bico --before group=both -o two
      unreason finetune set_reasoning --masks encoder,decoder,prefix --train T2D --seeds 3 -o models/sets
    """
    from suite.arguments import pairs, task_options
    from suite.errors import UserError
    from suite.finetune import finetune_task
    from suite.finetune.comparison import compare_objectives
    from suite.finetune.own import has_own_trainer, train_own
    from suite.finetune.plan import Stage

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
    if has_own_trainer(task, tasks_dir):
        texts = {"objective": objective != "ntp", "objective-option": objective_option, "before": before}
        texts |= {"scratch": scratch, "tie-embeddings": tie_embeddings}
        given = {"model": model, "lora": lora, "steps": steps, "epochs": epochs, "batch_size": batch_size, "lr": lr}
        found = train_own(
            task,
            {**options, **given},
            of_texts=texts,
            seeds=range(seed, seed + seeds),
            output=out,
            results=results,
            tasks_dir=tasks_dir,
            silent=as_json,
        )
        _print_comparison(found, results, as_json)
        return
    if before_steps is not None and before is None:
        raise UserError("--before-steps is the length of a first stage; say what it learns with --before KEY=VALUE")
    if objective == "all" or "," in objective or before is not None:
        if objective_option:
            raise UserError(
                "--objective-option goes with one objective and stage; write --objective NAME:KEY=VALUE,..."
            )
        found = compare_objectives(
            task,
            options,
            objectives=[name.strip() for name in objective.split(",")],
            seeds=seeds,
            budgets=[name.strip() for name in budget.split(",")],
            before=Stage(pairs("--before", before.split(",")), before_steps) if before is not None else None,
            output=out,
            results=results,
            say=None if as_json else console.say,
            **training,
        )
        _print_comparison(found, results, as_json)
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


def _print_comparison(found: Comparison, results: Path, as_json: bool) -> None:
    if as_json:
        console.print_json(found.to_json())
        return
    columns = ["objective", "metric", "condition", "mean", "95 % interval", "lowest", "highest", "seeds", "seconds"]
    console.print_table(console.with_interval(found.table()), columns, title="over seeds")
    lines = [one.to_row() for one in found.efficiencies()]
    if lines:
        empty = {name for name in lines[0] if all(line[name] in (None, "") for line in lines)}
        console.print_table(lines, [name for name in lines[0] if name not in empty], title="reverse against cost")
    for name, reason in found.left_out.items():
        print(f"left out: {name}: {reason}")
    print(f"next: unreason report --results {results}")
