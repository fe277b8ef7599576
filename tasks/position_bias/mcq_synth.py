"""Generated multiple choice with four options, of which none leans on another.

Gold letters are balanced in every four items; options differ by at most two characters in length.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tasks.position_bias.items import Item, Segment
from tasks.position_bias.prompts import ends
from tasks.position_bias.words import distinct, person, stream, words

SHIPPED = 200
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
Choice = tuple[str, str, Sequence[str]]  # question, right option, wrong options


def mcq_items(seed: int = 0, n: int = SHIPPED) -> Iterator[Item]:
    """`n` items: arithmetic, lookup in a given list, and the odd one out, in turn."""
    makers = (("arithmetic", _arithmetic), ("lookup", _lookup), ("odd_one_out", _odd_one_out))
    for index in range(n):
        rng = stream("mcq", seed, index)
        template, make = makers[index % len(makers)]
        question, gold, wrong = make(rng)
        slots = stream("mcq gold", seed, index // 4).sample(range(4), 4)
        options = rng.sample(wrong, len(wrong))
        options.insert(slots[index % 4], gold)
        yield choice_item(f"mcq-{seed}-{index:04}", template, seed, question, options, slots[index % 4], "mcq_synth")


def choice_item(
    id: str, template: str, seed: int, question: str, options: Sequence[str], gold: int, source: str
) -> Item:
    """A multiple choice item; options get the letters A, B, ... in this order."""
    segments = tuple(
        Segment(text, LETTERS[slot] if slot < len(LETTERS) else None, slot == gold) for slot, text in enumerate(options)
    )
    prefix, suffix = ends("mcq", question)
    accepted = (options[gold],) if 0 <= gold < len(options) else ()
    return Item(id, "mcq", template, seed, prefix, segments, suffix, accepted, {"source": source, "question": question})


def _arithmetic(rng: random.Random) -> Choice:
    """Wrong options: off by one, off by ten, and the right one's digits swapped."""
    while True:
        first, second, sign = rng.randint(11, 88), rng.randint(11, 88), rng.choice("+-")
        right = first + second if sign == "+" else first - second
        tens, units = divmod(right, 10)
        if not 1 <= tens <= 9 or not units or tens == units:
            continue
        wrong = {right + rng.choice((-1, 1)), right + rng.choice((-10, 10)), 10 * units + tens}
        if len(wrong) == 3 and all(10 <= number <= 99 for number in wrong):
            return f"What is {first} {sign} {second}?", str(right), [str(number) for number in sorted(wrong)]


def _lookup(rng: random.Random) -> Choice:
    people = distinct(person, rng, 4)
    noun = rng.choice(words()["nouns"])
    length = rng.choice((4, 5))
    kinds = rng.sample([word for word in words()["adjectives"] if length <= len(word) <= length + 2], 4)
    table = "; ".join(f"{name}: {kind} {noun}" for name, kind in zip(people, kinds, strict=True))
    asked = rng.randrange(4)
    question = f"A list says who owns which {noun}. {table}. Which {noun} does {people[asked]} own?"
    options = [f"{kind} {noun}" for kind in kinds]
    return question, options[asked], [text for text in options if text != options[asked]]


def _odd_one_out(rng: random.Random) -> Choice:
    if rng.random() < 0.5:
        divisor = rng.randint(3, 9)
        fitting = rng.sample(range(-(-10 // divisor) * divisor, 100, divisor), 3)
        odd = rng.choice([number for number in range(10, 100) if number % divisor])
        return f"Which of the numbers is not a multiple of {divisor}?", str(odd), [str(number) for number in fitting]
    pool = [word for word in words()["goods"] if 5 <= len(word) <= 7]
    letter = rng.choice([one for one in "bcps" if sum(word[0] == one for word in pool) >= 3])
    fitting_words = rng.sample([word for word in pool if word[0] == letter], 3)
    odd_word = rng.choice([word for word in pool if word[0] != letter])
    return f"Which of the words does not begin with the letter {letter}?", odd_word, fitting_words
