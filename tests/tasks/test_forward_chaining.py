"""Forward chaining: worlds, questions, what counts as a step solved, and the whole way from training to figures."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import UserError
from suite.registry import load_task
from suite.task import ContinuationScore, Doc, Draft, Generate, Loglikelihood, ModelInfo, Response, Sample, Text
from tasks.forward_chaining.metrics import chain_metrics
from tasks.forward_chaining.questions import in_context, read_value, shown_definitions, training_docs
from tasks.forward_chaining.scoring import leading
from tasks.forward_chaining.world import apply, generate

LOCAL = ModelInfo("hf/x", "hf", "f", frozenset({"generate", "loglikelihood"}))
WORDS = ModelInfo("hf/x", "hf", "f", frozenset({"generate", "loglikelihood"}), training={"word_level": True})
CHAT = ModelInfo("openai/x", "openai", "f", frozenset({"generate", "chat"}))


@given(st.integers(0, 5), st.integers(1, 4), st.integers(1, 4), st.integers(1, 40), st.integers(2, 20))
@settings(max_examples=20, deadline=None)
def test_a_world_is_as_asked_for(seed: int, problems: int, depth: int, branching: int, modulus: int) -> None:
    world = generate(seed, problems, depth, branching, modulus)
    assert world == generate(seed, problems, depth, branching, modulus)
    assert len(world.definitions) == 2 * problems * depth * branching
    assert len({one.name for one in world.definitions}) == len(world.definitions)
    assert len({one.expression for one in world.definitions}) == len(world.definitions)  # "x plus y" is one thing
    assert set(Counter(one.left for one in world.definitions).values()) == {branching}
    for problem in world.problems:
        assert [step.left for step in problem.steps[1:]] == [step.name for step in problem.steps[:-1]]
        assert {step.told for step in problem.steps} == {problem.told}
        value = problem.given[problem.steps[0].left]
        for step, expected in zip(problem.steps, problem.values, strict=True):
            value = apply(step.operation, value, problem.given[step.right], modulus)
            assert value == expected
    assert Counter(problem.told for problem in world.problems) == {"forward": problems, "backward": problems}


def test_definitions_are_told_in_their_order_and_those_off_the_chains_in_both() -> None:
    world = generate(0, problems=2, depth=2, branching=3, modulus=5)
    docs = list(training_docs(world))
    texts = {doc.text for doc in docs}
    for one in world.definitions:
        forward, backward = f"{one.expression} is {one.name}", f"{one.name} is {one.expression}"
        told = {"forward": (True, False), "backward": (False, True), "both": (True, True)}[one.told]
        assert (forward in texts, backward in texts) == told
    sums = [doc for doc in docs if doc.meta["group"] == "sums"]
    assert len(sums) == 3 * 5 * 5
    assert {doc.text for doc in sums} >= {"3 plus 4 is 2", "1 minus 3 is 3", "2 times 4 is 3"}
    for doc in docs:
        assert doc.text == doc.prompt + doc.completion
        left, right = (doc.text[start:end] for start, end in doc.entities)
        assert doc.text == f"{left} is {right}"
        assert bool(doc.mirror) == (doc.meta["group"] in ("forward_only", "backward_only"))
        if doc.mirror:
            assert doc.mirror == f"{right} is {left}"
            assert [doc.mirror[start:end] for start, end in doc.mirror_entities] == [right, left]
    assert Counter(doc.meta["step"] for doc in docs if "chain" in doc.meta) == {0: 4, 1: 4}


def test_the_prompt_holds_the_problem_s_definitions_among_others_in_the_order_they_were_told() -> None:
    world = generate(0, problems=2, depth=2, branching=3, modulus=5)
    for problem in world.problems:
        shown = shown_definitions(world, problem, 6)
        assert len(shown) == 6 and set(problem.steps) <= set(shown)
        assert len(shown_definitions(world, problem, None)) == len(world.definitions)
        text = in_context(world, problem, 1, 6, is_chat=False)
        step = problem.steps[0]
        forward = f"\n{step.expression} is {step.name}\n" in text
        assert forward == (problem.told == "forward")
        assert text.endswith(f"What is the value of {problem.steps[1].name}?\nvalue:")
        assert all(f"{name} is {value}" in text for name, value in problem.given.items())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("value: 3", 3),
        ("The first value: 2. So\n**Value:** 5", 5),
        ("4.", 4),
        ("x is 3 and y is 4", None),
        ("none", None),
        ("Value is unclear, 6 perhaps", 6),
    ],
)
def test_the_number_that_an_answer_names(text: str, value: int | None) -> None:
    assert read_value(text) == value


@pytest.mark.parametrize(("solved", "count"), [("", 0), ("0111", 0), ("1101", 2), ("111", 3)])
def test_steps_count_from_the_start(solved: str, count: int) -> None:
    assert leading(mark == "1" for mark in solved) == count


def _asked(model: ModelInfo, mode: Any = "generate", **options: Any) -> tuple[Any, Doc, list[Draft]]:
    task = load_task("forward_chaining", {"problems": 1, "depth": 3, "branching": 2, "modulus": 5, **options})
    doc = next(iter(task.docs()))
    return task, doc, list(task.requests(doc, model, frozenset({mode})))


def _texts(draft: Draft, answers: list[str]) -> list[Response]:
    return [Response(each.id, texts=(Text(answer),)) for each, answer in zip(draft.requests, answers, strict=True)]


def _right(doc: Doc) -> list[str]:
    return [text for step in doc.data["steps"] for text in (step["name"], step["value"])]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ((), {"steps_solved": 1.0, "solved": 1.0, "retrieved": 1.0, "computed": 1.0}),
        ((2,), {"steps_solved": 1 / 3, "solved": 0.0, "retrieved": 2 / 3, "computed": 1.0}),
        ((5,), {"steps_solved": 2 / 3, "solved": 0.0, "retrieved": 1.0, "computed": 2 / 3}),
        ((0, 1, 2, 3, 4, 5), {"steps_solved": 0.0, "solved": 0.0, "retrieved": 0.0, "computed": 0.0}),
    ],
)
def test_a_step_is_solved_by_finding_the_variable_and_its_value(wrong: Any, expected: dict[str, float]) -> None:
    task, doc, (draft, _) = _asked(LOCAL)
    answers = ["" if number in wrong else f" {answer} ." for number, answer in enumerate(_right(doc))]
    scores = task.score(doc, draft, _texts(draft, answers))
    assert scores.values == pytest.approx(expected)
    assert scores.outcome == ("correct" if not wrong else "wrong")


def test_likelihoods_choose_among_the_variables_of_all_chains_and_ties_choose_none() -> None:
    task, doc, (draft, _) = _asked(LOCAL, "loglikelihood", problems=2)
    assert all(isinstance(request, Loglikelihood) for request in draft.requests)
    assert len(draft.requests[0].continuations) == 2 * 3
    responses = []
    for request, answer in zip(draft.requests, _right(doc), strict=True):
        scores = [ContinuationScore(-1.0 if text == f" {answer}" else -2.0, 1, True) for text in request.continuations]
        responses.append(Response(request.id, scores=tuple(scores)))
    assert task.score(doc, draft, responses).values["solved"] == 1.0
    tied = Response(draft.requests[0].id, scores=(ContinuationScore(-1.0, 1, True),) * 6)
    assert task.score(doc, draft, [tied, *responses[1:]]).values["steps_solved"] == 0.0


def test_what_is_asked_of_which_model() -> None:
    arms = {
        model.provider + str(bool(model.training)): [d.condition["arm"] for d in _asked(model)[2]]
        for model in (LOCAL, WORDS, CHAT)
    }
    assert arms == {"hfFalse": ["parametric", "context"], "hfTrue": ["parametric"], "openaiFalse": ["context"]}
    task, doc, (draft,) = _asked(CHAT)
    assert len(draft.requests) == 3
    assert all(isinstance(request, Generate) and request.prompt[0][0] == "user" for request in draft.requests)
    said = [f"Step by step: 1 and 4.\nvalue: {step['value']}" for step in doc.data["steps"]]
    assert task.score(doc, draft, _texts(draft, said)).values == {"steps_solved": 1.0, "solved": 1.0, "computed": 1.0}


@pytest.mark.parametrize(
    ("options", "model", "message"),
    [
        ({"arms": "context"}, WORDS, "nothing to ask hf/x in arm context"),
        ({"arms": "parametric"}, CHAT, "nothing to ask openai/x in arm parametric"),
    ],
)
def test_where_nothing_would_be_asked(options: dict[str, Any], model: ModelInfo, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_task("forward_chaining", options).check(model, frozenset({"generate"}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"problems": 0}, "option problems"),
        ({"modulus": 1}, "option modulus"),
        ({"branching": 41}, "option branching"),
        ({"arms": "guess"}, "option arms"),
        ({"depth": 5, "context_definitions": 4}, "context_definitions 4 are fewer than the 5 steps"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_task("forward_chaining", options)


def test_a_world_too_large_says_how_many_names_there_are() -> None:
    with pytest.raises(UserError, match=r"forward chaining: 192\d+ variables: the generator has 122500"):
        list(load_task("forward_chaining", {"problems": 200, "depth": 12, "branching": 40}).docs())


def test_metrics_keep_the_orders_apart_and_count_problems_without_an_answer() -> None:
    def sample(number: int, seen: str, solved: float, error: str | None = None) -> Sample:
        scores = (
            {} if error else {"steps_solved": solved, "solved": float(solved == 1), "retrieved": 1.0, "computed": 1.0}
        )
        condition = {"arm": "parametric", "group": "g", "seen": seen, "depth": 2}
        return Sample(f"s{number}", f"d{number}", "generate", condition, f"d{number}", scores, "wrong", error=error)

    found = chain_metrics(
        [sample(1, "same", 1.0), sample(2, "same", 0.5), sample(3, "reverse", 0.5), sample(4, "reverse", 0, "nan")]
    )
    values = {(metric.name, metric.condition["seen"]): metric for metric in found}
    assert values["steps_solved", "same"].value == 0.75
    assert values["steps_solved", "reverse"].value == 0.25
    assert values["solved", "same"].value == 0.5
    assert values["steps_solved", "reverse"].note == "1 of 2 problems had no answer"
    assert values["retrieved", "reverse"].value == 0.5
