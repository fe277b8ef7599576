"""Where the shipped data lies: ``datasets/`` of a checkout, or its copy inside an installed wheel."""

from __future__ import annotations

from pathlib import Path

from suite.errors import UserError


def data_folder(name: str) -> Path:
    """The folder of the shipped data set `name`.

    Raises:
        UserError: the data is missing from the installation.
    """
    here = Path(__file__).resolve().parent
    for root in (here / "_datasets", here.parent / "datasets"):
        if (root / name).is_dir():
            return root / name
    raise UserError(f"data set {name!r} is missing from this installation; install unreason again")
