"""A data set as files: ``facts.jsonl``, ``train.jsonl``, ``test.jsonl``.

Lines are canonical JSON, so that the hash of the content can be had without this package:
``LC_ALL=C sort facts.jsonl train.jsonl test.jsonl | sha256sum``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from suite.errors import UserError
from suite.identity import digest_rows
from suite.jsonl import Row, read_jsonl, write_jsonl
from tasks.reversal_curse.overlap import check_overlap
from tasks.reversal_curse.records import Dataset, Direction, Fact, Group, Query, Seen, TrainRow

Record = TypeVar("Record", Fact, TrainRow, Query)


def write_dataset(dataset: Dataset, folder: Path) -> None:
    """Writes the three files of `dataset` into `folder`."""
    write_jsonl(folder / "facts.jsonl", map(_fact_json, dataset.facts))
    write_jsonl(folder / "train.jsonl", map(_train_json, dataset.train))
    write_jsonl(folder / "test.jsonl", map(_query_json, dataset.test))


def read_dataset(folder: Path, origin: str, allow_overlap: bool = False) -> Dataset:
    """The data set that `write_dataset` wrote, or one that a user made in its form.

    Raises:
        UserError: a file is missing, a line is not a record, an id is used twice, or the data are contaminated
            (`check_overlap`) and `allow_overlap` is not set.
    """
    facts = _read(folder / "facts.jsonl", ("fact_id", "kind", "group"), _fact, "fact_id")
    train = _read(
        folder / "train.jsonl", ("fact_id", "group", "direction", "template_id", "prompt", "text"), _train_row
    )
    test = _read(
        folder / "test.jsonl", ("item_id", "fact_id", "group", "direction", "prompt", "target"), _query, "item_id"
    )
    known = {fact.fact_id for fact in facts}
    for name, rows in (("train", train), ("test", test)):
        for row in rows:
            if row.fact_id not in known:
                raise UserError(f"{folder / f'{name}.jsonl'}: fact {row.fact_id!r} is not in facts.jsonl; add it there")
    overlaps = check_overlap(facts, train, test, allow_overlap)
    return make_dataset(facts, train, test, origin, {"overlaps": overlaps} if overlaps else {})


def make_dataset(
    facts: Sequence[Fact], train: Sequence[TrainRow], test: Sequence[Query], origin: str, meta: dict[str, str | int]
) -> Dataset:
    """A `Dataset` with the hash of its content."""
    rows = [*map(_fact_json, facts), *map(_train_json, train), *map(_query_json, test)]
    return Dataset(tuple(facts), tuple(train), tuple(test), digest_rows(rows), origin, meta)


def _read(
    path: Path, strings: Sequence[str], make: Callable[[Row], Record], unique: str | None = None
) -> tuple[Record, ...]:
    """The records of one file; `unique` names a key whose values must differ."""
    records, seen = [], set()
    for number, row in read_jsonl(path, strings):
        try:
            records.append(make(row))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path}:{number}: not such a record: {error}; see the README of the data set") from None
        if unique and row[unique] in seen:
            raise UserError(f"{path}:{number}: {unique} {row[unique]!r} occurs twice; make it unique")
        seen.add(row[unique] if unique else number)
    return tuple(records)


def _fact_json(fact: Fact) -> Row:
    return {"fact_id": fact.fact_id, "kind": fact.kind, "group": fact.group, **fact.fields}


def _fact(row: Row) -> Fact:
    fields = {key: value for key, value in row.items() if key not in ("fact_id", "kind", "group")}
    return Fact(row["fact_id"], row["kind"], _one_of(Group, row["group"]), fields)


def _train_json(row: TrainRow) -> Row:
    names = ("fact_id", "group", "direction", "template_id", "text", "prompt", "completion")
    return {name: getattr(row, name) for name in names} | {"entities": [list(span) for span in row.entities]}


def _train_row(row: Row) -> TrainRow:
    if row["text"] != row["prompt"] + row["completion"]:
        raise ValueError("text is not prompt + completion")
    entities = tuple((int(start), int(end)) for start, end in row.get("entities", ()))
    for start, end in entities:
        if not 0 <= start < end <= len(row["text"]):
            raise ValueError(f"span {start}..{end} is not in the text")
    group, direction = _one_of(Group, row["group"]), _one_of(Direction, row["direction"])
    return TrainRow(
        row["fact_id"], group, direction, row["template_id"], row["text"], row["prompt"], row["completion"], entities
    )


def _query_json(query: Query) -> Row:
    names = ("item_id", "fact_id", "group", "direction", "seen", "template_id", "form", "prompt", "target", "pool")
    out = {name: getattr(query, name) for name in names} | {"aliases": list(query.aliases)}
    return out | {name: text for name in ("neutral_prompt", "target_original") if (text := getattr(query, name))}


def _query(row: Row) -> Query:
    check_target(row["target"])
    return Query(
        item_id=row["item_id"],
        fact_id=row["fact_id"],
        group=_one_of(Group, row["group"]),
        direction=_one_of(Direction, row["direction"]),
        seen=_one_of(Seen, row["seen"]),
        template_id=row["template_id"],
        form=row["form"],
        prompt=row["prompt"],
        target=row["target"],
        pool=row["pool"],
        aliases=tuple(row["aliases"]),
        neutral_prompt=row.get("neutral_prompt", ""),
        target_original=row.get("target_original", ""),
    )


def check_target(target: str) -> None:
    """Raises ValueError for a target that nothing can match: empty, or punctuation only."""
    if not any(character.isalnum() for character in target):
        raise ValueError(f"the target {target!r} has neither letter nor digit")


def _one_of(choices: Any, value: Any) -> Any:
    if value not in get_args(choices):
        raise ValueError(f"{value!r} is not one of {', '.join(get_args(choices))}")
    return value
