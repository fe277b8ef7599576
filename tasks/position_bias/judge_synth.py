"""Generated pairs of answers, the better one right by construction, and identical pairs.

Lengths of the two answers differ by at most a tenth. The better one comes first in the row, and so is called A where
names travel, in a drawn half of each kind. Pairs of identical answers measure pure bias; they have no gold and no part
in accuracy.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from suite.identity import digest
from tasks.position_bias.items import IDENTICAL, Item, Segment
from tasks.position_bias.prompts import VERDICTS, ends
from tasks.position_bias.words import distinct, person, stream, thing, words

SHIPPED, EVERY = 200, 10
Pair = tuple[str, str, str]  # request, better answer, worse answer


def judge_items(seed: int = 0, n: int = SHIPPED) -> Iterator[Item]:
    """`n` pairs, the four kinds in turn, with an identical pair after every ten."""
    makers = (("slip", _slip), ("count", _count), ("name", _name), ("code", _code))
    for index in range(n):
        template, make = makers[index % len(makers)]
        question, *answers = make(stream("judge", seed, index))
        gold = _place(seed, index, len(makers))
        id = f"judge-{seed}-{index:04}"
        yield pair_item(id, template, seed, question, answers[:: -1 if gold else 1], gold, "judge_synth")
        number, after = divmod(index, EVERY)
        if after == EVERY - 1:
            _, make_same = makers[number % len(makers)]
            question, same, _ = make_same(stream("judge identical", seed, number))
            yield pair_item(
                f"judge-{seed}-same-{number:03}", IDENTICAL, seed, question, [same] * 2, None, "judge_synth"
            )


def pair_item(
    id: str, template: str, seed: int, question: str, answers: Sequence[str], gold: int | None, source: str
) -> Item:
    """Two answers, named A and B in this order; `gold` is the number of the better one, None for identical ones."""
    segments = tuple(
        Segment(text, name, slot == gold) for slot, (text, name) in enumerate(zip(answers, VERDICTS, strict=True))
    )
    prefix, suffix = ends("judge", question)
    accepted = () if gold is None else (answers[gold],)
    return Item(
        id, "judge", template, seed, prefix, segments, suffix, accepted, {"source": source, "question": question}
    )


def in_drawn_order(id: str, better: str, worse: str) -> tuple[list[str], int]:
    """Two answers, and the number of the better one, drawn by the id: else one name would always be right."""
    return ([worse, better], 1) if int(digest(["label", id], 8), 16) % 2 else ([better, worse], 0)


def _place(seed: int, index: int, kinds: int) -> int:
    """0 or 1, each once in two pairs of a kind that follow each other."""
    turn, kind = divmod(index, kinds)
    rng = stream("judge place", seed, turn // 2)
    drawn = [rng.randrange(2) for _ in range(kinds)]
    return (drawn[kind] + turn) % 2


def _slip(rng: random.Random) -> Pair:
    numbers = rng.sample(range(12, 60), 3)
    right = sum(numbers)
    wrong = right + rng.choice((-10, -1, 1, 10))
    first = numbers[0] + numbers[1]
    worked = f"First {numbers[0]} + {numbers[1]} = {first}, and then {first} + {numbers[2]} = "
    question = f"What is the sum of {numbers[0]}, {numbers[1]} and {numbers[2]}? Show how you get it."
    return question, f"{worked}{right}. The sum is {right}.", f"{worked}{wrong}. The sum is {wrong}."


def _count(rng: random.Random) -> Pair:
    goods = rng.sample(words()["goods"], 4)
    times = rng.randint(3, 6)
    said = [goods[0]] * times + [word for word in goods[1:] for _ in range(rng.randint(1, 3))]
    rng.shuffle(said)
    wrong = times + rng.choice((-1, 1))
    answer = 'I went through the list from left to right. The word "{}" stands in it {} times.'
    question = f'How often does the word "{goods[0]}" stand in this list? {", ".join(said)}'
    return question, answer.format(goods[0], times), answer.format(goods[0], wrong)


def _name(rng: random.Random) -> Pair:
    seller, buyer = distinct(person, rng, 2)
    object_name = thing(rng)
    place = rng.randrange(1, len(buyer) - 1)
    while not buyer[place].islower():
        place = rng.randrange(1, len(buyer) - 1)
    letter = rng.choice([one for one in "abdeiklmnorstu" if one != buyer[place]])
    misspelt = buyer[:place] + letter + buyer[place + 1 :]
    question = f"{seller} sold a {object_name} to {buyer} last week. Who owns the {object_name} now?"
    answer = "The new owner of the {} is {}, who bought it last week."
    return question, answer.format(object_name, buyer), answer.format(object_name, misspelt)


def _code(rng: random.Random) -> Pair:
    name, factor = rng.choice(words()["goods"]), rng.randint(2, 97)
    question, body, right, wrong = rng.choice(
        (
            (
                f"adds up {factor} times each whole number from 1 to n, both included",
                "    return sum({factor} * i for i in {span})",
                "range(1, n + 1)",
                "range(1, n - 1)",
            ),
            (
                f"lists the first n multiples of {factor}, beginning with {factor} itself",
                "    return [{factor} * i for i in {span}]",
                "range(1, n + 1)",
                "range(0, n + 1)",
            ),
            (
                f"counts down from n to {factor}, both included",
                "    return list({span})  # downwards, ends at {factor}",
                f"range(n, {factor - 1}, -1)",
                f"range(n, {factor}, -1)",
            ),
        )
    )
    head = f"def {name}(n):\n    # whole numbers only; n is at least {factor}\n"
    texts = [head + body.format(factor=factor, span=span) for span in (right, wrong)]
    return f"Write a Python function {name}(n) that {question}.", texts[0], texts[1]
