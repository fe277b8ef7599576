"""Turns content into files: Jinja pages with everything escaped, and data as scripts that HTML cannot leak out of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.report.content import Measured

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).resolve().parent


def environment() -> Environment:
    """Templates with escaping on, an error for every unknown name, and the filters of this file."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        number=number, words=words, pretty=_pretty, title_of=title_of, without=_without, page_name=page_name
    )
    made.tests["measured"] = lambda value: isinstance(value, Measured)
    return made


def write_text(file: Path, text: str) -> None:
    """The same bytes on every platform."""
    file.write_text(text, encoding="utf-8", newline="\n")


def write_script(file: Path, name: str, value: Any) -> None:
    """Data as a script of its own: pages opened from disk may not fetch, and nothing can break out of the HTML."""
    text = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    write_text(file, f"window.{name}={text};\n")


def number(value: Any) -> str:
    """A value of a table: three decimals, or as many digits as very small and large numbers need; – for none."""
    if value is None:
        return "–"
    if isinstance(value, float):
        digits = ".3f" if 0.001 <= abs(value) < 1000 or value == 0 else ".3g"
        return signed(f"{value:{digits}}")
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def signed(text: str) -> str:
    """A printed number with a true minus sign."""
    return text.replace("-", "−")


def words(condition: Mapping[str, Any]) -> str:
    """A condition in one line."""
    texts = {key: f"{value:.12g}" if isinstance(value, float) else value for key, value in condition.items()}
    return ", ".join(f"{key} {value}" for key, value in texts.items())


def title_of(task: str) -> str:
    """A task's name as a heading."""
    return task.replace("_", " ").capitalize()


def page_name(task: str) -> str:
    """File name of a task's page, without ending; an imported task may be called anything."""
    return "task-" + "".join(char if (char.isalnum() and char.isascii()) or char in "_-" else "_" for char in task)


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)


def _without(condition: Mapping[str, Any], common: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in condition.items() if key not in common}
