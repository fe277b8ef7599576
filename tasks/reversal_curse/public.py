"""The public name/description set of Berglund et al. (arXiv 2309.12288) as records.

The set is not shipped: `load_public` reads a folder that the user has.
"""

from __future__ import annotations

from pathlib import Path

from suite.errors import UserError
from suite.identity import canonical_json
from tasks.reversal_curse.files import check_target, make_dataset
from tasks.reversal_curse.overlap import check_overlap
from tasks.reversal_curse.public_entities import Spans, common_description, fact_names, given_spans, two_words
from tasks.reversal_curse.public_rows import PARTS, PublicRow, read_places, read_rows
from tasks.reversal_curse.records import Dataset, Fact, Query, TrainRow

# The folder may be the data folder itself, the one above it, or the layout of the hub data set.
SUBFOLDERS = ("", "name_description", "name_description_dataset")


def load_public(folder: Path, facts_file: Path | None = None, allow_overlap: bool = False) -> Dataset:
    """The public set: 90 facts, 3600 training documents and 1800 held-out queries in the original files.

    Args:
        folder: holds ``p2d_prompts_train.jsonl`` and its seven siblings, or a folder ``name_description`` that does.
        facts_file: for other row counts than the original's: see `read_places`.
        allow_overlap: accept entities in two groups and training wordings among the held-out ones; the number of
            overlaps is recorded in ``meta["overlaps"]``.

    Raises:
        UserError: a file is missing or half-written, a row is not in the published form, the rows of a fact
            name two people, or the data are contaminated.
    """
    place = find_folder(folder)
    places = read_places(facts_file) if facts_file else None
    rows = [row for part in PARTS for row in read_rows(place, part, places)]
    names = fact_names(rows)
    spans = given_spans(rows, names)

    facts = [
        Fact(fact_id, "name", group, {"name": name, "description": common_description(fact_id, rows)})
        for (fact_id, group), name in names.items()
    ]
    train = [_train_row(row, names[row.fact_id, row.part.group], spans) for row in rows if row.part.split == "train"]
    test = [_query(row, spans) for row in rows if row.part.split == "test"]
    overlaps = check_overlap(facts, train, test, allow_overlap)
    meta: dict[str, str | int] = {"overlaps": overlaps} if overlaps else {}
    meta |= {f"{row.file.name}:{row.line}": canonical_json(row.extra) for row in rows if row.extra}
    return make_dataset(facts, train, test, "public name/description set", meta)


def load_randomized(folder: Path, facts_file: Path | None = None) -> dict[str, str]:
    """The control files ``*_reverse_prompts_test_randomized``: item id of the reverse query -> a random answer.

    Some answers are right by chance (13 and 4 of 300 in the original files), so rank against all candidates instead.

    Raises:
        UserError: a file is missing or has other prompts than the reverse file.
    """
    place = find_folder(folder)
    places = read_places(facts_file) if facts_file else None
    answers: dict[str, str] = {}
    for part in PARTS:
        if part.seen != "reverse":
            continue
        asked = list(read_rows(place, part, places))
        random_rows = list(read_rows(place, part, places, f"{part.name}_randomized"))
        if [row.prompt for row in asked] != [row.prompt for row in random_rows]:
            raise UserError(
                f"{place / part.name}_randomized.jsonl: other prompts than {part.name}.jsonl; use one release"
            )
        answers |= {row.item_id: row.completion.strip() for row in random_rows}
    return answers


def find_folder(folder: Path) -> Path:
    """Where the files lie, in or under `folder`.

    Raises:
        UserError: nowhere.
    """
    for sub in SUBFOLDERS:
        if (folder / sub / f"{PARTS[0].name}.jsonl").is_file():
            return folder / sub
    raise UserError(
        f"{folder}: no {PARTS[0].name}.jsonl here or in {SUBFOLDERS[1]}/; give the data folder of the public set"
    )


def _train_row(row: PublicRow, name: str, given: Spans) -> TrainRow:
    text = row.prompt + row.completion
    # of a description-first document the name alone, without what the wording says after it
    asked = name if row.direction == "d2n" else row.completion.strip().removesuffix(".")
    start = text.index(asked, len(row.prompt))
    spans = tuple(span for span in (given.get(row.key), (start, start + len(asked))) if span)
    return TrainRow(
        row.fact_id, row.part.group, row.direction, row.template_id, text, row.prompt, row.completion, spans
    )


def _query(row: PublicRow, given: Spans) -> Query:
    original = row.completion.strip()
    target = original.removesuffix(".")
    if row.part.group == "both" and row.direction == "d2n":
        # these targets carry the tail of the wording ("... has earned respect."), the others the bare name
        target = two_words(original)
    try:
        check_target(target)
    except ValueError as error:
        raise UserError(f"{row.file}:{row.line}: item {row.item_id}: {error}; give it an answer") from None
    return Query(
        item_id=row.item_id,
        fact_id=row.fact_id,
        group=row.part.group,
        direction=row.direction,
        seen=row.part.seen,
        template_id=row.template_id,
        form="",
        prompt=row.prompt.rstrip(),
        target=target,
        pool=row.part.group,
        neutral_prompt=_neutral_prompt(row, given),
        target_original=original,
    )


def _neutral_prompt(row: PublicRow, given: Spans) -> str:
    if row.key not in given:
        return ""
    start, end = given[row.key]
    stand_in = "someone" if row.direction == "n2d" else "something"
    return (row.prompt[:start] + (stand_in if start else stand_in.capitalize()) + row.prompt[end:]).rstrip()
