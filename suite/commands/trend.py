"""Commands about trends: how a metric changes with scale, and how many items it takes to see that."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from suite import console
from suite.commands.options import RESULTS, AsJson, Results

app = typer.Typer()


@app.command()
def trend(
    task: Annotated[str, typer.Option(help="Task of the runs.")] = "inverse_scaling",
    family: Annotated[
        str | None, typer.Option(help="Family in models.yaml, or a pattern of model names, e.g. 'hf/./ckpt/*'.")
    ] = None,
    axis: Annotated[
        str, typer.Option(help="params_total, params_non_embedding, train_flops, train_tokens, train_steps, ...")
    ] = "params_total",
    metric: Annotated[str | None, typer.Option(help="Sample score; default: the task's first headline score.")] = None,
    contrast: Annotated[
        str | None, typer.Option(help="KEY=FIRST,SECOND: the difference of two arms, e.g. variant=control,trap.")
    ] = None,
    where: Annotated[list[str] | None, typer.Option(help="KEY=VALUE of the condition, e.g. variant=trap.")] = None,
    mode: Annotated[str | None, typer.Option(help="Where the runs have several.")] = None,
    delta: Annotated[float | None, typer.Option(help="Least change that matters; default .03, or .10 nats.")] = None,
    alpha: Annotated[float, typer.Option(help="Level of a whole curve.")] = 0.05,
    merge: Annotated[str | None, typer.Option(help="mean: average runs of equal scale.")] = None,
    models: Annotated[Path | None, typer.Option(help="YAML file of further models, families and sizes.")] = None,
    power: Annotated[bool, typer.Option("--power", help="Only say how many items a verdict needs.")] = False,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Judge how a metric changes with scale. Flat, standard, inverse, U-shaped, ...

    \b
    Examples:
      unreason trend --power
      unreason trend --task inverse_scaling --family gpt2 --axis train_flops
      unreason trend --family 'hf/./checkpoints/*' --axis train_steps --where variant=trap
      unreason trend --family gpt2 --contrast variant=control,trap
      unreason trend --task set_reasoning --family opt --metric em --mode loglikelihood
    """
    if power:
        from suite.trend.power import power_table

        table = power_table()
        if as_json:
            console.print_json(table)
            return
        console.print_table(table, list(table[0]), title="share of curves, by simulation")
        return
    from suite.arguments import pairs
    from suite.errors import UserError
    from suite.trend.engine import Contrast
    from suite.trend.engine import trend as find_trend

    if family is None:
        raise UserError("--family is missing; name one of models.yaml, or a pattern such as 'hf/./checkpoints/*'")
    if merge not in (None, "mean"):
        raise UserError(f"--merge {merge}: expected mean")
    found = find_trend(
        task,
        family,
        axis,
        metric=metric,
        contrast=Contrast.parse(contrast) if contrast else None,
        where=pairs("--where", where),
        mode=mode,
        delta=delta,
        alpha=alpha,
        merge="mean" if merge else None,
        models=models,
        results=results,
    )
    if as_json:
        console.print_json({"curves": [curve.to_json() for curve in found.curves], "left_out": dict(found.left_out)})
        return
    columns = ["condition", "scales", "n", "verdict", "slope a decade", "95 % over items", "largest fall", "note"]
    console.print_table([_row(curve) for curve in found.curves], columns, title=f"{task}, {family}, by {axis}")
    for run_id, reason in found.left_out.items():
        print(f"left out: {run_id}: {axis} {reason}")
    if len(found.curves) > 1:
        print(f"{len(found.curves)} curves; one in twenty flat ones is called something else by chance")


def _row(curve: Any) -> dict[str, Any]:
    slope = curve.slope
    known = slope is not None and slope.items_low is not None
    return {
        "condition": curve.condition,
        "scales": " -> ".join(f"{point.value:.3f}" for point in curve.points),
        "n": curve.n,
        "verdict": curve.verdict.shape,
        "slope a decade": slope.slope if slope else None,
        "95 % over items": f"{slope.items_low:.3f} to {slope.items_high:.3f}" if known else "",
        "largest fall": curve.verdict.max_drop,
        "note": curve.note,
    }
