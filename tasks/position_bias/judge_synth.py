"""Generated pairs of answers, the better one right by construction, and identical pairs (spec 2.3).

Lengths of the two answers differ by at most a tenth. The better answer is content 0. Pairs of identical answers
measure pure bias; they have no gold and no part in accuracy.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

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
        question, better, worse = make(stream("judge", seed, index))
        yield pair_item(f"judge-{seed}-{index:04}", template, seed, question, better, worse, "judge_synth")
        number, after = divmod(index, EVERY)
        if after == EVERY - 1:
            _, make_same = makers[number % len(makers)]
            question, same, _ = make_same(stream("judge identical", seed, number))
            yield pair_item(f"judge-{seed}-same-{number:03}", IDENTICAL, seed, question, same, same, "judge_synth")


def pair_item(id: str, template: str, seed: int, question: str, better: str, worse: str, source: str) -> Item:
    """A pair of answers, the better one first; without gold for template `identical`."""
    has_gold = template != IDENTICAL
    segments = (Segment(better, VERDICTS[0], has_gold), Segment(worse, VERDICTS[1], False))
    prefix, suffix = ends("judge", question)
    gold = (better,) if has_gold else ()
    return Item(id, "judge", template, seed, prefix, segments, suffix, gold, {"source": source, "question": question})


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
