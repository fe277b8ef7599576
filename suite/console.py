"""What a person at the terminal sees: tables, JSON, and errors turned into one line and an exit code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from suite.errors import RunIncomplete, UserError


def run_app(app: Callable[[], Any]) -> None:
    """Runs the command-line `app`; exit codes: 0 done, 1 a bug, 2 the user's input, 3 incomplete and resumable."""
    try:
        app()
    except (UserError, RunIncomplete) as error:
        print(f"unreason: {one_line(str(error))}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("unreason: interrupted; the same command continues where it stopped", file=sys.stderr)
        sys.exit(3)
    except BrokenPipeError:
        # the reader of a pipe (head, less) is gone; nothing is left to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception:
        import traceback

        traceback.print_exc()
        print("unreason: this is a bug in unreason; please report it with the lines above", file=sys.stderr)
        sys.exit(1)


def one_line(text: str, limit: int = 2000) -> str:
    """`text` on one line without control characters (a server's or a file's text must not steer the terminal)."""
    return "".join(ch if ch.isprintable() else " " for ch in text)[:limit]


def print_json(value: Any) -> None:
    """Prints `value` as indented JSON with sorted keys; NaN becomes null, dates ISO text."""
    print(json.dumps(_plain(value), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False))


def print_table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str = "", empty: str = "nothing to show"
) -> None:
    """Prints `rows` as a table on a terminal and as tab-separated lines into a pipe.

    Args:
        rows: one mapping a row; a missing key is an empty cell.
        columns: keys, in order; they are the headings too.
        title: above the table.
        empty: printed when there is no row.
    """
    if not rows:
        print(empty)
        return
    if not sys.stdout.isatty():
        print("\t".join(columns))
        for row in rows:
            print("\t".join(one_line(cell(row.get(name))) for name in columns))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", header_style="bold", expand=False)
    for name in columns:
        numeric = all(isinstance(row.get(name), int | float | None) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold", no_wrap=name == "run_id")
    for row in rows:
        table.add_row(*(escape(one_line(cell(row.get(name)))) for name in columns))
    Console().print(table)


def say(line: str) -> None:
    """A line about work under way, beside the results."""
    print(line, file=sys.stderr, flush=True)


def cell(value: Any) -> str:
    """One table cell: numbers with three or four significant figures, mappings as key=value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}" if 0.001 <= abs(value) < 1000 or value == 0 else f"{value:.3g}"
    if isinstance(value, Mapping):
        return " ".join(f"{key}={cell(item)}" for key, item in value.items())
    return str(value)


def with_interval(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """`rows` with ``ci_low`` and ``ci_high`` joined into one cell for people."""
    joined = []
    for row in rows:
        low, high = row.get("ci_low"), row.get("ci_high")
        joined.append({**row, "95 % interval": "" if low is None or high is None else f"{cell(low)} to {cell(high)}"})
    return joined


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item"):
        return _plain(value.item())
    return str(value)
