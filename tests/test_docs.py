"""What the README, the cards and the documentation show is what the program takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cli
from suite.arguments import task_options
from suite.registry import load_task

REPOSITORY = Path(__file__).resolve().parents[1]

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


# What a page's commands are given so that they end soon; nothing else of them is changed.
SHORTER = {"run": ["--limit", "2"], "finetune": ["--steps", "2"]}
TAKEN_OUT = {"finetune": {"--epochs": 1, "--seeds": 1}}  # option -> words after it
PORT = re.compile(r"127\.0\.0\.1:8080")


def shortened(words: list[str]) -> list[str]:
    name = words[1]
    kept, skip = [], 0
    for word in words:
        if skip:
            skip -= 1
        elif word in TAKEN_OUT.get(name, {}):
            skip = TAKEN_OUT[name][word]
        else:
            kept.append(word)
    more = SHORTER.get(name, [])
    return kept + (more if more and more[0] not in kept else [])


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a reader may have it: the examples, and small models under the names that the pages use."""
    import shutil

    import tiny_hf

    folder = tmp_path_factory.mktemp("desk")
    shutil.copytree(REPOSITORY / "examples", folder / "examples")
    for name, kind in (("my-model", "llama"), ("gpt2", "gpt2")):
        tiny_hf.causal(kind, positions=2048).save_pretrained(folder / name)
        tiny_hf.tokenizer(template=True).save_pretrained(folder / name)
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a real OpenAI-compatible server."""
    import subprocess
    import sys

    pytest.importorskip("xllamacpp")
    script = REPOSITORY / "examples" / "serve_smollm2.py"
    process = subprocess.Popen([sys.executable, str(script), "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().strip().removeprefix("http://").removesuffix("/v1")
    process.terminate()
    process.wait(timeout=20)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "page", ["README.md", *sorted({page for page, _ in SHOWN if page.startswith(("docs/howto", "docs/tutorial"))})]
)
def test_every_command_of_a_page_runs_in_its_order(page: str, desk: Path, server: str) -> None:
    """For real, with small models and a server on this machine; long commands are cut short (`SHORTER`)."""
    import os
    import subprocess

    environment = os.environ | {
        "OPENAI_BASE_URL": f"http://{server}/v1",
        "OPENAI_API_KEY": "not-a-key",
        "HF_HUB_OFFLINE": "1",
    }
    for command in commands(REPOSITORY / page):
        words = shortened(shlex.split(PORT.sub(server, command)))
        done = subprocess.run(words, cwd=desk, env=environment, capture_output=True, text=True, timeout=1800)
        assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
