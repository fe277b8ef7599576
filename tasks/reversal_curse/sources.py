"""From the options of the task to its data: shipped, generated, or a folder of the user's; cut to size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, get_args

from suite.errors import UserError
from tasks.reversal_curse import binding
from tasks.reversal_curse.files import make_dataset, read_dataset
from tasks.reversal_curse.generate import Kind, capacity, generate
from tasks.reversal_curse.instructions import InstructionSet, generate_instructions
from tasks.reversal_curse.options import GENERATED, SHIPPED, ReversalCurseOptions
from tasks.reversal_curse.public import load_public
from tasks.reversal_curse.public_instructions import load_public_instructions
from tasks.reversal_curse.records import Dataset, Query, TrainRow
from tasks.reversal_curse.shipped import load_shipped
from tasks.reversal_curse.templates import templates

Row = TypeVar("Row", TrainRow, Query)

DEFAULT_FACTS = 30
FRESH_SEED_OFFSET = 1_000_000  # far from any seed that people choose, so that no model was trained on those facts


def load_facts(options: ReversalCurseOptions) -> Dataset:
    """The facts, training documents and queries of track nd.

    Raises:
        UserError: the data cannot be had with these options.
    """
    if options.data == SHIPPED:
        found = load_shipped()
    elif options.data == GENERATED:
        found = _generated(options)
    else:
        found = _from_folder(options)
    return _limited(found, options)


def load_fresh(options: ReversalCurseOptions, like: Dataset) -> Dataset:
    """Facts of a seed that is never trained on, as many as in `like` (control `fresh`)."""
    counts = Counter(fact.group for fact in like.facts)
    wordings = len({query.template_id for query in like.test if query.direction == "n2d"}) or 1
    kind: Kind = next((each for each in get_args(Kind) if each == like.facts[0].kind), "name")
    facts = min(counts.values()) if kind == "binding" else max(counts.values())
    bundled = len(templates(options.style, "n2d" if kind == "name" else kind, "test"))
    return generate(
        options.data_seed + FRESH_SEED_OFFSET,
        n_facts_per_group=min(facts, capacity(kind)),
        n_test_templates=min(wordings, bundled),
        kind=kind,
        style=options.style,
        name_words=options.name_words,
    )


def load_instructions(options: ReversalCurseOptions) -> InstructionSet:
    """The instructions of track ins; generated unless `data` is a folder.

    Raises:
        UserError: the data cannot be had with these options.
    """
    if options.data not in (SHIPPED, GENERATED):
        return load_public_instructions(_folder(options.data))
    try:
        return generate_instructions(options.data_seed, options.realized, options.unrealized, options.order)
    except ValueError as error:
        raise UserError(f"generated instructions: {error}") from None


def _generated(options: ReversalCurseOptions) -> Dataset:
    try:
        return generate(
            options.data_seed,
            n_facts_per_group=options.facts or (binding.DEFAULT_FACTS if options.kind == "binding" else DEFAULT_FACTS),
            n_train_templates=options.train_templates,
            n_test_templates=options.test_templates,
            kind=options.kind,
            style=options.style,
            name_words=options.name_words,
        )
    except ValueError as error:
        raise UserError(f"generated data: {error}") from None


def _from_folder(options: ReversalCurseOptions) -> Dataset:
    folder = _folder(options.data)
    if (folder / "facts.jsonl").is_file():
        return read_dataset(folder, origin="own set", allow_overlap=options.allow_overlap)
    return load_public(folder, options.facts_file, options.allow_overlap)


def _folder(path: str) -> Path:
    folder = Path(path)
    if not folder.is_dir():
        raise UserError(f"--data {path}: no such folder; give shipped, generated, or the folder of a data set")
    return folder


def _limited(data: Dataset, options: ReversalCurseOptions) -> Dataset:
    """The chosen groups, the first facts of each, and the first wordings of each direction."""
    most = None if options.kind == "binding" else options.facts  # its groups differ in size on purpose
    facts = [fact for group in options.groups for fact in [fact for fact in data.facts if fact.group == group][:most]]
    for group in options.groups:
        count = sum(fact.group == group for fact in facts)
        if count < (options.facts or 1):
            raise UserError(f"--facts {options.facts or 1}: group {group} of this data has {count}; ask for fewer")
    known = {fact.fact_id for fact in facts}
    train = _first_wordings(data.train, options.train_templates, "--train-templates")
    test = _first_wordings(data.test, options.test_templates, "--test-templates")
    kept = make_dataset(
        [fact for fact in data.facts if fact.fact_id in known],
        [row for row in train if row.fact_id in known],
        [query for query in test if query.fact_id in known],
        data.origin,
        dict(data.meta),
    )
    return data if kept.sha256 == data.sha256 else replace(kept, origin=f"part of the {data.origin}")


def _first_wordings(rows: Iterable[Row], limit: int | None, flag: str) -> list[Row]:
    rows = list(rows)
    if limit is None:
        return rows
    allowed: set[Hashable] = set()
    for direction in ("n2d", "d2n"):
        wordings = list(dict.fromkeys(row.template_id for row in rows if row.direction == direction))
        if len(wordings) < limit:
            raise UserError(f"{flag} {limit}: this data has {len(wordings)} of direction {direction}; ask for fewer")
        allowed.update((direction, wording) for wording in wordings[:limit])
    return [row for row in rows if (row.direction, row.template_id) in allowed]
