"""The shipped problems, ``datasets/set_reasoning``: how they are made, and how any such file is read and checked.

``python -m tasks.set_reasoning.files [FOLDER]`` writes them anew; the same bytes come out (a test holds it to that).
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from suite.data import data_folder
from suite.errors import UserError
from suite.jsonl import read_jsonl, write_jsonl, write_text
from tasks.set_reasoning.expressions import evaluate, parse, shortcut_answers
from tasks.set_reasoning.parsing import normal
from tasks.set_reasoning.problems import Problem, evaluation_problems

NAME, FILE = "set_reasoning", "set_ops_eval.jsonl"


def shipped_problems() -> list[dict[str, Any]]:
    """The 1,080 problems of seed 0.

    Raises:
        UserError: the file is missing or was changed.
    """
    return read_problems(data_folder(NAME) / FILE)


def read_problems(path: Path) -> list[dict[str, Any]]:
    """The problems of a file, each evaluated again.

    Raises:
        UserError: a record that is not whole, or whose answer or labels are not those of its expression.
    """
    rows = read_jsonl(path, ("id", "form", "expr"))
    for line, row in rows:
        try:
            _check(row)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            what = f"key {error} is missing" if isinstance(error, KeyError) else str(error)
            raise UserError(f"{path}:{line}: problem {row['id']}: {what}; write the file anew") from None
    return [row for _, row in rows]


def write_problems(folder: Path, problems: Iterable[Problem]) -> Path:
    """Writes the problems and SHA256SUMS."""
    file = folder / FILE
    write_jsonl(file, (problem.to_json() for problem in problems))
    write_text(folder / "SHA256SUMS", f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {FILE}\n")
    return file


def _check(row: dict[str, Any]) -> None:
    sets = {name: frozenset(items) for name, items in row["sets"].items()}
    for name, items in row["sets"].items():
        seen: dict[str, str] = {}
        for item in items:
            if normal(item) in seen:
                raise ValueError(f"set {name} holds {seen[normal(item)]!r} and {item!r}, which are the same element")
            seen[normal(item)] = item
    node = parse(row["expr"], set(sets))
    truth = evaluate(node, sets)
    if sorted(truth) != row["answer"]:
        raise ValueError(f"answer {row['answer']} is not the value of {row['expr']}, which is {sorted(truth)}")
    if row["labels"] != [int(item in truth) for item in row["candidates"]]:
        raise ValueError("labels are not those of the answer")
    found = {name: sorted(items) for name, items in shortcut_answers(node, sets).items()}
    if found != row["shortcut_answers"]:
        raise ValueError("shortcut_answers are not those of the expression")
    if row["twin"] and evaluate(parse(row["twin"], set(sets)), sets) != truth:
        raise ValueError(f"twin {row['twin']} has another value")


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else data_folder(NAME)
    print(write_problems(target, evaluation_problems()))
