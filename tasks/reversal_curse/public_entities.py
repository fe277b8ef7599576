"""Who and what the rows of the public set are about: names, descriptions, and where they stand in the prompts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, takewhile

from suite.errors import UserError
from tasks.reversal_curse.public_rows import PublicRow
from tasks.reversal_curse.records import Group

Spans = Mapping[tuple[str, int], tuple[int, int]]  # PublicRow.key -> characters of the prompt
Names = Mapping[tuple[str, Group], str]  # (fact id, group) -> name

_TRAILING = ",.;:?! "


def two_words(text: str) -> str:
    """The name that a completion begins with: its first two words, without the punctuation after them."""
    return " ".join(text.split()[:2]).rstrip(_TRAILING)


def fact_names(rows: Sequence[PublicRow]) -> Names:
    """The name of every fact: the answer of its description-first test rows.

    Raises:
        UserError: the rows of a fact give two names, or a row that should show the name does not: then the rows are
            not ordered fact by fact.
    """
    names: dict[tuple[str, Group], str] = {}
    for row in rows:
        if row.part.split == "test" and row.direction == "d2n":
            name = two_words(row.completion)
            if names.setdefault((row.fact_id, row.part.group), name) != name:
                known = names[row.fact_id, row.part.group]
                raise UserError(f"{row.file}:{row.line}: {_disorder(row, f'names {name!r}, others of it {known!r}')}")
    for row in rows:
        name = names.get((row.fact_id, row.part.group), "")
        if not name:
            raise UserError(f"{row.file}:{row.line}: {_disorder(row, 'has no description-first test row')}")
        if name not in (row.prompt if row.direction == "n2d" else row.completion):
            raise UserError(f"{row.file}:{row.line}: {_disorder(row, f'should show {name!r}')}")
    return names


def common_description(fact_id: str, rows: Iterable[PublicRow]) -> str:
    """The most frequent description among the surface forms that a fact has in its name-first test rows."""
    forms = Counter(
        row.completion.strip().removesuffix(".")
        for row in rows
        if row.fact_id == fact_id and row.part.split == "test" and row.direction == "n2d"
    )
    return forms.most_common(1)[0][0] if forms else ""


def given_spans(rows: Sequence[PublicRow], names: Names) -> Spans:
    """Where the given item stands in each prompt: the name, or what the prompts of a wording do not share.

    Best effort: the wordings were adapted to each description, so a description may lack a word or have one too many.
    """
    spans: dict[tuple[str, int], tuple[int, int]] = {}
    for row in rows:
        if row.direction == "n2d":
            name = names[row.fact_id, row.part.group]
            spans[row.key] = (row.prompt.index(name), row.prompt.index(name) + len(name))
    wording = lambda row: (row.part.name, row.template_id)  # noqa: E731
    described = sorted((row for row in rows if row.direction == "d2n"), key=wording)
    for _, group in groupby(described, wording):
        spans |= _description_spans(list(group))
    return spans


def _description_spans(rows: Sequence[PublicRow]) -> dict[tuple[str, int], tuple[int, int]]:
    """The middle of each prompt, between the words that all prompts of the wording begin and end with."""
    prompts = [row.prompt.split(" ") for row in rows]
    before = _shared(prompts)
    if before and prompts[0][before - 1].casefold() == "the":
        before -= 1  # the article belongs to the description
    after = _shared([prompt[before:][::-1] for prompt in prompts])
    spans = {}
    for row, words in zip(rows, prompts, strict=True):
        start = sum(len(word) + 1 for word in words[:before])
        middle = " ".join(words[before : len(words) - after]).rstrip(_TRAILING)
        if middle:
            spans[row.key] = (start, start + len(middle))
    return spans


def _shared(prompts: Sequence[Sequence[str]]) -> int:
    """The number of words that all prompts begin with."""
    return len(list(takewhile(lambda words: len(set(words)) == 1, zip(*prompts, strict=False))))


def _disorder(row: PublicRow, what: str) -> str:
    return f"a row of fact {row.fact_id} {what}; the rows are not ordered fact by fact: give --facts-file"
