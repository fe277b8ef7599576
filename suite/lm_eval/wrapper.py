"""``unreason lm-eval ...``: the harness's own command line, with our model registered and our tasks found.

Releases up to 0.4.13 read no entry points, hence this wrapper; every argument is handed on. What the harness leaves to
tracebacks, or to silence, is said here in one line: unknown names, chat models asked for log-probabilities, keys on the
command line, results that were not written.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from suite.errors import UserError, unknown
from suite.lm_eval.catalogue import SUFFIXES, include_path, names

MODEL = "unreason"
_CHAT_ONLY = ("chat-completions", "-chat")  # in names of backends that give no log-probabilities


def run_harness(words: Sequence[str], tasks_dir: Path | None = None) -> None:
    """Runs ``lm-eval WORDS`` in this process.

    Args:
        words: arguments of the harness.
        tasks_dir: a further folder of our tasks.

    Raises:
        UserError: the harness is missing, a name is unknown, or results could not be written.
    """
    place = include_path(tasks_dir)
    _register()
    from lm_eval._cli import HarnessCLI
    from lm_eval.utils import setup_logging

    setup_logging()
    arguments, sys.argv = sys.argv, ["lm-eval", *words]
    try:
        parser = HarnessCLI()
        args = parser.parse_args()
        _check(args)
        if hasattr(args, "include_path"):
            args.include_path = [path for path in (args.include_path, str(place)) if path]
        before = _results(args)
        try:
            parser.execute(args)
        except (ValueError, KeyError) as error:
            raise _explained(error, args, tasks_dir) from error
        if getattr(args, "output_path", None) and _results(args) <= before:
            raise UserError(f"--output_path {args.output_path}: the harness could not write its results there")
    finally:
        sys.argv = arguments


def _register() -> None:
    try:
        import lm_eval.models  # noqa: F401  must come first: models registered before hide the built-in ones
        from lm_eval.api.registry import model_registry
    except ImportError as error:
        raise UserError(f"lm-evaluation-harness is missing ({error}); pip install 'unreason[lm-eval]'") from None
    if MODEL not in model_registry:
        model_registry.register(MODEL, target="suite.lm_eval.model:UnreasonLM")


def _check(args: Any) -> None:
    given = getattr(args, "model_args", None) or {}
    keys = [name for name in given if "key" in str(name).lower() or str(name).lower() == "token"]
    if keys:
        raise UserError(
            f"--model_args {keys[0]}: the harness writes it into its results; set an environment variable instead "
            "(OPENAI_API_KEY, HF_TOKEN)"
        )
    tasks = [name for words in getattr(args, "tasks", None) or [] for name in str(words).split(",")]
    ending = f"_{SUFFIXES['loglikelihood']}"
    asked = [name for name in tasks if name.startswith(MODEL) and name.endswith(ending)]
    if asked and any(part in str(getattr(args, "model", "")) for part in _CHAT_ONLY):
        other = asked[0].removesuffix(ending) + f"_{SUFFIXES['generate']}"
        raise UserError(f"{args.model} gives no log-probabilities, which {asked[0]} needs; use {other}")


def _results(args: Any) -> set[Path]:
    folder = getattr(args, "output_path", None)
    if not folder:
        return set()
    path = Path(folder)
    return set(path.parent.glob(f"{path.stem}_*.json") if path.suffix == ".json" else path.rglob("results_*.json"))


def _explained(error: Exception, args: Any, tasks_dir: Path | None) -> Exception:
    """The harness's error in our words where it is about names, else itself."""
    said = str(error.args[0]) if error.args else ""
    if said.startswith("Tasks not found: "):
        missing = said.removeprefix("Tasks not found: ").split(", ")[0]
        searched = ", ".join(str(path) for path in args.include_path)
        if not missing.startswith(MODEL):
            return UserError(f"unknown task {missing!r}; searched: the harness's own tasks, {searched}")
        return unknown("task", missing, names(tasks_dir), f"Searched: the harness's own tasks, {searched}.")
    if said.startswith("Unknown model "):
        return UserError(said.splitlines()[0] + " Ours is --model unreason --model_args pretrained=FOLDER_OR_ID.")
    return error
