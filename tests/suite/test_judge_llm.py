"""A language model as judge: what it is asked, how replies of any kind are read, votes, repairs, failures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judge_toys import TASKS, finished_run

from suite.errors import RunIncomplete, UserError
from suite.judges.kinds.llm import LLMJudge, load
from suite.judges.llm import SCHEMA, opinions_in
from suite.judges.record import Label, Unit
from suite.judges.run import judge_run
from suite.models.scripted import ScriptedModel
from suite.progress import Silent
from suite.store import Store
from suite.task import Generate, Response

EVIDENCE = "The hall was founded in 1702. The hall stands in Pellmouth."


def units(*texts: str, sample: str = "s1", evidence: str = EVIDENCE, **item: Any) -> list[Unit]:
    context = f"{evidence}\nThe hall was founded in 1752."
    return [Unit(sample, number, text, context, evidence, item) for number, text in enumerate(texts, start=1)]


def entry(n: int, verdict: str = "supported", **changes: Any) -> dict[str, Any]:
    plain = {"n": n, "verdict": verdict, "categories": [], "split": "none", "degree": "none", "evidence": ""}
    if verdict == "hallucinated":
        plain |= {"categories": ["TW"], "split": "extrinsic", "degree": "mild"}
    return plain | changes


def reply(*entries: dict[str, Any]) -> str:
    return json.dumps({"units": list(entries)})


def judge_of(answer: Callable[[Generate, int], str], votes: int = 1) -> tuple[LLMJudge, list[Generate]]:
    """A judge whose model answers by a function, and the requests that it has been sent."""
    asked: list[Generate] = []

    def text(request: Generate, index: int) -> str:
        asked.append(request)
        return answer(request, len(asked) - 1)

    return LLMJudge("llm/scripted", ScriptedModel("judge", text=text), votes), asked


def only(judge: LLMJudge, group: list[Unit]) -> list[Label]:
    [labels] = judge.label([group])
    return list(labels)


# --- what is asked ----------------------------------------------------------------------------------------------------


def test_all_units_of_a_response_are_asked_in_one_call_and_authors_stay_hidden() -> None:
    judge, asked = judge_of(lambda *_: reply(entry(1), entry(2)))
    only(judge, units("It was founded in 1702.", "It stands in Pellmouth.", orientation="SL", model="gpt-5"))
    [request] = asked
    text = json.dumps(request.to_json())
    assert request.json_schema == SCHEMA
    assert "1. It was founded in 1702." in text and "2. It stands in Pellmouth." in text
    assert "SL" not in text and "gpt-5" not in text and "silver" not in text.lower()
    assert text.count("The hall stands in Pellmouth.") == 1  # the reference, not repeated in the shown text
    assert "rejects a false statement is supported" in text


def test_the_schema_is_strict() -> None:
    unit = SCHEMA["properties"]["units"]["items"]
    assert unit["additionalProperties"] is False
    assert set(unit["required"]) == {"n", "verdict", "categories", "split", "degree", "evidence"}
    assert unit["properties"]["verdict"]["enum"] == [
        *("supported", "hallucinated", "abstain", "no_claim", "unverifiable")
    ]


def test_labels_carry_everything_that_was_said() -> None:
    said = entry(2, "hallucinated", categories=["NN", "TW", "NN"], split="intrinsic", degree="alarming")
    judge, _ = judge_of(lambda *_: reply(entry(1, evidence="founded in 1702"), said))
    first, second = only(judge, units("a", "b"))
    assert (first.verdict, first.split, first.flags) == ("supported", None, ("json_schema",))
    assert "founded in 1702" in first.raw
    assert (second.primary, second.categories, second.split) == ("TW", ("TW", "NN"), "intrinsic")
    assert (second.degree, second.degree_source) == ("alarming", "judge")


def test_a_judge_without_evidence_is_marked() -> None:
    judge, _ = judge_of(lambda *_: reply(entry(1)))
    [label] = only(judge, units("a", evidence=""))
    assert "unreferenced" in label.flags


# --- how replies are read ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "level"),
    [
        (reply(entry(1)), "json_schema"),
        (f"Sure! ```json\n{reply(entry(1))}\n``` I hope this helps {{}}", "extracted"),
        (f'{{"a": {{"b": 1}} {reply(entry(1))}', "extracted"),
        (f'{{"units": [{json.dumps(entry(1))}, {{"n": 2, "verd', "extracted"),
    ],
    ids=["whole", "in a text", "after a torn one", "cut short"],
)
def test_json_is_found_where_it_is(text: str, level: str) -> None:
    found = opinions_in(text, units("a", "b"), "json_schema")
    assert found.keys() == {1}
    assert found[1].level == level


@pytest.mark.parametrize(
    "bad",
    [
        "I cannot judge this.",
        "",
        "[]",
        "null",
        '{"units": 5}',
        '{"units": [5, null, []]}',
        reply(entry(7)),
        reply(entry(1, "nonsense")),
        reply(entry(1, "hallucinated", split="none")),
        reply(entry(1, "hallucinated", categories=[])),
        reply(entry(1, "hallucinated", categories=["ZZ"])),
        reply(entry(1), entry(1, "abstain")),
        reply({**entry(1), "n": "1"}),
        reply({**entry(1), "n": True}),
        "{" * 3000,
        "[" * 3000,
    ],
)
def test_what_is_not_valid_counts_as_not_answered(bad: str) -> None:
    assert opinions_in(bad, units("a"), "json_schema") == {}


@given(st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_no_reply_breaks_the_reader(text: str) -> None:
    assert opinions_in(text, units("a"), "plain") == {}


def test_half_surrogate_pairs_and_nan_do_not_reach_the_files() -> None:
    text = '{"units": [{"n": 1, "verdict": "supported", "evidence": "\\ud800", "score": NaN}]}'
    opinion = opinions_in(text, units("a"), "plain")[1]
    opinion.raw.encode()


# --- repairs and votes ------------------------------------------------------------------------------------------------


def test_missing_units_are_asked_for_once_more_and_alone() -> None:
    judge, asked = judge_of(lambda _, number: reply(entry(1)) if number == 0 else reply(entry(2, "abstain")))
    first, second = only(judge, units("first text", "second text"))
    assert (first.verdict, second.verdict) == ("supported", "abstain")
    assert len(asked) == 2
    assert "first text" not in str(asked[1].prompt) and "2. second text" in str(asked[1].prompt)


def test_units_that_stay_missing_are_unresolved() -> None:
    judge, asked = judge_of(lambda *_: "no idea")
    assert [label.verdict for label in only(judge, units("a", "b"))] == ["unresolved", "unresolved"]
    assert len(asked) == 2
    assert asked[0].id != asked[1].id


def ballot(*verdicts: str) -> Callable[[Generate, int], str]:
    return lambda request, _: reply(entry(1, verdicts[request.seed % len(verdicts)]))


@pytest.mark.parametrize(
    ("votes", "verdict", "confidence"),
    [
        (("supported", "hallucinated", "hallucinated"), "hallucinated", 2 / 3),
        (("supported", "supported", "supported"), "supported", 1.0),
        (("supported", "hallucinated", "abstain"), "unresolved", None),
    ],
)
def test_the_majority_of_votes_decides(votes: tuple[str, ...], verdict: str, confidence: float | None) -> None:
    judge, asked = judge_of(ballot(*votes), votes=3)
    [label] = only(judge, units("a"))
    assert (label.verdict, label.confidence) == (verdict, pytest.approx(confidence) if confidence else None)
    assert sorted(request.seed for request in asked) == [0, 1, 2]
    assert {request.temperature for request in asked} == {0.7}
    assert len(label.raw.splitlines()) == 3


def test_categories_are_those_of_most_votes_for_hallucinated() -> None:
    said = (["TW", "GE"], ["GE", "AA"], ["NN"])
    judge, _ = judge_of(lambda request, _: reply(entry(1, "hallucinated", categories=said[request.seed])), votes=3)
    [label] = only(judge, units("a"))
    assert label.categories == ("GE",)


@pytest.mark.parametrize("votes", [0, 2, -1, "three", 1.5])
def test_an_even_number_of_votes_is_refused_before_anything_is_asked(votes: Any) -> None:
    with pytest.raises(UserError, match="odd number"):
        load("x", votes=votes, base_url="http://127.0.0.1:9/v1")


def test_a_judge_needs_a_name() -> None:
    with pytest.raises(UserError, match="write llm/NAME"):
        load("")


def test_the_version_knows_model_and_votes() -> None:
    model, other = ScriptedModel("a", text=lambda *_: ""), ScriptedModel("b", text=lambda *_: "")
    versions = {LLMJudge("j", one, votes).version for one in (model, other) for votes in (1, 3)}
    assert len(versions) == 4


class ReadsAhead:
    """Reads all requests before it answers the first, as a concurrent provider may."""

    def __init__(self, model: ScriptedModel) -> None:
        self.info, self._model = model.info, model

    def answer(self, requests: Iterable[Any]) -> Iterator[Response]:
        yield from self._model.answer(list(requests))


def test_responses_that_are_alike_are_asked_once_while_they_wait() -> None:
    asked: list[Generate] = []
    model = ScriptedModel("judge", text=lambda request, _: asked.append(request) or reply(entry(1)))  # type: ignore[func-returns-value]
    judge = LLMJudge("llm/x", ReadsAhead(model))
    found = list(judge.label([units("a", sample="s1"), units("a", sample="s2")]))
    assert [labels[0].sample_id for labels in found] == ["s1", "s2"]
    assert len(asked) == 1


# --- failures ---------------------------------------------------------------------------------------------------------


class Fails:
    """Answers all but the requests whose text has a word in it."""

    def __init__(self, word: str, model: ScriptedModel) -> None:
        self.info, self._word, self._model = model.info, word, model

    def answer(self, requests: Iterable[Any]) -> Iterator[Response]:
        for request in requests:
            if self._word in str(request.prompt):
                yield Response(request.id, error="timeout")
            else:
                yield from self._model.answer([request])


def honest(request: Generate, _: int) -> str:
    """A judge that compares years."""
    text = str(dict(request.prompt)["user"])  # type: ignore[arg-type]
    year = text.split("founded in ")[1][:4]
    numbered = [line for line in text.split("Units:\n")[1].splitlines() if line]
    return reply(
        *(
            entry(int(line.split(".")[0]), "hallucinated" if "founded" in line and year not in line else "supported")
            for line in numbered
        )
    )


def test_a_failing_server_leaves_the_rest_labelled_and_the_run_incomplete(tmp_path: Path) -> None:
    run_id = finished_run(tmp_path)
    model = ScriptedModel("judge", text=honest)

    def judged(one: Any) -> Any:
        return judge_run(run_id, LLMJudge("llm/x", one), results=tmp_path, tasks_dir=TASKS, reporter=Silent())

    with pytest.raises(RunIncomplete, match="2 of 12 units"):
        judged(Fails("1703", model))
    result = judged(model)
    assert result.n_kept == 10
    assert result.verdicts == {"hallucinated": 3, "supported": 9}


def test_a_whole_run_is_judged(tmp_path: Path) -> None:
    run_id = finished_run(tmp_path)
    judge = LLMJudge("llm/honest", ScriptedModel("judge", text=honest))
    result = judge_run(run_id, judge, results=tmp_path, tasks_dir=TASKS, reporter=Silent())
    figures = {metric.name: metric.value for metric in result.metrics}
    assert figures["wrong"] == 0.25
    assert figures["canary_specificity"] is not None
    labels = Store(tmp_path).labels(run_id)
    assert all(label.judge == "llm/honest" for label in labels)
