"""People as judges: units of runs go out as a sheet, labels come back from it.

The model and the orientation are hidden behind a key. What was drawn, and how, is kept in ``annotations/ID.json`` of
the results folder: corrected rates hold only for random samples, and the wording of the question is part of a label.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from suite.errors import UserError
from suite.identity import digest
from suite.judges.aggregate import Method, UnitOfRun, aggregate
from suite.judges.record import Degree, Label, Split, Unit, Verdict
from suite.judges.run import judged_metrics, open_run
from suite.judges.sheet import SheetRow, read_sheet, write_sheet
from suite.judges.taxonomy import CATEGORIES, ordered
from suite.store import Store
from suite.store.journal import write_json
from suite.task import Sample

JUDGE = "human"  # the aggregate; people are human/NAME
Wording = Literal["occurrence", "elaboration"]
WORDINGS: Mapping[str, str] = {
    "occurrence": "intrinsic if every wrong value stands in the reference or the statement, else extrinsic",
    "elaboration": "intrinsic for a right or brief answer with a distortion in it, "
    "extrinsic for a departure from the facts or a made-up story",
}


@dataclass(frozen=True)
class Design:
    """How units were drawn: simple random samples per model, without regard to any judge's verdict."""

    runs: tuple[str, ...]
    sample: int | None
    annotators: int
    overlap: float
    seed: int
    wording: Wording


@dataclass(frozen=True)
class Export:
    """A written sheet: `rows` are units times annotators."""

    sheet: Path
    manifest: Path
    units: int
    rows: int


@dataclass(frozen=True)
class Import:
    """What came back.

    Attributes:
        labels: per person; units: with an aggregated label.
        blank: rows without a verdict; skipped: bad rows that were left out; warnings: lines for people.
        trust: person -> MACE's probability that they know the label.
    """

    runs: tuple[str, ...]
    labels: Mapping[str, int]
    units: int
    blank: int
    skipped: int
    trust: Mapping[str, float]
    warnings: tuple[str, ...] = ()


def export_sheet(
    runs: Sequence[str],
    sheet: Path,
    *,
    results: Path = Path("results"),
    sample: int | None = None,
    annotators: int = 1,
    overlap: float = 0.0,
    seed: int = 0,
    wording: Wording = "occurrence",
    tasks_dir: Path | None = None,
) -> Export:
    """Writes the units of runs as a sheet for people, in an order that says nothing of models.

    Args:
        runs: ids, unique beginnings, or "latest".
        sheet: a file ending in .csv or .jsonl.
        sample: units drawn at random per model; None: all.
        annotators: people, called a1, a2, ...; units are dealt out among them.
        overlap: share of the units that all of them label.

    Raises:
        UserError: no such run, no units, or numbers out of range.
    """
    if annotators < 1 or not 0 <= overlap <= 1 or (sample is not None and sample < 1):
        raise UserError("expected at least one annotator, an overlap within 0 and 1, and a sample of at least 1")
    store = Store(Path(results))
    drawn: list[tuple[str, str, Unit, str]] = []  # key, run id, unit, response
    models: dict[str, list[tuple[str, str, Unit, str]]] = defaultdict(list)
    ids = []
    for name in runs:
        work = open_run(store, name, tasks_dir)
        ids.append(str(work.run["run_id"]))
        for one, units in work.responses():
            for unit in units:
                key = digest(["unit", seed, ids[-1], unit.sample_id, unit.number], 16)
                models[work.run["model"]].append((key, ids[-1], unit, _response_text(one)))
    for _, found in sorted(models.items()):
        drawn += sorted(found, key=lambda row: row[0])[:sample]
    if not drawn:
        raise UserError(f"runs {', '.join(runs)} have no units to label")
    drawn.sort(key=lambda row: digest([seed, row[0]]))
    design = Design(tuple(dict.fromkeys(ids)), sample, annotators, overlap, seed, wording)
    rows = list(_dealt(drawn, design))
    write_sheet(sheet, rows)
    keys = {key: [run_id, unit.sample_id, unit.number, unit.text] for key, run_id, unit, _ in drawn}
    manifest = store.results / "annotations" / f"{digest([asdict(design), sorted(keys)], 12)}.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    write_json(manifest, {"design": asdict(design), "units": keys})
    return Export(sheet, manifest, len(drawn), len(rows))


def import_sheet(
    sheet: Path,
    *,
    results: Path = Path("results"),
    method: Method = "majority",
    skip_bad: bool = False,
    say: Callable[[str], None] = lambda _: None,
    tasks_dir: Path | None = None,
) -> Import:
    """Stores people's labels of a sheet, each under ``human/NAME``, and their aggregate under ``human``.

    A person's earlier labels of other units stay. Where every unit of a run has a label, the task's metrics follow.

    Args:
        say: is told every bad row, with file and line.

    Raises:
        UserError: bad rows, without `skip_bad`: nothing is stored then.
    """
    store = Store(Path(results))
    keys, designs = read_manifests(store.results)
    rows = read_sheet(sheet)
    labels: dict[tuple[str, str], list[Label]] = defaultdict(list)  # (run id, judge)
    problems, warnings, seen = [], [], set()
    blank = 0
    for line, row in rows:
        if not row["verdict"].strip():
            blank += 1
            continue
        person = (row["unit_key"], row["annotator"])
        problem = "a second label of this unit by this person" if person in seen else _problem(row, keys)
        seen.add(person)
        if problem:
            problems.append(f"{sheet}:{line}: {problem}")
            continue
        if row["split"] and row["verdict"] != "hallucinated":
            warnings.append(f"{sheet}:{line}: split {row['split']!r} of a unit that is not hallucinated is dropped")
        run_id = keys[row["unit_key"]][0]
        label = _label(row, keys[row["unit_key"]], designs[row["unit_key"]])
        labels[run_id, label.judge].append(label)
    for problem in (*problems, *warnings):
        say(problem)
    if problems and not skip_bad:
        raise UserError(
            f"{len(problems)} of {len(rows)} rows are bad, and nothing is stored (--skip-bad leaves them out): "
            + "; ".join(problems)
        )
    for (run_id, judge), given in labels.items():
        new = {(label.sample_id, label.unit) for label in given}
        kept = [label for label in store.labels(run_id, judge) if (label.sample_id, label.unit) not in new]
        store.put_labels(run_id, judge, [*kept, *given])
    runs = tuple(sorted({run_id for run_id, _ in labels}))
    units, trust = aggregate_people(store, runs, method, tasks_dir)
    counts: dict[str, int] = defaultdict(int)
    for (_, judge), given in labels.items():
        counts[judge] += len(given)
    return Import(runs, dict(sorted(counts.items())), units, blank, len(problems), trust, tuple(warnings))


def aggregate_people(
    store: Store, runs: Sequence[str], method: Method, tasks_dir: Path | None = None
) -> tuple[int, Mapping[str, float]]:
    """Joins all people's labels of runs into the judge ``human``; returns the number of units, and MACE's trust."""
    votes: dict[UnitOfRun, list[Label]] = defaultdict(list)
    for run_id in runs:
        for label in store.labels(run_id):
            if label.judge.startswith(f"{JUDGE}/"):
                votes[run_id, label.sample_id, label.unit].append(label)
    if not votes:
        return 0, {}
    joined, trust = aggregate(votes, JUDGE, method)
    for run_id in runs:
        labels = [label for unit, label in joined.items() if unit[0] == run_id]
        work = open_run(store, run_id, tasks_dir)
        n_units = sum(len(units) for _, units in work.responses())
        is_whole = len(labels) == n_units
        store.put_labels(
            run_id, JUDGE, labels, judged_metrics(work.task, store, run_id, JUDGE, labels) if is_whole else ()
        )
    return len(joined), trust


def read_manifests(results: Path) -> tuple[dict[str, list[Any]], dict[str, Mapping[str, Any]]]:
    """(unit key -> [run id, sample id, unit, text], unit key -> design) of all exports of a results folder.

    Raises:
        UserError: a file is broken.
    """
    keys: dict[str, list[Any]] = {}
    designs: dict[str, Mapping[str, Any]] = {}
    for file in sorted((results / "annotations").glob("*.json")):
        try:
            value = json.loads(file.read_text(encoding="utf-8"))
            keys |= value["units"]
            designs |= dict.fromkeys(value["units"], value["design"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{file}: cannot be read ({error}); export the sheet again") from None
    return keys, designs


def _dealt(drawn: Sequence[tuple[str, str, Unit, str]], design: Design) -> Iterator[SheetRow]:
    """Rows in their final order: the first share of units for everybody, the rest dealt out in turn."""
    shared = round(design.overlap * len(drawn))
    people = [f"a{number}" for number in range(1, design.annotators + 1)]
    for place, (key, _, unit, response) in enumerate(drawn):
        for person in people if place < shared else [people[place % len(people)]]:
            yield {
                "unit_key": key,
                "orientation_hidden": "yes",
                "reference": unit.evidence,
                "statement": str(unit.item.get("statement") or unit.context),
                "response": response,
                "unit_text": unit.text,
                "annotator": person,
                **dict.fromkeys(("verdict", "categories", "split", "degree", "note"), ""),
            }


def _response_text(sample: Sample) -> str:
    return "\n".join(text.text for response in sample.responses for text in response.texts)


def _problem(row: Mapping[str, str], keys: Mapping[str, Any]) -> str:
    """What is wrong with a row; "" if nothing is."""
    if row["unit_key"] not in keys:
        return f"unit_key {row['unit_key'][:40]!r} is of no export of this results folder"
    if not row["annotator"].strip() or "/" in row["annotator"]:
        return f"annotator {row['annotator'][:40]!r}; expected a name without a slash"
    if row["verdict"] not in get_args(Verdict):
        return f"verdict {row['verdict'][:40]!r}; expected one of {', '.join(get_args(Verdict))}"
    for name in filter(None, row["categories"].split(";")):
        if name.strip() not in CATEGORIES:
            return f"category {name[:40]!r}; expected {', '.join(CATEGORIES)}, separated by ;"
    if row["split"] and row["split"] not in get_args(Split):
        return f"split {row['split'][:40]!r}; expected {' or '.join(get_args(Split))}"
    if row["degree"] and row["degree"] not in get_args(Degree):
        return f"degree {row['degree'][:40]!r}; expected one of {', '.join(get_args(Degree))}"
    if row["verdict"] == "hallucinated" and not row["split"]:
        return "hallucinated without a split"
    return ""


def _label(row: Mapping[str, Any], unit: Sequence[Any], design: Mapping[str, Any]) -> Label:
    _, sample_id, number, text = unit
    flags = (f"wording:{design['wording']}",)
    judge = f"{JUDGE}/{row['annotator'].strip()}"
    if row["verdict"] != "hallucinated":
        return Label(sample_id, number, judge, "1", row["verdict"], text, flags=flags, raw=row["note"])
    categories = ordered(name.strip() for name in row["categories"].split(";"))
    return Label(
        *(sample_id, number, judge, "1", "hallucinated", text),
        primary=categories[0] if categories else "",
        categories=categories,
        split=row["split"],
        degree=row["degree"] or None,
        degree_source="judge" if row["degree"] else "",
        flags=flags,
        raw=row["note"],
    )
