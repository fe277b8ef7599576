"""What the README, the cards and the documentation show is what the program takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY

import cli
from suite.arguments import task_options
from suite.registry import load_task

PAGES = sorted(
    [
        REPOSITORY / "README.md",
        *(REPOSITORY / "docs").rglob("*.md"),
        *(REPOSITORY / "tasks").glob("*/README.md"),
        *(REPOSITORY / "datasets").glob("*/README.md"),
        *(REPOSITORY / "examples").glob("*.md"),
    ]
)
_BLOCK = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> Iterator[str]:
    """The `unreason` commands of a page's shell blocks, without comments."""
    for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|;|\|", re.sub(r"(?:^|\s)#.*", "", line)):
                if re.match(r"(?:[A-Z_]+=\S+ )*unreason ", part.strip()):
                    yield re.sub(r"^(?:[A-Z_]+=\S+ )*", "", part.strip())


SHOWN = sorted({(str(page.relative_to(REPOSITORY)), command) for page in PAGES for command in commands(page)})


def parsed(words: list[str]) -> Any:
    """The context of the command that `words` name, with its options taken and nothing done."""
    from typer.main import get_command

    command: Any = get_command(cli.app)
    context = command.make_context("unreason", list(words), resilient_parsing=False)
    rest = list(words)
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, list(rest), parent=context)
    return context


def test_there_are_commands_to_check() -> None:
    assert len(SHOWN) > 40
    assert {page for page, _ in SHOWN} >= {"README.md", "docs/tutorial.md", "tasks/reversal_curse/README.md"}


@pytest.mark.parametrize(("page", "command"), SHOWN)
def test_every_command_that_is_shown_is_one(page: str, command: str) -> None:
    context = parsed(shlex.split(command)[1:])
    if context.info_name == "run":
        given = task_options(context.args, None)
        tasks_dir = context.params["tasks_dir"]
        load_task(context.params["task"], given, REPOSITORY / tasks_dir if tasks_dir else None)


def test_a_wrong_command_would_be_noticed() -> None:
    for words in (["run", "reversal_curse"], ["report", "--nonsense"], ["judges"]):
        with pytest.raises(Exception, match=r"(?i)missing|no such"):
            parsed(words)


@pytest.mark.slow
def test_the_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    build = pytest.importorskip("sphinx.cmd.build")
    assert build.main(["-q", "-W", "-b", "html", str(REPOSITORY / "docs"), str(tmp_path)]) == 0
    assert "affirming the consequent" in (tmp_path / "tutorial.html").read_text(encoding="utf-8")
