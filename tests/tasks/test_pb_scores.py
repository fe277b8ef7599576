"""Scores of a sample: simulated responders whose results are known, and single answers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from pb_setup import ALL, asked, executed, flat, task

from suite.models.scripted import ScriptedModel, load
from suite.task import ContinuationScore, Loglikelihood, Prompt, Response, Scores, Task, Text
from tasks.position_bias.items import Item
from tasks.position_bias.mcq_synth import choice_item
from tasks.position_bias.scoring import continuations, score_likelihood

# -- simulated responders ----------------------------------------------------------------------------------------------


def test_who_always_says_a_is_right_once_an_item_under_labels_that_stay(tmp_path: Path) -> None:
    _, samples = executed(task(items=8, labels="slot,travel"), load("constant", text="A"), tmp_path, "generate")
    assert {sample.scores["predicted_slot"] for sample in samples if sample.condition["label_mode"] == "slot"} == {0}
    for sample in samples:
        assert sample.scores["invalid"] == 0
        if sample.condition["label_mode"] == "slot":
            assert sample.scores["correct"] == (sample.condition["gold_slot"] == 0)
        else:  # the letter A goes with content 0 wherever that stands
            assert sample.scores["predicted_content"] == 0
            order = str(sample.condition["order"]).split("-")
            assert sample.scores["predicted_slot"] == order.index("0")


def test_a_judge_who_likes_a_name_is_right_on_half_of_the_pairs_where_names_travel(tmp_path: Path) -> None:
    made = task(family="judge", items=88, labels="travel")
    result, samples = executed(made, load("constant", text="[[A]]"), tmp_path, "generate")
    assert sum(sample.scores["correct"] or 0 for sample in samples) == 80  # of 160; 8 pairs are identical
    found = {metric.name: metric for metric in made.metrics(samples)}
    assert (found["accuracy"].value, found["conflict"].value) == (0.5, 0)
    assert "same label" not in found["accuracy"].note
    assert result.status == "complete"


def test_an_oracle_is_right_everywhere(tmp_path: Path) -> None:
    made = task(family=ALL, items=2)
    right = {doc.id: doc.data["gold"] for doc in made.docs()}
    options = {text for golds in right.values() for text in golds}
    by_question = {doc.data["meta"]["question"]: doc.data for doc in made.docs()}

    def answer(prompt: str) -> str:
        data = next(data for question, data in by_question.items() if question in prompt)
        (gold,) = data["gold"]
        if data["family"] == "judge" and "[[A]]" in prompt:
            lines = prompt.split(f":\n{gold}")[0]
            return f"[[{lines[-1]}]]"
        return f"Answer: {gold}" if data["family"] == "premise" else gold

    model = ScriptedModel(
        "oracle",
        text=lambda request, _: answer(flat(request.prompt)),
        logprob=lambda context, continuation: oracle_logprob(flat(context), continuation, options),
    )
    _, samples = executed(made, model, tmp_path)
    wrong = [
        (sample.mode, dict(sample.condition), sample.answer) for sample in samples if sample.scores["correct"] != 1
    ]
    assert wrong == []
    assert all(sample.outcome == "correct" for sample in samples)


def oracle_logprob(prompt: str, continuation: str, golds: set[str]) -> float:
    """Letters: what stands beside them is a gold; texts: they are one."""
    said = continuation.strip()
    if len(said) == 1:
        option = next(
            (gold for gold in golds if f"\n{said}. {gold}\n" in prompt or f" {said}:\n{gold}\n" in prompt), None
        )
        return -0.1 if option else -9.0
    return -0.1 if said in golds else -9.0 * len(continuation)


def test_probabilities_stand_by_slot_and_give_back_the_prior(tmp_path: Path) -> None:
    prior = {"A": 0.4, "B": 0.3, "C": 0.2, "D": 0.1}

    def logprob(_: Prompt, continuation: str) -> float:
        return math.log(prior.get(continuation, 1e-9))

    _, samples = executed(task(items=4), ScriptedModel("prior", logprob=logprob), tmp_path)
    for sample in samples:
        if sample.condition["label_mode"] == "none":
            continue
        found = [sample.scores[f"p_slot_{slot}"] for slot in range(4)]
        order = [int(part) for part in str(sample.condition["order"]).split("-")]
        by_slot = sample.condition["label_mode"] == "slot"
        assert found == pytest.approx([list(prior.values())[slot if by_slot else order[slot]] for slot in range(4)])


def test_a_judges_log_odds_give_back_preference_and_bias(tmp_path: Path) -> None:
    """6.3: z1 = logit(.7), z2 = logit(.6), so beta .626381 and delta .220916."""
    z = {"o1": math.log(0.7 / 0.3), "o2": math.log(0.6 / 0.4)}
    made = task(family="judge", items=3, labels="slot")
    better = {doc.data["gold"][0] for doc in made.docs()}

    def logprob(context: Prompt, continuation: str) -> float:
        prompt = flat(context)
        arm = "o1" if any(f"Answer A:\n{text}\n" in prompt for text in better) else "o2"
        return z[arm] if continuation == "A" else 0.0

    _, samples = executed(made, ScriptedModel("judge", logprob=logprob), tmp_path)
    by_arm = {sample.condition["arm"]: sample.scores["logit_first"] for sample in samples}
    beta, delta = (by_arm["o1"] + by_arm["o2"]) / 2, (by_arm["o1"] - by_arm["o2"]) / 2  # type: ignore[operator]
    assert (beta, delta) == (pytest.approx(0.626381, abs=1e-6), pytest.approx(0.220916, abs=1e-6))
    assert all(sample.scores["p_slot_0"] > 0.5 for sample in samples)  # type: ignore[operator]


def test_whoever_finds_all_alike_chooses_the_same_content_in_every_order(tmp_path: Path) -> None:
    _, samples = executed(task(items=12, labels="slot"), load("uniform"), tmp_path, "loglikelihood")
    chosen: dict[str, set[Any]] = {}
    for sample in samples:
        chosen.setdefault(sample.doc_id, set()).add(sample.scores["predicted_content"])
    assert all(len(contents) == 1 for contents in chosen.values())
    assert len(set.union(*chosen.values())) > 1


def test_identical_answers_have_no_part_in_accuracy(tmp_path: Path) -> None:
    _, samples = executed(task(family="judge", items=11), load("constant", text="[[A]]"), tmp_path, "generate")
    same = [sample for sample in samples if sample.condition["subset"] == "identical"]
    assert len(same) == 4
    assert all((sample.scores["correct"], sample.outcome) == (None, "scored") for sample in same)
    assert all(sample.scores["predicted_slot"] == 0 for sample in same if sample.condition["label_mode"] == "slot")


# -- scores ------------------------------------------------------------------------------------------------------------


def written(made: Task, text: str, finish: str = "stop", nth: int = 0) -> Scores:
    doc, draft = [one for one in asked(made) if one[1].mode == "generate"][nth]
    return made.score(doc, draft, [Response("r", texts=(Text(text, finish),))])


def test_what_cannot_be_read_is_invalid_and_wrong() -> None:
    made = task(items=1)
    for text, finish, outcome in (
        ("I do not know", "stop", "unparsed"),
        ("Well, let me", "length", "truncated"),
        ("", "stop", "no_answer"),
        ("", "refusal", "refusal"),
    ):
        scores = written(made, text, finish)
        assert scores.outcome == outcome
        assert dict(scores.values) == {"correct": 0, "invalid": 1, "predicted_slot": None, "predicted_content": None}
        assert scores.answer is None


def test_a_value_counts_alone_or_among_others() -> None:
    made = task(family="kv", items=1, k="3", slots="1")
    (doc,) = made.docs()
    values = [segment["text"].split('"')[3] for segment in doc.data["segments"]]
    alone, both = (
        written(made, f'The value is "{values[0].upper()}".').values,
        written(made, " ".join(values[:2])).values,
    )
    assert (alone["correct"], alone["kv_exclusive"], alone["predicted_content"], alone["predicted_slot"]) == (
        1,
        1,
        0,
        1,
    )
    assert (both["correct"], both["kv_exclusive"], both["predicted_content"]) == (1, 0, None)
    assert written(made, values[1]).values["correct"] == 0


def test_documents_are_scored_by_both_subspan_rules() -> None:
    made = task(family="docqa", items=1, k="2", slots="0", labels="slot")
    (doc,) = made.docs()
    right = written(made, f"It was {doc.data['gold'][0]}.\nMore", nth=2)
    assert (right.values["correct"], right.values["best_subspan_em"], right.values["subspan_token"]) == (1, 1, 1)
    assert written(made, f"\n{doc.data['gold'][0]}", nth=2).values["correct"] == 0


def test_a_number_without_its_cue_is_flagged() -> None:
    made = task(family="premise", items=1)
    (doc,) = made.docs()
    right = doc.data["gold"][0]
    assert dict(written(made, f"So it is.\nAnswer: {right}.0").values) == {"correct": 1, "invalid": 0, "fallback": 0}
    assert dict(written(made, f"so {right}").values) == {"correct": 1, "invalid": 0, "fallback": 1}


ITEM = choice_item("q", "t", 0, "Which?", ["x", "y"], 1, "own")


@pytest.mark.parametrize(
    ("spaced", "bare", "expected"),
    [
        pytest.param([(0.3, 1), (0.1, 1)], [(0.1, 1), (0.3, 1)], [0.5, 0.5], id="both-spellings-summed"),
        pytest.param([(0.3, 1), (0.1, 1)], [(0.3, 1), (0.1, 1)], [0.75, 0.25], id="one-token-counts-once"),
        pytest.param([(0.3, 2), (0.1, 2)], [(0.1, 1), (0.3, 1)], [0.25, 0.75], id="only-single-tokens"),
        pytest.param([(0.3, 2), (0.1, 2)], [(0.1, 2), (0.3, 2)], [0.75, 0.25], id="no-single-token"),
    ],
)
def test_spellings_of_letters_3_2(spaced: list[Any], bare: list[Any], expected: list[float]) -> None:
    request = Loglikelihood("c", continuations(ITEM, (0, 1), "slot"))
    assert request.continuations == (" A", " B", "A", "B")
    scores = tuple(ContinuationScore(math.log(p), tokens, False) for p, tokens in (*spaced, *bare))
    found = score_likelihood(ITEM, (0, 1), "slot", request, Response("r", scores=scores)).values
    assert [found["p_slot_0"], found["p_slot_1"]] == pytest.approx(expected)


def test_texts_are_compared_per_token_3_2() -> None:
    item = Item.from_json(ITEM.to_json())
    request = Loglikelihood("c", continuations(item, (1, 0), "none"))
    scores = (ContinuationScore(-2.0, 1, False), ContinuationScore(-3.0, 3, False))  # x, y
    found = score_likelihood(item, (1, 0), "none", request, Response("r", scores=scores))
    assert (found.values["predicted_content"], found.values["predicted_slot"], found.answer) == (1, 0, "y")
