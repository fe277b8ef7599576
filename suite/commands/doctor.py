"""Commands that check: what is installed, what a server can be trusted with, whether ways of reading answers agree."""

from __future__ import annotations

from typing import Annotated

import typer

from suite import console
from suite.commands.options import RESULTS, AsJson, OneRun, Results

app = typer.Typer()


@app.command()
def doctor(
    endpoint: Annotated[
        str | None, typer.Option(help="Try out this OpenAI-compatible server instead, e.g. http://127.0.0.1:8080/v1.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Its model; default: the one it lists.")] = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Check packages, hardware, keys, folders. Says what to do about what is missing.

    With --endpoint: whether a server's log-probabilities agree with what it writes, and which options it honours.

    \b
    Examples:
      unreason doctor
      unreason doctor --endpoint http://127.0.0.1:8080/v1
    """
    from suite.doctor import diagnose, diagnose_endpoint, findings_json

    rows = findings_json(diagnose_endpoint(endpoint, model) if endpoint else diagnose(results))
    if as_json:
        console.print_json(rows)
        return
    console.print_table(rows, ["area", "name", "state", "detail", "remedy"])


@app.command()
def modes(run_id: OneRun, results: Results = RESULTS, as_json: AsJson = False) -> None:
    """Show how far the modes of a run agree. Likelihood, first token and written answer, on the same questions.

    \b
    Examples:
      unreason run inverse_scaling --model hf/gpt2 --subtask neqa
      unreason modes latest
    """
    from suite.modes import mode_agreement

    rows = mode_agreement(run_id, results=results)
    if as_json:
        console.print_json(rows)
        return
    columns = ["first", "second", "n", "first_right", "second_right", "same_verdict", "95 % interval", "kappa"]
    console.print_table(console.with_interval(rows), [*columns, "same_answer", "n_read", "unread"])
