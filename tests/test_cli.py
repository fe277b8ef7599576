"""The command line as a person meets it: start-up, help, bad input, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "transformers", "lm_eval", "datasets", "pandas", "altair")
COMMANDS = (
    *("list", "run", "demo", "finetune", "show", "compare", "samples", "report", "export", "import"),
    *("ingest", "gc", "sql", "doctor", "rescore"),
)


def unreason(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in its own process, as a shell would."""
    return subprocess.run(
        [sys.executable, "-m", "cli", *words],
        cwd=cwd,
        env={**os.environ, "HF_HUB_OFFLINE": "1", **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def assert_one_line(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    """The command ended with exit code 2 and one line on stderr that holds all `parts`, and nothing else."""
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    for part in parts:
        assert part in lines[0]
    assert done.stdout == ""


@pytest.mark.parametrize("words", [("--help",), ("list",), ("run", "--help")])
def test_light_commands_import_nothing_heavy(words: tuple[str, ...], tmp_path: Path) -> None:
    program = (
        "import sys, runpy\n"
        f"sys.argv = ['unreason', *{words!r}]\n"
        "try:\n    runpy.run_module('cli', run_name='__main__')\n"
        "except SystemExit as stop:\n    assert not stop.code, stop.code\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip().splitlines()[-1] == "LOADED []", done.stdout + done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_examples(command: str) -> None:
    import typer.main

    import cli

    found = typer.main.get_command(cli.app).commands[command].help  # type: ignore[attr-defined]
    assert "Examples:" in found
    assert f"unreason {command}" in found


def test_list_names_the_tasks_and_their_options(tmp_path: Path) -> None:
    rows = json.loads(unreason("list", "--json", cwd=tmp_path).stdout)
    assert "reversal_curse" in [row["task"] for row in rows]
    options = json.loads(unreason("list", "reversal_curse", "--json", cwd=tmp_path).stdout)
    assert all(row["description"] for row in options)
    assert "--celebrity-csv" in [row["option"] for row in options]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        pytest.param(
            ("run", "reversal_cruse", "-m", "scripted/constant"), ("'reversal_cruse'", "reversal_curse"), id="task"
        ),
        pytest.param(("run", "reversal_curse", "-m", "scriptd/constant"), ("'scriptd'", "scripted"), id="provider"),
        pytest.param(("run", "reversal_curse", "-m", "scripted/constnat"), ("constnat", "constant"), id="model"),
        pytest.param(
            ("run", "reversal_curse", "-m", "scripted/constant", "--trak", "nd"), ("trak", "track"), id="option"
        ),
        pytest.param(
            ("run", "reversal_curse", "-m", "scripted/constant", "--track", "xx"), ("track", "xx"), id="value"
        ),
        pytest.param(("run", "reversal_curse", "-m", "scripted/constant", "--mode", "guess"), ("guess",), id="mode"),
        pytest.param(
            ("run", "reversal_curse", "-m", "scripted/constant", "-M", "api_key=x"), ("environment",), id="key"
        ),
        pytest.param(("run", "reversal_curse", "-m", "hf/./nowhere"), ("nowhere",), id="model-folder"),
        pytest.param(("show", "nothing"), ("nothing",), id="run"),
        pytest.param(("samples", "latest"), ("unreason",), id="no-runs"),
        pytest.param(("sql", "selec 1"), ("selec",), id="sql"),
        pytest.param(("sql", "drop table runs"), ("read",), id="sql-write"),
        pytest.param(("import", "nowhere"), ("nowhere",), id="import"),
        pytest.param(
            ("finetune", "reversal_curse", "--out", "m", "--scratch", "tiny-gtp2"), ("tiny-gpt2",), id="preset"
        ),
        pytest.param(
            ("finetune", "reversal_curse", "--out", "m", "--scratch", "tiny-gpt2", "--objective", "revers"),
            ("'revers'", "reverse"),
            id="objective",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words: tuple[str, ...], parts: tuple[str, ...], tmp_path: Path) -> None:
    assert_one_line(unreason(*words, cwd=tmp_path), *parts)
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix not in {".lock", ".duckdb"}]
    assert left == [], "a refused command left files behind"


def test_a_bug_gives_a_traceback_and_exit_code_1(tmp_path: Path) -> None:
    folder = tmp_path / "mine" / "broken"
    folder.mkdir(parents=True)
    (folder / "task.py").write_text(
        "from pydantic import BaseModel\nfrom suite.task import Task\n"
        "class Broken(Task):\n"
        "    name, version, title, citation, modes = 'broken', '1', 'raises', '-', ('generate',)\n"
        "    @classmethod\n    def options_model(cls): return type('O', (BaseModel,), {})\n"
        "    def docs(self): raise RuntimeError('boom')\n"
    )
    done = unreason("run", "broken", "-m", "scripted/constant", "--tasks-dir", "mine", cwd=tmp_path)
    assert done.returncode == 1
    assert "boom" in done.stderr
    assert "please report" in done.stderr


def test_an_unimportable_user_task_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "mine" / "bad"
    folder.mkdir(parents=True)
    (folder / "task.py").write_text("import nonexistent_module_xyz\n")
    assert_one_line(unreason("list", "--tasks-dir", "mine", cwd=tmp_path), "bad/task.py", "nonexistent_module_xyz")


def test_doctor_never_prints_a_key(tmp_path: Path) -> None:
    done = unreason("doctor", "--json", cwd=tmp_path, OPENAI_API_KEY="sk-planted-0123456789")
    assert done.returncode == 0
    assert "sk-planted" not in done.stdout + done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["openai"]["area"] in {"package", "provider"}
    assert all(row["state"] == "ok" or row["remedy"] for row in rows.values())


def test_shell_completion_is_offered(tmp_path: Path) -> None:
    said = unreason("--help", cwd=tmp_path).stdout
    assert "--install-completion" in said
    assert "--show-completion" in said


def test_a_context_longer_than_the_models_window_is_the_users_input(tmp_path: Path) -> None:
    import tiny_hf

    tiny_hf.save(tmp_path / "short", tiny_hf.causal("gpt2", positions=8), tiny_hf.tokenizer())
    words = ("run", "reversal_curse", "-m", "hf/short", "--facts", "2", "--test-templates", "1", "--controls", "none")
    done = unreason(*words, cwd=tmp_path)
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert "window of hf/short (8 tokens)" in last
    assert "Traceback" not in done.stderr


def test_an_unwritable_results_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    assert_one_line(
        unreason("run", "reversal_curse", "-m", "scripted/constant", "--results", "taken/results", cwd=tmp_path),
        "taken",
    )
