"""What a problem asks of a model, arm by arm.

Steps are asked one by one, with what the right answers so far give. A greedy model that got every step so far right
would have asked itself the same, so the steps that it solves from the start on are those of chaining by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from suite.task import Doc, Draft, Generate, Loglikelihood, Mode, ModelInfo, Prompt, Request, Scalar
from tasks.forward_chaining.options import Arm
from tasks.forward_chaining.questions import how_much, in_context, variables, which
from tasks.forward_chaining.world import Problem, World

MODES: tuple[Mode, ...] = ("generate", "loglikelihood")
_ROOM_FOR_A_NAME = 12  # tokens
_ROOM_FOR_A_NUMBER = 6
_ROOM_FOR_REASONS = 2048


def problem_doc(world: World, problem: Problem, context_definitions: int | None) -> Doc:
    """A problem as JSON: the questions of each step with their answers."""
    before = [problem.given[problem.steps[0].left], *problem.values[:-1]]
    steps = [
        {
            "which": which(step),
            "name": step.name,
            "how_much": how_much(step, left, problem.given[step.right]),
            "value": str(value),
            "context": in_context(world, problem, number, context_definitions, is_chat=False),
            "chat": in_context(world, problem, number, context_definitions, is_chat=True),
        }
        for number, (step, left, value) in enumerate(zip(problem.steps, before, problem.values, strict=True))
    ]
    data = {
        "told": problem.told,
        "steps": steps,
        "names": list(variables([other for other in world.problems if other.told == problem.told])),
        "values": [str(value) for value in range(world.modulus)],
    }
    return Doc(problem.problem_id, data, problem.problem_id)


def arms_for(model: ModelInfo, arms: Sequence[Arm]) -> list[Arm]:
    """Of `arms`, those that mean something to the model.

    A model of whole words has no room for definitions in the prompt; a chat model without likelihoods is not one that
    was trained on them.
    """
    is_word_level = bool(model.training and model.training.get("word_level"))
    is_chat_only = "chat" in model.capabilities and "loglikelihood" not in model.capabilities
    out = {"context": is_word_level, "parametric": is_chat_only}
    return [arm for arm in arms if not out[arm]]


def drafts(doc: Doc, model: ModelInfo, arms: Sequence[Arm], modes: Collection[Mode]) -> list[Draft]:
    """One draft an arm and mode; its requests are those of step 1, then of step 2, ..."""
    told = doc.data["told"]
    is_chat = "chat" in model.capabilities
    modes_asked: list[Mode] = [mode for mode in MODES if mode in modes]
    found = []
    for arm in arms:
        condition: dict[str, Scalar] = {
            "arm": arm,
            "group": f"{told}_only",
            "seen": "same" if told == "forward" else "reverse",
            "depth": len(doc.data["steps"]),
        }
        for mode in modes_asked:
            requests = tuple(_requests(doc.data, arm, mode == "generate", is_chat))
            found.append(Draft(doc.id, mode, condition, requests, doc.cluster, doc.data["steps"][-1]["value"]))
    return found


def _requests(data: Mapping[str, Any], arm: Arm, writes: bool, is_chat: bool) -> Iterator[Request]:
    for step in data["steps"]:
        if arm == "context":
            if writes and is_chat:
                prompt: Prompt = (("user", step["chat"]),)
                yield Generate(prompt, max_tokens=_ROOM_FOR_REASONS)
            else:
                yield from _question(step["context"], data["values"], _ROOM_FOR_A_NUMBER, writes)
            continue
        yield from _question(step["which"], data["names"], _ROOM_FOR_A_NAME, writes)
        yield from _question(step["how_much"], data["values"], _ROOM_FOR_A_NUMBER, writes)


def _question(prompt: str, candidates: Sequence[str], room: int, writes: bool) -> Iterator[Request]:
    if writes:
        yield Generate(prompt, stop=("\n",), max_tokens=room)
    else:
        yield Loglikelihood(prompt, tuple(f" {candidate}" for candidate in candidates))
