"""Where a result comes from: versions of the libraries, and the commit of the suite."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

# the libraries that can change a number
_LIBRARIES = (
    "accelerate",
    "duckdb",
    "lm-eval",
    "numpy",
    "openai",
    "peft",
    "scipy",
    "tokenizers",
    "torch",
    "transformers",
    "unreason",
)


@cache
def libraries() -> Mapping[str, str]:
    """Versions of Python and of the installed libraries that can change a number; imports none of them."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def git_commit() -> str | None:
    """The commit of the checkout that the suite runs from, with "-dirty" after uncommitted changes; else None."""
    checkout = Path(__file__).resolve().parents[1]
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def now() -> str:
    """The time in UTC, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
