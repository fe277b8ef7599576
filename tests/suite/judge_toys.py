"""A finished run with units, and judges made of functions, for the tests of judges."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from suite.judges.record import Label, Unit, Verdict
from suite.judges.sheet import read_sheet, write_sheet
from suite.models.scripted import ScriptedModel
from suite.progress import Silent
from suite.registry import load_task
from suite.runner import run

TASKS = Path(__file__).resolve().parent / "judge_tasks"
RIGHT_OR_WRONG = "The Hall of Arven was founded in {year}. It is headquartered in Pellmouth."


def text_of(request: Any, _: int) -> str:
    """Repeats the year of the statement, which is wrong in SL."""
    statement = request.prompt.splitlines()[1]
    return RIGHT_OR_WRONG.format(year=statement.rstrip(".").rpartition(" ")[2])


def finished_run(
    results: Path, n: int = 6, text: Callable[[Any, int], str] = text_of, name: str = "tale", **options: Any
) -> str:
    """The id of a complete run of the task `records`: two units a doc."""
    model = ScriptedModel(name, name, text=text)
    task = load_task("records", {"n": n, **options}, TASKS)
    return run(task, model, results=results, reporter=Silent()).run_id


class FunctionJudge:
    """Labels every unit as a function says; counts what it was asked."""

    reads_sentences = False

    def __init__(self, verdict: Callable[[Unit], Verdict | None], name: str = "function", version: str = "1") -> None:
        self.name, self.version, self._verdict = name, version, verdict
        self.asked: list[str] = []

    def label(self, responses: Iterable[Sequence[Unit]]) -> Iterator[Sequence[Label]]:
        for units in responses:
            self.asked.append(units[0].sample_id)
            verdicts = [self._verdict(unit) for unit in units]
            labels = [
                Label.of(
                    *(unit, self, verdict),
                    primary="TW" if verdict == "hallucinated" else "",
                    split="extrinsic" if verdict == "hallucinated" else None,
                )
                for unit, verdict in zip(units, verdicts, strict=True)
                if verdict is not None
            ]
            if len(labels) == len(units):
                yield labels


def true_verdict(unit: Unit) -> Verdict:
    """The truth about units of `RIGHT_OR_WRONG`."""
    is_wrong = "founded" in unit.text and str(unit.item["year"]) not in unit.text
    return "hallucinated" if is_wrong else "supported"


def fill(sheet: Path, decide: Any) -> Path:
    """Fills a sheet as people would; `decide` gives the changed cells of a row."""
    rows = [{**row, **decide(row)} for _, row in read_sheet(sheet)]
    write_sheet(sheet, rows)
    return sheet


def truth(row: dict[str, str]) -> dict[str, str]:
    """What a good annotator writes about units of `RIGHT_OR_WRONG`."""
    wrong = "founded" in row["unit_text"] and row["unit_text"].split()[-1] not in row["reference"]
    if wrong:
        return {"verdict": "hallucinated", "categories": "NN;TW", "split": "intrinsic", "degree": "mild", "note": "-x"}
    return {"verdict": "supported"}


def free_vectors(folder: Path) -> tuple[list[Unit], list[Label]]:
    """The hand-labelled sentences as units of one record, and the hand labels."""
    context = json.loads((folder / "slot_vectors.jsonl").read_text().splitlines()[0])
    items = {item["id"]: item for item in json.loads((folder / "world_sample.json").read_text())["items"]}
    rows: list[dict[str, Any]] = [json.loads(line) for line in (folder / "free_vectors.jsonl").open()]
    units, truth = [], []
    for number, row in enumerate(rows):
        shown = items[row["item"]]["statement"]
        item = {**items[row["item"]], "false_value": row["false_value"], "lines": [], "names": context["names"]}
        evidence = context["dossier"]
        units.append(Unit(f"v{number}", 1, row["sentence"], f"{evidence}\n{shown}", evidence, item))
        truth.append(
            Label(f"v{number}", 1, "hand", "1", row["verdict"], row["sentence"], primary=row["category"] or "")
        )
    return units, truth
