"""The words of the world: how definitions and sums are told, and how a problem is asked."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

from suite.task import Scalar, TrainingDoc
from tasks.forward_chaining.world import GENERATOR_VERSION, OPERATIONS, Definition, Problem, World, apply

Span = tuple[int, int]

_VALUE = re.compile(r"value\W{0,5}?(-?\d+)", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+")


def training_docs(world: World) -> Iterator[TrainingDoc]:
    """Every definition in the order or orders in which it is told, and every sum of two values."""
    for definition in world.definitions:
        directions = ("forward", "backward") if definition.told == "both" else (definition.told,)
        for direction in directions:
            yield _definition_doc(definition, direction)
    for operation in OPERATIONS:
        for left in range(world.modulus):
            for right in range(world.modulus):
                yield _sum_doc(operation, left, right, world.modulus)


def which(definition: Definition) -> str:
    """The question for the variable that a definition defines."""
    return f"{definition.expression} is"


def how_much(definition: Definition, left: int, right: int) -> str:
    """The question for a value."""
    return f"{left} {definition.operation} {right} is"


def in_context(world: World, problem: Problem, step: int, count: int | None, is_chat: bool) -> str:
    """The question for the value after `step` (from 0), behind definitions and given values.

    Args:
        count: definitions shown, the problem's own among them; None: all.
    """
    shown = shown_definitions(world, problem, count)
    lines = [_told(definition, "backward" if definition.told == "backward" else "forward") for definition in shown]
    given = ", ".join(f"{name} is {value}" for name, value in problem.given.items())
    question = f"What is the value of {problem.steps[step].name}?"
    end = 'End with a line that says "value: " and the number.' if is_chat else "value:"
    head = f"All sums are taken modulo {world.modulus}.\nDefinitions:"
    return "\n".join([head, *lines, f"Given: {given}.", question, end])


def shown_definitions(world: World, problem: Problem, count: int | None) -> list[Definition]:
    """The problem's definitions among others of the world, in an order that depends on the problem alone."""
    rng = random.Random(f"forward_chaining:{GENERATOR_VERSION}:context:{problem.problem_id}")  # noqa: S311
    others = [one for one in world.definitions if one.chain != problem.problem_id]
    wanted = len(others) if count is None else min(len(others), count - len(problem.steps))
    shown = [*problem.steps, *rng.sample(others, wanted)]
    rng.shuffle(shown)
    return shown


def read_value(text: str) -> int | None:
    """The number that an answer names: behind its last "value", else its only number; None if neither."""
    named = _VALUE.findall(text)
    if named:
        return int(named[-1])
    numbers = _NUMBER.findall(text)
    return int(numbers[0]) if len(set(numbers)) == 1 else None


def _told(definition: Definition, direction: str) -> str:
    if direction == "forward":
        return f"{definition.expression} is {definition.name}"
    return f"{definition.name} is {definition.expression}"


def _definition_doc(definition: Definition, direction: str) -> TrainingDoc:
    group = definition.told if definition.told == "both" else f"{definition.told}_only"
    other = {"forward": "backward", "backward": "forward"}[direction]
    text, spans = _sentence(definition, direction)
    mirror, mirror_spans = _sentence(definition, other) if definition.told != "both" else ("", ())
    chain: dict[str, Scalar] = {}
    if definition.chain:
        chain = {"chain": definition.chain, "step": definition.step, "chained": "forward"}
    return TrainingDoc(
        id=f"{definition.name}/{direction}",
        fact_id=definition.name,
        text=text,
        prompt=text[: spans[1][0] - 1],
        completion=text[spans[1][0] - 1 :],
        entities=spans,
        mirror=mirror,
        mirror_entities=mirror_spans,
        meta={"group": group, "direction": direction, **chain},
    )


def _sentence(definition: Definition, direction: str) -> tuple[str, tuple[Span, Span]]:
    """The text, and the spans of its two sides."""
    text = _told(definition, direction)
    left, _, right = text.partition(" is ")
    return text, ((0, len(left)), (len(text) - len(right), len(text)))


def _sum_doc(operation: str, left: int, right: int, modulus: int) -> TrainingDoc:
    prompt, answer = f"{left} {operation} {right} is", str(apply(operation, left, right, modulus))
    text = f"{prompt} {answer}"
    spans = ((0, len(prompt) - len(" is")), (len(prompt) + 1, len(text)))
    name = f"{left}-{operation}-{right}"
    meta = {"group": "sums", "direction": "forward"}
    return TrainingDoc(name, name, text, prompt, f" {answer}", spans, meta=meta)


def variables(problems: Sequence[Problem]) -> tuple[str, ...]:
    """What the steps of problems define: the candidates of a question for a variable."""
    return tuple(step.name for problem in problems for step in problem.steps)
