"""Commands about attention mechanisms: whether they do what they declare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suite import console
from suite.commands.options import RESULTS, AsJson, Results
from suite.errors import UserError

app = typer.Typer(help="Attention mechanisms: checked in the patterns that they declare, trained and measured.")

Mechanisms = Annotated[
    Path | None, typer.Option("--mechanisms-dir", help="A further folder of mechanisms, one NAME.py each.")
]


@app.callback()
def attention() -> None:
    """Keeps `unreason attention` a group, however many commands it has."""


@app.command()
def verify(
    mechanisms: Annotated[list[str] | None, typer.Argument(help="Names; by default all.")] = None,
    mechanisms_dir: Mechanisms = None,
    as_json: AsJson = False,
) -> None:
    """Check every mechanism in every pattern that it declares; what cannot be shown is a failure.

    \b
    Patterns: NS noncausal self, CS causal self, NC noncausal cross, CC causal cross attention.
    In the table: pass, FAIL, control (reads no other position, as it must), - (not declared, and refused). CAB is what
    the published table declares. Exit code 2 if anything fails.

    \b
    Examples:
      unreason attention verify
      unreason attention verify performer abc --json
      unreason attention verify mine --mechanisms-dir ./mechanisms
    """
    from suite.attention.verify import support_matrix, verify_all

    verdicts = verify_all(mechanisms or (), mechanisms_dir)
    failed = [verdict for verdict in verdicts if verdict.status == "FAIL"]
    if as_json:
        console.print_json([verdict.to_json() for verdict in verdicts])
    else:
        columns = ["mechanism", "NS", "CS", "NC", "CC", "CAB", "note", *(["failed"] if failed else [])]
        console.print_table(support_matrix(verdicts), columns, title="attention mechanisms and patterns")
    if failed:
        names = ", ".join(f"{verdict.mechanism} {verdict.pattern}" for verdict in failed)
        raise UserError(f"{len(failed)} of {len(verdicts)} fail: {names}")


@app.command()
def bench(
    mechanisms: Annotated[str, typer.Option(help="Names, with commas; by default all.")] = "",
    experiments: Annotated[
        str, typer.Option(help="support, cost, quality, extrapolation, with commas; by default all.")
    ] = "",
    cells: Annotated[
        str, typer.Option(help="PATTERN/TASK, or one of the two, with commas: NS, lm_periodic, CC/tts_expand.")
    ] = "",
    seeds: Annotated[str, typer.Option(help="Of each training, with commas.")] = "0",
    size: Annotated[str, typer.Option(help="tiny for processors, small for a GPU.")] = "tiny",
    lengths: Annotated[str, typer.Option(help="Of the cost curves, with commas; default 128 to 8192.")] = "",
    positions: Annotated[
        str, typer.Option(help="Of extrapolation: none, sinusoidal, learned, alibi, rotary; by default all.")
    ] = "",
    data: Annotated[str, typer.Option(help="TASK=PATH,...: real data instead of a generated task.")] = "",
    budget_s: Annotated[float | None, typer.Option(help="Seconds of a training; default 180 tiny, 4 h small.")] = None,
    device: Annotated[str, typer.Option(help="auto (a GPU where there is one), cpu, cuda, cuda:1.")] = "auto",
    jobs: Annotated[int | None, typer.Option(help="Mechanisms at once; default one a core, one with a GPU.")] = None,
    mechanisms_dir: Mechanisms = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Check, train and measure mechanisms, and compare them: index, efficiency lengths, extrapolation.

    Without options: every mechanism, the eleven cells of the tiny size, one seed; about half an hour on two cores.
    Ctrl-C stops; the same command continues. `unreason report` then draws it all.

    \b
    Examples:
      unreason attention bench
      unreason attention bench --mechanisms vanilla,none,performer --cells CS --experiments quality
      unreason attention bench --experiments cost --lengths 256,512,1024
      unreason attention bench --cells lm_periodic --experiments extrapolation --positions none,rotary
      unreason attention bench --size small --seeds 0,1,2 --device cuda
      unreason attention bench --cells lstf_seasonal --data lstf_seasonal=ETT-small/ETTh1.csv
      unreason attention bench --mechanisms vanilla,mine --mechanisms-dir ./mechanisms
    """
    from tasks.attention_patterns.bench import bench as run_bench
    from tasks.attention_patterns.tables import index_rows, length_rows, missing_rows, quality_rows

    given = {
        "experiments": experiments,
        "cells": cells,
        "seeds": seeds,
        "size": size,
        "lengths": lengths,
        "positions": positions,
        "data": data,
        "budget_s": budget_s,
    }
    found = run_bench(
        [name.strip() for name in mechanisms.split(",") if name.strip()],
        {name: value for name, value in given.items() if value not in ("", None)},
        device=device,
        results=results,
        mechanisms_dir=mechanisms_dir,
        jobs=jobs,
        silent=as_json,
    )
    tables = {"quality": quality_rows(found), "index": index_rows(found), "lengths": length_rows(found)}
    tables["missing"] = missing_rows(found)
    if as_json:
        console.print_json({"runs": found.run_ids, **tables})
        return
    for title, rows in tables.items():
        if rows:
            console.print_table(rows, list(rows[0]), title=title)
    print("runs: " + ", ".join(found.run_ids.values()))
