"""Generated premises whose order carries no meaning: chains of quantities, and rules with distractors.

Every sentence stands on its own (no pronoun, no "then"), and segments stand in the order of the proof; distractor rules
are spread among them. Gold segments are the needed premises. `meta.wrong` has three wrong values for likelihoods.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tasks.position_bias.items import Item, Segment
from tasks.position_bias.prompts import ends
from tasks.position_bias.words import distinct, place, stream, thing, words

SHIPPED, STEPS = 200, 8
DISTRACTORS = (0, 5, 10)


def premise_items(seed: int = 0, n: int = SHIPPED) -> Iterator[Item]:
    """`n` items: chains and rules in turn, rules with 0, 5 and 10 distractors in turn."""
    for index in range(n):
        rng = stream("premise", seed, index)
        id = f"premise-{seed}-{index:04}"
        yield _chain(rng, id, seed) if index % 2 == 0 else _rules(rng, id, seed, DISTRACTORS[index // 2 % 3])


def _chain(rng: random.Random, id: str, seed: int) -> Item:
    """Eight statements; each box is compared with the one before."""
    goods, boxes = rng.choice(words()["goods"]), distinct(_box, rng, STEPS)
    amount = rng.randint(20, 60)
    sentences, amounts = [f"The {boxes[0]} holds {amount} {goods}."], [amount]
    for before, box in pairwise(boxes):
        change = rng.randint(2, 9)
        more = amount <= change + 1 or rng.random() < 0.5
        amount += change if more else -change
        sentences.append(f"The {box} holds {change} {'more' if more else 'fewer'} {goods} than the {before}.")
        amounts.append(amount)
    question = f"How many {goods} does the {boxes[-1]} hold?"
    return _item(id, "chain", seed, sentences, [True] * STEPS, question, amount, amounts[:-1], rng)


def _rules(rng: random.Random, id: str, seed: int, n_distractors: int) -> Item:
    """Eight rules that lead from a given reading to the asked one; distractors begin with readings that never occur."""
    meters = distinct(_meter, rng, STEPS + 1)
    values = rng.sample(range(10, 100), STEPS + 1)
    rules = [_rule(meters[i], values[i], meters[i + 1], values[i + 1]) for i in range(STEPS)]
    needed, wrong = [True] * STEPS, []
    unused = rng.sample([value for value in range(10, 100) if value not in values], 2 * n_distractors)
    for number in range(n_distractors):
        step = STEPS - 1 if number < 3 else rng.randrange(STEPS)  # some lead to wrong values of the asked meter
        shown, claimed = unused[2 * number : 2 * number + 2]
        slot = rng.randint(0, len(rules))
        rules.insert(slot, _rule(meters[step], shown, meters[step + 1], claimed))
        needed.insert(slot, False)
        if step == STEPS - 1:
            wrong.append(claimed)
    question = f"The {meters[0]} shows {values[0]}. Which number does the {meters[-1]} show?"
    return _item(id, f"rules_{n_distractors}", seed, rules, needed, question, values[-1], wrong + values[:-1], rng)


def _item(
    id: str,
    template: str,
    seed: int,
    sentences: Sequence[str],
    needed: Sequence[bool],
    question: str,
    answer: int,
    misleading: Sequence[int],
    rng: random.Random,
) -> Item:
    wrong = list(dict.fromkeys(value for value in misleading if value != answer))[:2]
    while len(wrong) < 3:
        near = answer + rng.choice((-10, -2, -1, 1, 2, 10))
        if near > 0 and near not in wrong:
            wrong.append(near)
    prefix, suffix = ends("premise", question)
    segments = tuple(Segment(text, is_gold=gold) for text, gold in zip(sentences, needed, strict=True))
    meta = {"source": "premise_synth", "question": question, "wrong": [str(value) for value in wrong]}
    return Item(id, "premise", template, seed, prefix, segments, suffix, (str(answer),), meta)


def _box(rng: random.Random) -> str:
    return f"{rng.choice(words()['adjectives'])} box"


def _meter(rng: random.Random) -> str:
    return f"{thing(rng)} {rng.choice(words()['meters'])} of {place(rng)}"


def _rule(first: str, shown: int, second: str, claimed: int) -> str:
    return f"If the {first} shows {shown}, the {second} shows {claimed}."
