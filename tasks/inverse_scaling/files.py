"""Rows from files of the public form: JSON lines or CSV with the columns of the prize (arXiv 2306.09479, release).

``classes`` is text that holds a Python list; it is read as a literal, never evaluated. A file's SHA-256 says whether it
is the released one.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from suite.errors import UserError
from suite.jsonl import read_jsonl, read_text
from tasks.inverse_scaling.rows import Kind, Row, has_prefix_classes
from tasks.inverse_scaling.subtasks import release

UNKNOWN = "unknown"
_SUFFIXES: Mapping[str, Kind] = {
    "_classification": "classification",
    "_sequence-probability": "sequence_prob",
    "_absolute-logodds": "absolute_logodds",
    "_logodds": "logodds",
}
_NEEDED: Mapping[Kind, tuple[str, ...]] = {
    "classification": ("prompt", "classes", "answer_index"),
    "sequence_prob": ("prompt", "completion"),
    "logodds": ("prompt", "other_prompt", "classes", "answer_index"),
    "absolute_logodds": ("prompt", "other_prompt", "classes", "answer_index"),
}
_NOTES = {
    "class": "answers without a leading space, which joins them to the last word (--fix-spaces mends them)",
    "prompt": "prompts with a trailing space, which tokenizers split off (--fix-spaces mends them)",
    "prefix": "rows where one class begins another, so that the shorter one collects the longer one's probability",
    "index": "answer_index written as text; read as numbers",
    "skipped": "faulty rows left out",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """The rows of one file or hub data set, by their number in it (from 1).

    Attributes:
        revision: name of the release that the file is byte for byte, or "unknown".
        warnings: one line each, for people.
    """

    rows: tuple[tuple[int, Row], ...]
    revision: str
    warnings: tuple[str, ...] = ()


def read_file(path: Path, subtask: str, *, skip_bad: bool = False, fix_spaces: bool = False) -> Loaded:
    """The rows of a JSON lines or CSV file.

    Args:
        subtask: which task they are of; its released file is compared by SHA-256.
        skip_bad: leave out faulty rows, counted in the warnings.
        fix_spaces: add missing leading spaces to answers, cut trailing ones of prompts.

    Raises:
        UserError: the file cannot be read, or a row is faulty; names file and line.
    """
    raw: Iterable[tuple[int, Mapping[str, Any]]] = _csv_rows(path) if path.suffix == ".csv" else read_jsonl(path)
    rows, warnings = parse_rows(raw, subtask, str(path), kind_of(path), skip_bad=skip_bad, fix_spaces=fix_spaces)
    known = release().tasks.get(subtask)
    is_released = known is not None and hashlib.sha256(path.read_bytes()).hexdigest() == known.sha256
    if known is not None and not is_released:
        warnings.append(f"{path}: not the released file (its SHA-256 differs); the run says data revision {UNKNOWN}")
    return Loaded(tuple(rows), release().revision if is_released else UNKNOWN, tuple(warnings))


def kind_of(path: Path) -> Kind | None:
    """What the file's name says of its rows: ``neqa_classification.jsonl``; None if it says nothing."""
    return next((kind for suffix, kind in _SUFFIXES.items() if path.stem.endswith(suffix)), None)


def task_of(path: Path) -> str:
    """The task that the file's name begins with."""
    for suffix in _SUFFIXES:
        if path.stem.endswith(suffix):
            return path.stem.removesuffix(suffix)
    return path.stem


def parse_rows(
    raw: Iterable[tuple[int, Mapping[str, Any]]],
    subtask: str,
    where: str,
    kind: Kind | None,
    *,
    skip_bad: bool,
    fix_spaces: bool,
) -> tuple[list[tuple[int, Row]], list[str]]:
    """Checked rows with their numbers, and what is to be said of them.

    Raises:
        UserError: a faulty row, unless `skip_bad`; or no row is left.
    """
    rows: list[tuple[int, Row]] = []
    counts: Counter[str] = Counter()
    for number, fields in raw:
        try:
            row = _row(fields, subtask, kind or _kind_of_fields(fields, subtask), counts)
        except ValueError as problem:
            if not skip_bad:
                raise UserError(f"{where}:{number}: {problem} (--skip-bad leaves such rows out)") from None
            counts["skipped"] += 1
            continue
        rows.append((number, _checked_spaces(row, counts, fix_spaces)))
    if not rows:
        raise UserError(f"{where}: no rows; check the file")
    return rows, [f"{where}: {count} {_NOTES[name]}" for name, count in counts.items()]


def _csv_rows(path: Path) -> Iterable[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
    for fields in reader:
        index = str(fields.get("answer_index") or "")
        yield reader.line_num, {**fields, "answer_index": int(index) if index.isdecimal() else index}


def _kind_of_fields(fields: Mapping[str, Any], subtask: str) -> Kind:
    if subtask in release().tasks:
        return release().tasks[subtask].kind
    if "other_prompt" in fields:
        return "logodds"
    return "sequence_prob" if "completion" in fields else "classification"


def _row(fields: Mapping[str, Any], subtask: str, kind: Kind, counts: Counter[str]) -> Row:
    for name in _NEEDED[kind]:
        if fields.get(name) in (None, ""):
            raise ValueError(f"{name!r} is missing; {kind} rows have {', '.join(_NEEDED[kind])}")
    prompt = _text("prompt", fields["prompt"])
    part = int(fields["part"]) if str(fields.get("part", "")).isdecimal() else 1
    if kind == "sequence_prob":
        return Row(subtask, kind, prompt, completion=_text("completion", fields["completion"]), part=part)
    classes = _classes(fields["classes"])
    if kind != "classification" and len(classes) != 2:
        raise ValueError(f"{len(classes)} classes; {kind} rows have exactly two")
    answer = _index(fields["answer_index"], len(classes), counts)
    trap = 1 - answer if len(classes) == 2 else None
    other = "" if kind == "classification" else _text("other_prompt", fields["other_prompt"])
    return Row(subtask, kind, prompt, classes, answer, trap, other_prompt=other, part=part)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name!r} is {str(value)[:40]!r}; expected text")
    return value


def _classes(value: object) -> tuple[str, ...]:
    shown = str(value)[:60]
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            raise ValueError(f"'classes' is {shown!r}; expected a list of texts, such as \"[' A', ' B']\"") from None
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item.strip() for item in value):
        raise ValueError(f"'classes' is {shown!r}; expected a list of texts, none of them empty")
    if len(value) < 2:
        raise ValueError(f"'classes' is {shown!r}; expected two texts or more")
    if len(set(value)) < len(value):
        raise ValueError(f"'classes' is {shown!r}: two are the same")
    return tuple(value)


def _index(value: object, n_classes: int, counts: Counter[str]) -> int:
    if isinstance(value, str) and value.strip().isdecimal():
        counts["index"] += 1
        value = int(value)
    if type(value) is not int or not 0 <= value < n_classes:
        raise ValueError(f"'answer_index' is {value!r}; expected a whole number from 0 to {n_classes - 1}")
    return value


def _checked_spaces(row: Row, counts: Counter[str], fix: bool) -> Row:
    answers = row.classes or (row.completion,)
    bare = any(not text.startswith(" ") for text in answers)
    prompts = (row.prompt, row.other_prompt)
    trailing = any(text.endswith(" ") for text in prompts)
    if fix and bare:
        answers = tuple(text if text.startswith(" ") else f" {text}" for text in answers)
        row = replace(row, classes=answers) if row.classes else replace(row, completion=answers[0])
    if fix and trailing:
        row = replace(row, prompt=row.prompt.rstrip(" "), other_prompt=row.other_prompt.rstrip(" "))
    counts.update([name for name, found in (("class", bare and not fix), ("prompt", trailing and not fix)) if found])
    if has_prefix_classes(row.classes):
        counts["prefix"] += 1
    return row
