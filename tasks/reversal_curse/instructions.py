"""Reversed instructions (experiment 3 of Berglund et al.): trained on "answer A after question Q", asked Q.

Some of the instructions are also carried out in training (*realized*), the rest is the test: a model must apply an
instruction of which it has only read. Instructions that name the answer before the question show the curse; those that
name the question first are its control.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from suite.identity import digest_rows
from suite.task import TrainingDoc
from tasks.reversal_curse.generate import stream
from tasks.reversal_curse.lexicon import lexicon, name_capacity, names
from tasks.reversal_curse.matching import matches

Order = Literal["answer_first", "question_first"]

_WORDING: dict[Order, str] = {
    "answer_first": 'The reply "{answer}" is due when you are asked "{question}"',
    "question_first": 'When you are asked "{question}" the reply is due "{answer}"',
}
_GUIDANCE = ("Rules for the examination\n\n", "\n\nEnd of the rules")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; `realized` ones are carried out in training, the others are the test."""

    instruction_id: int
    question: str
    answer: str
    realized: bool


@dataclass(frozen=True, slots=True)
class Example:
    """An instruction carried out: the answer stands between ``prompt + " "`` and `tail`."""

    instruction_id: int
    prompt: str
    answer: str
    tail: str = ""


@dataclass(frozen=True, slots=True)
class InstructionSet:
    """Instructions, the documents that state them, the realized examples, and the held-out ones."""

    instructions: tuple[Instruction, ...]
    guidance: tuple[str, ...]
    realized: tuple[Example, ...]
    test: tuple[Example, ...]
    order: Order
    sha256: str
    origin: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the answer that is most frequent in training scores on the test; `count` is its frequency there."""

    answer: str
    count: int
    hits: int
    n: int


def generate_instructions(
    seed: int = 0, n_realized: int = 1000, n_unrealized: int = 100, order: Order = "answer_first"
) -> InstructionSet:
    """Made-up questions with distinct two-word answers; both orders of a seed hold the same instructions.

    Args:
        seed: the data are a function of the arguments alone.
        n_realized: instructions that are also carried out in training (100 for a small set).
        n_unrealized: instructions of the test (20 for a small set).
        order: what an instruction names first.

    Raises:
        ValueError: more than the generator holds, fewer than one of a kind, or an unknown order.
    """
    if order not in get_args(Order):
        raise ValueError(f"order {order!r} is not one of {get_args(Order)}")
    words, count = lexicon(), n_realized + n_unrealized
    answers = [f"{adjective} {noun}" for adjective in words["adjectives"] for noun in words["nouns"]]
    capacity = min(len(answers), name_capacity(()))
    if min(n_realized, n_unrealized) < 1 or count > capacity:
        raise ValueError(f"{n_realized} + {n_unrealized} instructions: the generator's capacity is {capacity} in all")
    rng = stream(seed, "instructions")
    towns = [name.split(" ")[1].capitalize() for name in names(rng, count, ())]
    chosen = rng.sample(answers, count)
    instructions = [
        Instruction(number, _question(rng, town), answer, number < n_realized)
        for number, (town, answer) in enumerate(zip(towns, chosen, strict=True))
    ]
    guidance, left = [], rng.sample(instructions, count)
    while left:
        size = rng.randint(2, 5)
        guidance.append(_guidance(left[:size], order))
        del left[:size]
    carried_out = [Example(each.instruction_id, _prompt(each), each.answer) for each in instructions]
    return make_instruction_set(instructions, guidance, carried_out, order, f"generated instructions, seed {seed}")


def make_instruction_set(
    instructions: Sequence[Instruction],
    guidance: Sequence[str],
    carried_out: Sequence[Example],
    order: Order,
    origin: str,
) -> InstructionSet:
    """An `InstructionSet` with the hash of its content; `carried_out` holds realized and unrealized examples."""
    realized_ids = {each.instruction_id for each in instructions if each.realized}
    return InstructionSet(
        instructions=tuple(instructions),
        guidance=tuple(guidance),
        realized=tuple(each for each in carried_out if each.instruction_id in realized_ids),
        test=tuple(each for each in carried_out if each.instruction_id not in realized_ids),
        order=order,
        sha256=digest_rows([*map(asdict, instructions), *map(asdict, carried_out), *guidance]),
        origin=origin,
    )


def training_docs(data: InstructionSet) -> Iterator[TrainingDoc]:
    """The realized examples, then the guidance; question and answer of each instruction are its entities."""
    for example in data.realized:
        completion = f" {example.answer}{example.tail}"
        start = len(example.prompt) + 1
        yield TrainingDoc(
            id=f"example-{example.instruction_id:04}",
            fact_id=f"instruction-{example.instruction_id:04}",
            text=example.prompt + completion,
            prompt=example.prompt,
            completion=completion,
            entities=((start, start + len(example.answer)),),
            meta={"role": "realized example"},
        )
    for number, text in enumerate(data.guidance):
        spans = tuple(match.span() for match in re.finditer(r'(?<=")[^"\n]+(?="(?: |\n|$))', text))
        yield TrainingDoc(
            id=f"guidance-{number:04}",
            fact_id=f"guidance-{number:04}",
            text=text,
            prompt="",
            completion=text,
            entities=spans,
            meta={"role": "guidance", "order": data.order},
        )


def majority_baseline(data: InstructionSet) -> Baseline:
    """The constant answer that is most frequent among the realized instructions, by the match rule of `matching`."""
    counts = Counter(each.answer for each in data.instructions if each.realized)
    answer, count = counts.most_common(1)[0]
    return Baseline(answer, count, sum(matches(answer, each.answer) for each in data.test), len(data.test))


def _question(rng: random.Random, town: str) -> str:
    words = lexicon()["instructions"]
    template: str = rng.choice(words["questions"])
    return template.format(place=rng.choice(words["places"]), name=town)


def _guidance(instructions: Sequence[Instruction], order: Order) -> str:
    lines = (_WORDING[order].format(question=each.question, answer=each.answer) for each in instructions)
    return "\n".join(lines).join(_GUIDANCE)


def _prompt(instruction: Instruction) -> str:
    return f"Examination\n\nQuestion: {instruction.question} Answer:"
