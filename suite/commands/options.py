"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Results = Annotated[
    Path, typer.Option("--results", envvar="UNREASON_RESULTS", help="Folder of journals and the database.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
TasksDir = Annotated[Path | None, typer.Option("--tasks-dir", help="A further folder of tasks (tasks/NAME/task.py).")]
OneRun = Annotated[str, typer.Argument(help="Run id, a unique beginning of one, or 'latest'.")]
FREE_OPTIONS = {"allow_extra_args": True, "ignore_unknown_options": True}
RESULTS = Path("results")
