"""The task as the engine sees it: docs, drafts, scores, and what is refused before a model is asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ocw_setup import GOLD, LOCAL, answered, drafts_of, reference_quads, task_with, toy_quad, toy_wall, written

from suite.errors import UserError
from suite.models.scripted import ScriptedModel
from suite.progress import Silent
from suite.registry import describe_options, describe_tasks, load_task
from suite.runner import rescore, run
from suite.task import ContinuationScore, Embed, Generate, Loglikelihood, ModelInfo, Response
from tasks.only_connect_wall.items import wall_docs, wall_of

ENCODER = ModelInfo("embed/toy", "embed", "f", frozenset({"embed"}))


def test_the_task_is_listed_with_its_modes() -> None:
    (row,) = [row for row in describe_tasks() if row["task"] == "only_connect_wall"]
    assert row["modes"] == "generate, loglikelihood, embed"
    assert {"--shots", "--warn", "--prompt", "--shuffles"} <= {r["option"] for r in describe_options(row["task"])}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shots": "2"}, "shots"),
        ({"warn": True, "prompt": "paper"}, "prompt paper always warns"),
        ({"data_seed": 3}, "data_seed is for generated items"),
        ({"data": "walls.json", "generate": 3}, "generate is for our own sets"),
        ({"randomized": "walls.json"}, "randomized is for public walls"),
        ({"similarity": "bertscore"}, "bertscore_model"),
        ({"warning": True}, "did you mean warn"),
    ],
)
def test_options_that_do_not_fit_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_task("only_connect_wall", options)


def test_words_from_the_command_line_become_options() -> None:
    task = load_task("only_connect_wall", {"shots": "3", "warn": "on", "likelihood": "herring_pair", "shuffles": "2"})
    assert task.options.model_dump()["shots"] == 3 and task.options.model_dump()["warn"] is True
    assert task.options.model_dump()["likelihood"] == ["herring_pair"]


# Docs --------------------------------------------------------------------------------------------------------------


def test_a_quad_is_one_doc_whose_walls_survive_json() -> None:
    (doc,) = wall_docs(toy_quad())
    assert (doc.id, doc.cluster, list(doc.data["arms"])) == ("q0", "x", ["BASE", "ABS", "SUB", "RH"])
    walls = {arm: wall_of(json.loads(json.dumps(doc.data["arms"][arm]))) for arm in doc.data["arms"]}
    assert walls["RH"] == replace(toy_quad()[3], competitor_clues=("b1", "b2", "b3", "b4"))


def test_the_stand_in_plays_the_competitor_where_that_is_absent() -> None:
    (doc,) = wall_docs(toy_quad())
    lures = {arm: wall_of(data).competitor_clues[0] for arm, data in doc.data["arms"].items()}
    assert lures == {"BASE": "e1", "ABS": "e1", "SUB": "b1", "RH": "b1"}


def test_a_quad_without_one_of_its_conditions_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="quad q7: lacks ABS"):
        list(wall_docs([*toy_quad(), *(wall for wall in toy_quad("q7") if wall.condition != "ABS")]))
    with pytest.raises(UserError, match="condition RH twice"):
        list(wall_docs([*toy_quad(), toy_quad()[3]]))


def test_the_twin_stands_where_the_herring_stood_in_every_order(public_data: Path) -> None:
    task = task_with(reference_quads(public_data)[:8])
    prompts: dict[tuple[Any, ...], list[str]] = {}
    for doc, draft in drafts_of(task):
        words = json.loads(draft.target)["words"]
        prompts[doc.id, draft.condition["arm"], draft.condition["shuffle"]] = words
    for (item, arm, shuffle), words in prompts.items():
        if arm == "RH":
            twin = prompts[item, "SUB", shuffle]
            assert sum(a != b for a, b in zip(words, twin, strict=True)) == 1


# Drafts ------------------------------------------------------------------------------------------------------------


def test_chat_models_are_asked_once_a_wall_and_order() -> None:
    drafts = drafts_of(task_with(toy_quad()))
    assert len(drafts) == 4 * 3
    assert {draft.mode for _, draft in drafts} == {"generate"}
    assert drafts[0][1].condition == {
        "set": "quads",
        "question": "grouping",
        "method": "answer",
        "arm": "BASE",
        "prompt": "clean",
        "shots": 0,
        "warn": False,
        "shuffle": 0,
    }


def test_local_models_also_give_affinities_and_herring_pairs() -> None:
    drafts = [draft for _, draft in drafts_of(task_with(toy_quad(), shuffles=1), LOCAL)]
    assert [draft.condition["method"] for draft in drafts[:3]] == ["answer", "affinity", "herring_pair"]
    affinity, pair = drafts[1].requests, drafts[2].requests
    assert len(affinity) == 17 and all(isinstance(request, Loglikelihood) for request in affinity)
    assert isinstance(affinity[0], Loglikelihood) and len(affinity[0].continuations) == 15
    assert pair == (Loglikelihood("Four things that belong together: e1, e2, e3,", (" e4", " n")),)


def test_encoders_get_the_clues_in_lower_case() -> None:
    ((_, draft),) = drafts_of(
        task_with([toy_wall(words=tuple(w.upper() for w in toy_wall().words))], data="f"), ENCODER
    )
    assert draft.requests == (Embed(toy_wall().words),)


def test_the_second_question_is_asked_once_and_of_models_that_write() -> None:
    task = task_with([toy_wall()], data="f.json", question="connections")
    ((_, draft),) = drafts_of(task, LOCAL)
    assert "shuffle" not in draft.condition and isinstance(draft.requests[0], Generate)
    with pytest.raises(UserError, match="which embed/toy does not write"):
        task.check(ENCODER, frozenset({"embed"}))


# Scores ------------------------------------------------------------------------------------------------------------


def test_a_solved_wall_is_correct_in_the_strict_mode() -> None:
    task = task_with(toy_quad(), shuffles=1)
    (doc, draft) = drafts_of(task)[3]
    rows = [["x", "a2", "a3", "a4"], ["b1", "b2", "b3", "b4"], *GOLD[2:]]
    scores = task.score(doc, draft, answered(draft, written(rows)))
    assert scores.outcome == "correct" and json.loads(scores.answer or "") == rows
    assert (scores.values["host_correct"], scores.values["lured"], scores.values["to_host"]) == (1, 0, 1)


def test_affinities_find_the_groups_that_the_model_holds_together() -> None:
    task = task_with([toy_wall()], data="f.json", likelihood="affinity")
    doc, draft = next(pair for pair in drafts_of(task, LOCAL) if pair[1].condition["method"] == "affinity")

    def logprob(request: Loglikelihood, continuation: str) -> float:
        """Words differ in frequency; only companions of one group raise each other."""
        base = -1.0 * int(continuation[-1])
        assert isinstance(request.context, str)
        companion = request.context.removesuffix(",").rpartition(" ")[2]
        return base + (2.0 if companion[0] == continuation.strip()[0] and companion.endswith(tuple("1234")) else 0.0)

    responses = [
        Response(r.id, scores=tuple(ContinuationScore(logprob(r, c), 1, False) for c in r.continuations))
        for r in draft.requests
        if isinstance(r, Loglikelihood)
    ]
    assert task.score(doc, draft, responses).values["solved"] == 1.0


def test_the_herring_pair_prefers_whichever_is_likelier() -> None:
    task = task_with(toy_quad(), shuffles=1, likelihood="herring_pair")
    doc, draft = next(pair for pair in drafts_of(task, LOCAL) if pair[1].condition["method"] == "herring_pair")
    scores = tuple(ContinuationScore(value, 1, False) for value in (-3.0, -1.0))
    found = task.score(doc, draft, [Response(draft.requests[0].id, scores=scores)])
    assert found.values == {"margin": 2.0, "margin_per_char": -1.0 + 1.5, "critical_preferred": 1.0}


def test_vectors_are_partitioned_exactly() -> None:
    task = task_with([toy_wall()], data="f.json")
    ((doc, draft),) = drafts_of(task, ENCODER)
    vectors = tuple(tuple(float(word[0] == group) for group in "abcd") for word in toy_wall().words)
    found = task.score(doc, draft, [Response(draft.requests[0].id, vectors=vectors)])
    assert (found.outcome, found.values["paper_wd"], found.values["valid"]) == ("correct", 0.0, 1.0)


def test_walls_with_a_clue_twice_are_asked_and_scored_by_groups() -> None:
    first = toy_wall()
    groups = (first.groups[0], replace(first.groups[1], clues=("a1", "b2", "b3", "b4")), *first.groups[2:])
    words = tuple("a1" if word == "b1" else word for word in first.words)
    task = task_with([replace(first, words=words, groups=groups)], data="f.json")
    for info in (LOCAL, ENCODER):
        for doc, draft in drafts_of(task, info):
            if draft.mode == "embed":
                vectors = tuple(tuple(float(word[0] == group) for group in "abcd") for word in words)
                values = task.score(doc, draft, [Response("r", vectors=vectors)]).values
                assert values["clue_acc"] is None and values["correct_groups"] is not None


# A whole run -------------------------------------------------------------------------------------------------------


def test_a_run_is_stored_and_can_be_scored_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walls = [*toy_quad("q0", "x"), *toy_quad("q1", "y")]
    text = written([["x", "a2", "a3", "a4"], ["b1", "b2", "b3", "b4"], *GOLD[2:]])
    model = ScriptedModel("one answer", text, text=lambda *_: text)
    result = run(task_with(walls, shuffles=2), model, results=tmp_path, reporter=Silent())
    assert result.n_samples == 2 * 4 * 2 and result.status == "complete"
    assert result.metric("solved", arm="RH").value == 0.5
    assert result.metric("did", measure="lured").value is not None
    monkeypatch.setattr("suite.runner.load_task", lambda *_: task_with(walls, shuffles=2))
    again = rescore(result.run_id, tmp_path)
    assert again.metrics == result.metrics
