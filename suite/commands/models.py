"""Commands about the small pretrained models that the demo and the tests use."""

from __future__ import annotations

from typing import Annotated

import typer

from suite import console
from suite.commands.options import AsJson

app = typer.Typer(
    help="Small pretrained models that the demo and the tests use.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("fetch")
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
