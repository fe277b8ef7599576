"""Commands of the public leaderboard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suite import console
from suite.commands.options import AsJson

app = typer.Typer()


@app.command()
def leaderboard(
    reports: Annotated[
        Path, typer.Option(help="Folder with runs/*.parquet; LEADERBOARD.md and site/ are written there.")
    ] = Path("reports"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 2 if it is stale.")] = False,
    average: Annotated[bool, typer.Option("--average", help="Also rank over families, by a printed rule.")] = False,
    as_json: AsJson = False,
) -> None:
    """Build the leaderboard from submitted runs. Checks each of them first.

    A submission is one exported run: `unreason export RUN --out reports/runs`.

    \b
    Examples:
      unreason leaderboard
      unreason leaderboard --check
    """
    from suite.leaderboard import build_leaderboard
    from suite.progress import reporter

    told = reporter(silent=as_json)
    pages = [str(page) for page in build_leaderboard(reports, average=average, check=check, progress=told.note)]
    if as_json:
        console.print_json(pages)
        return
    for page in pages:
        print(f"current: {page}" if check else page)


@app.command("check-run")
def check_run(
    files: Annotated[list[Path], typer.Argument(help="Exported runs.")],
    as_json: AsJson = False,
) -> None:
    """Check exported runs as the leaderboard does. Say what is wrong with the first that fails.

    \b
    Examples:
      unreason check-run reports/runs/reversal_curse-gpt2-0123456789.parquet
    """
    from suite.leaderboard import check_submission

    rows = []
    for file in files:
        done = check_submission(file)
        checked = "answers scored again" if done.depth == "answers" else "metrics computed again"
        rows.append({"run": done.run_id, "checked": checked, "why not more": done.reason})
    if as_json:
        console.print_json(rows)
        return
    console.print_table(rows, ["run", "checked", "why not more"], title="accepted")
