"""Commands around lm-evaluation-harness."""

from __future__ import annotations

from typing import Annotated

import typer

from suite.commands.options import TasksDir

app = typer.Typer()

# --help too is the harness's
_HANDED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command("lm-eval", context_settings=_HANDED_ON)
def lm_eval(ctx: typer.Context, tasks_dir: TasksDir = None) -> None:
    """Run lm-evaluation-harness with our tasks and our model. All arguments are handed on to it.

    \b
    Examples:
      unreason lm-eval ls tasks
      unreason lm-eval run --model unreason --model_args pretrained=gpt2 --tasks unreason_inverse_scaling_neqa_ll
      unreason lm-eval run --model hf --model_args pretrained=gpt2 --tasks unreason_gen,hellaswag --limit 10
    """
    from suite.lm_eval.wrapper import run_harness

    run_harness(ctx.args, tasks_dir)


@app.command("lm-eval-path")
def lm_eval_path(
    tasks_dir: TasksDir = None,
    names: Annotated[bool, typer.Option("--names", help="Print the names of tasks, groups and tags instead.")] = False,
) -> None:
    """Print the folder through which lm_eval finds our tasks.

    \b
    Examples:
      lm_eval --include_path "$(unreason lm-eval-path)" --tasks unreason_set_reasoning_gen --model hf ...
      unreason lm-eval-path --names
    """
    from suite.lm_eval import catalogue

    if names:
        print("\n".join(catalogue.names(tasks_dir)))
    else:
        print(catalogue.include_path(tasks_dir))
