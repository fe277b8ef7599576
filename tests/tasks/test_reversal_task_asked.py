"""What is asked of which model, and how its answers are read."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from reversal_setup import CHAT, LOCAL, SMALL, WORDS, drafts, executed, task, values

from suite.models.scripted import ScriptedModel, load
from suite.task import Generate, Loglikelihood, Response, Text
from tasks.reversal_curse.nd_prompts import lettered, read_letter


def test_all_candidates_of_an_item_are_one_request_in_one_order() -> None:
    made = task(**SMALL, controls="none")
    orders = set()
    for doc, draft in drafts(made, LOCAL, ["loglikelihood"]):
        asked = draft.requests[0]
        assert isinstance(asked, Loglikelihood)
        assert len(asked.continuations) == 6
        assert asked.continuations[doc.data["gold"]] == f" {doc.data['target']}"
        assert not asked.context.endswith(" ")  # type: ignore[union-attr]
        orders.add((doc.data["group"], doc.data["direction"], doc.data["template"], asked.continuations))
    assert len(orders) == 3 * 2 * 2


def test_the_neutral_prompt_is_asked_once_a_wording() -> None:
    made = task(**SMALL, controls="none")
    neutral = {draft.requests[1].id for _, draft in drafts(made, LOCAL, ["loglikelihood"])}
    assert len(neutral) == 3 * 2 * 2  # each wording with the candidates of each group


def test_a_local_model_is_asked_every_control() -> None:
    made = task(**SMALL)
    asked = Counter((draft.condition["control"], draft.mode) for _, draft in drafts(made, LOCAL))
    per_cell = 6 * 2
    assert asked == {
        ("none", "generate"): 6 * per_cell,
        ("none", "loglikelihood"): 6 * per_cell,
        ("ctx", "generate"): 2 * per_cell,
        ("ctx", "loglikelihood"): 2 * per_cell,
        ("ctx_k", "generate"): 2 * per_cell,
        ("ctx_k", "loglikelihood"): 2 * per_cell,
        ("fresh", "generate"): 4 * per_cell,
        ("fresh", "loglikelihood"): 4 * per_cell,
        ("mc_letter", "loglikelihood"): 6 * per_cell,
    }


def test_context_is_a_trained_sentence_of_the_fact_and_then_the_query() -> None:
    made = task(**SMALL, controls="ctx,ctx_k", ctx_k=4)
    trained: dict[str, set[str]] = {}
    for row in made.training_docs():
        trained.setdefault(row.fact_id, set()).add(row.text)
    positions = Counter[Any]()
    for doc, draft in drafts(made, LOCAL, ["generate"]):
        request = draft.requests[0]
        assert isinstance(request, Generate) and isinstance(request.prompt, str)
        *sentences, query = request.prompt.split("\n")
        assert query == doc.data["prompt"]
        if draft.condition["control"] == "none":
            assert sentences == []
            continue
        own = [sentence in trained[doc.cluster] for sentence in sentences]
        assert doc.data["seen"] == "reverse" and own.count(True) == 1
        if draft.condition["control"] == "ctx_k":
            assert (len(sentences), own.index(True)) == (4, draft.condition["position"])
            positions[draft.condition["position"]] += 1
    assert set(positions) == {0, 1, 2, 3}


def test_the_context_states_the_fact_in_the_words_of_the_query() -> None:
    made = task(controls="ctx")
    trained = {row.text: row for row in made.training_docs()}
    shown = [doc.data for doc in made.docs() if doc.data["contexts"]]
    assert len(shown) == 600
    for data in shown:
        row, query = trained[data["contexts"]["one"]], f"{data['prompt']} {data['target']}".casefold()
        assert all(row.text[start:end].casefold() in query for start, end in row.entities)


def test_fresh_facts_are_never_those_of_training() -> None:
    made = task(**SMALL)
    names = {doc.data["target"] for doc in made.docs() if not doc.data["fresh"]}
    fresh = {doc.data["target"] for doc in made.docs() if doc.data["fresh"]}
    assert fresh and not names & fresh


def test_shuffled_gold_is_never_the_right_one() -> None:
    for doc in task(**SMALL).docs():
        assert doc.data["shuffled"] != doc.data["gold"]
        assert doc.data["random"] != doc.data["gold"]


def test_a_word_level_model_is_asked_the_bare_queries_alone_and_its_rows_say_so(tmp_path: Path) -> None:
    made = task(**SMALL)
    assert {draft.condition["control"] for _, draft in drafts(made, WORDS)} == {"none"}
    model = load("constant", text="nobody")
    model.info = replace(model.info, training={"scratch": True})
    result = executed(made, model, tmp_path)
    rows = [one for one in result.metrics if one.condition.get("control") in ("ctx", "ctx_k", "fresh")]
    assert {one.note for one in rows} == {"not applicable to this model"}
    assert {one.value for one in rows} == {None}
    assert len(rows) == (2 + 2 + 4) * 2


def test_a_chat_model_is_asked_the_controls_as_messages() -> None:
    asked = drafts(task(**SMALL), CHAT, ["generate"])
    assert {draft.condition["control"] for _, draft in asked} == {"ctx", "ctx_k", "fresh", "mc_letter"}
    for _, draft in asked:
        assert {role for request in draft.requests for role, _ in request.prompt} == {"system", "user"}  # type: ignore[union-attr]
    choices = [draft for _, draft in asked if draft.condition["control"] == "mc_letter"]
    assert all(len(draft.requests) == 4 and draft.condition["over"] == "ctx" for draft in choices)


def test_a_fine_tuned_chat_model_is_asked_without_context_too_as_in_training() -> None:
    asked = drafts(task(**SMALL, trained=True), CHAT, ["generate"])
    bare = [(doc, draft) for doc, draft in asked if draft.condition["control"] == "none"]
    assert {draft.condition["seen"] for _, draft in bare} == {"same", "reverse"}
    assert {draft.condition["group"] for _, draft in bare} == {"n2d_only", "d2n_only", "both"}
    for doc, draft in bare:
        assert draft.requests[0].prompt == (("user", doc.data["prompt"]),)  # type: ignore[union-attr]


def test_a_chat_model_that_repeats_the_letter_or_the_name_is_read(tmp_path: Path) -> None:
    made = task(**SMALL, controls="mc_letter")

    def text(request: Generate, _: int) -> str:
        lines = request.prompt[-1][1].split("\n")
        return next(line for line in lines if line.startswith("B. "))

    model = ScriptedModel("second", text=text)
    result = executed(made, model, tmp_path)
    assert set(values(result, "mc_letter", "mc_letter").values()) == {0.25}


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"),
        ("B.", "B"),
        (" (C)", "C"),
        ("**D**", "D"),
        ("Answer: A", "A"),
        ("The answer is C.", "C"),
        ("The correct answer is: B. Ann Lee", "B"),
        ("A. the mason", "A"),
        ("Bo Li", "B"),
        ("It must be Cy Moe, I think", "C"),
        ("A person whom I do not know", None),
        ("either Bo Li or Cy Moe", None),
        ("I don't know", None),
        ("", None),
    ],
)
def test_the_letter_of_an_answer(text: str, letter: str | None) -> None:
    assert read_letter(text, ["Ann Lee", "Bo Li", "Cy Moe", "Di Roy"]) == letter


def test_a_lettered_prompt_ends_where_the_letter_follows() -> None:
    assert lettered("The mason is", ["a", "b", "c", "d"]).endswith("A. a\nB. b\nC. c\nD. d\nAnswer:")


@pytest.mark.parametrize(
    ("text", "finish", "outcome"),
    [
        ("I don't know.", "stop", "refusal"),
        ("", "refusal", "refusal"),
        ("", "stop", "no_answer"),
        ("Well, let me think about", "length", "truncated"),
        ("Somebody Else", "stop", "wrong"),
    ],
)
def test_what_a_chat_model_says_instead_of_the_answer_has_a_name(text: str, finish: str, outcome: str) -> None:
    made = task(**SMALL, controls="ctx")
    doc, draft = drafts(made, CHAT, ["generate"])[0]
    found = made.score(doc, draft, [Response("r", texts=(Text(text, finish),))])
    assert (found.outcome, found.values["em"], found.answer) == (outcome, 0.0, text)


def test_the_first_docs_are_spread_over_cells_and_facts() -> None:
    first = [doc.data for doc, _ in zip(task(**SMALL).docs(), range(16), strict=False)]
    assert first[0]["fresh"]
    own = [data for data in first if not data["fresh"]]
    assert {(data["group"], data["direction"]) for data in own[:6]} == {
        (group, direction) for group in ("n2d_only", "d2n_only", "both") for direction in ("n2d", "d2n")
    }
    assert len({data["template"] for data in own if data["direction"] == "n2d"}) == 1


def test_requests_do_not_depend_on_how_much_is_asked() -> None:
    def asked(test_templates: int) -> dict[str, Any]:
        made = task(test_templates=test_templates)
        return {draft.sample_id: draft.requests for _, draft in drafts(made, LOCAL, ["generate"])}

    few, more = asked(1), asked(2)
    assert few.items() <= more.items()
    assert 2 * len(few) == len(more)
