"""Generated search results: one passage tells who made a thing, the others tell the same of other things.

Things, places and people are invented. The answer stands in the gold passage only, which a check holds the generator
to. The gold passage is content 0; distractors keep one order wherever it stands. Numbers that travel are drawn by the
id, for all documents: the right one has no favourite number, and none that is out of sequence with the others'.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from suite.identity import digest
from tasks.position_bias.items import Item, Segment
from tasks.position_bias.parsing import normalised
from tasks.position_bias.prompts import ends
from tasks.position_bias.words import distinct, person, place, stream, thing, words

SHIPPED, K = 100, 20
_VERBS = ("designed", "built", "carved", "restored", "paid for")


def docqa_items(seed: int = 0, n: int = SHIPPED, k: int = K) -> Iterator[Item]:
    """`n` questions, each with `k` passages of about 60 words."""
    for index in range(n):
        rng = stream("docqa", seed, index)
        verb = _VERBS[index % len(_VERBS)]
        people, places, things = distinct(person, rng, k), distinct(place, rng, k), distinct(thing, rng, k)
        titles = [f"The {one} of {where}" for one, where in zip(things, places, strict=True)]
        passages = [_passage(rng, title, who, verb) for title, who in zip(titles, people, strict=True)]
        question = f"Who {verb} the {things[0]} of {places[0]}?"
        assert not any(normalised(people[0]) in normalised(text) for text in (question, *titles, *passages[1:])), (
            f"seed {seed}, item {index}: the answer stands outside the gold passage"
        )
        id = f"docqa-{seed}-{index:04}"
        template = verb.replace(" ", "_")
        yield search_item(
            id, template, seed, question, list(zip(titles, passages, strict=True)), 0, [people[0]], "docqa_synth"
        )


def search_item(
    id: str,
    template: str,
    seed: int,
    question: str,
    documents: Sequence[tuple[str, str]],
    gold: int,
    answers: Sequence[str],
    source: str,
) -> Item:
    """A question over (title, text) documents, numbered in a drawn order; `gold` is the index of the right one."""
    places = range(len(documents))
    numbers = random.Random(digest(["label", id])).sample(places, len(documents))  # noqa: S311
    segments = tuple(
        Segment(f"(Title: {title}) {text}", str(numbers[place] + 1), place == gold)
        for place, (title, text) in zip(places, documents, strict=True)
    )
    prefix, suffix = ends("docqa", question)
    meta = {
        "source": source,
        "question": question,
        "answer_in_question": any(normalised(answer) in normalised(question) for answer in answers),
    }
    return Item(id, "docqa", template, seed, prefix, segments, suffix, tuple(answers), meta)


def _passage(rng: random.Random, title: str, who: str, verb: str) -> str:
    before, after, last = rng.sample(words()["history"], 3)
    year = rng.randint(1611, 1989)
    return f"{title} dates from {year}. {before} Records in the town hall say that {who} {verb} it. {after} {last}"
