"""Commands about trends: how a metric changes with scale, and how many items it takes to see that."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from suite import console
from suite.commands.options import RESULTS, AsJson, Results
from suite.trend.axes import AXES

app = typer.Typer()


@app.command()
def trend(
    task: Annotated[str, typer.Option(help="Task of the runs.")] = "inverse_scaling",
    family: Annotated[
        str | None, typer.Option(help="Family in models.yaml, or a pattern of model names, e.g. 'hf/./ckpt/*'.")
    ] = None,
    axis: Annotated[
        str, typer.Option(help=f"What the models, or the questions, are placed by: {', '.join(AXES)}.")
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
    lower_is_better: Annotated[
        bool | None,
        typer.Option("--lower-is-better/--higher-is-better", help="Default: as the task's metric of that name says."),
    ] = None,
    allow_mixed: Annotated[
        bool, typer.Option("--allow-mixed", help="Let base and instruct models share a curve.")
    ] = False,
    infer_from_name: Annotated[
        bool, typer.Option("--infer-from-name", help="Take sizes from names where nothing else says them; flagged.")
    ] = False,
    models: Annotated[Path | None, typer.Option(help="YAML file of further models, families and sizes.")] = None,
    power: Annotated[bool, typer.Option("--power", help="Only say how many items a verdict needs.")] = False,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Judge how a metric of any task changes with scale. Flat, standard, inverse, U-shaped, ...

    The verdicts are stored, and `unreason report` draws the curves on the task's page.

    \b
    Examples:
      unreason trend --power
      unreason trend --task inverse_scaling --family gpt2 --axis train_flops
      unreason trend --family 'hf/./checkpoints/*' --axis train_steps --where variant=trap
      unreason trend --family gpt2 --contrast variant=control,trap
      unreason trend --family hf/gpt2 --axis shots --where variant=trap
      unreason trend --family 'openai/*' --axis reasoning_tokens --mode generate
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
    from suite.report.queries import common_part
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
        lower_is_better=lower_is_better,
        allow_mixed=allow_mixed,
        infer_from_name=infer_from_name,
        models=models,
        results=results,
    )
    if as_json:
        console.print_json({"curves": [curve.to_json() for curve in found.curves], "left_out": dict(found.left_out)})
        return
    common = common_part([curve.condition for curve in found.curves])
    shared = ", ".join(f"{key} {value}" for key, value in common.items())
    title = f"{task}, {family}, by {axis}" + (f" ({shared})" if shared else "")
    rows = [_row(curve, common) for curve in found.curves]
    console.print_table(rows, list(rows[0]) if rows else ["condition"], title=title)
    for run_id, reason in found.left_out.items():
        print(f"left out: {run_id}: {axis} {reason}")
    if len(found.curves) > 1:
        print(f"{len(found.curves)} curves; one in twenty flat ones is called something else by chance")
    if any("few_items" in curve.flags for curve in found.curves):
        print(
            "few_items: under 300, where a fall of .10 is missed more often than found; --power says how many it takes"
        )
    if found.curves:
        print("`unreason report` draws the curves")


def _row(curve: Any, common: Mapping[str, Any]) -> dict[str, Any]:
    slope = curve.slope
    known = slope is not None and slope.items_low is not None
    has_models = slope is not None and slope.models_low is not None
    return {
        "condition": {key: value for key, value in curve.condition.items() if key not in common},
        curve.axis: " -> ".join(f"{point.x:.3g}" for point in curve.points),
        "value": " -> ".join(f"{point.value:.3f}" for point in curve.points),
        "n": curve.n,
        "verdict": curve.verdict.shape,
        "slope a decade": slope.slope if slope else None,
        "95 % over items": f"{slope.items_low:.3f} to {slope.items_high:.3f}" if known else "",
        "95 % over models": f"{slope.models_low:.3f} to {slope.models_high:.3f}" if has_models else "",
        "largest fall": curve.verdict.max_drop,
        "note": curve.note,
    }
