"""What an API model asks and what it makes of the answers: routes, options that a server refuses, JSON, counts."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from fault_server import FaultServer, Knobs

from suite.models.openai import load
from suite.models.openai.model import OpenAIModel
from suite.task import Generate, Response

SCHEMA = {"type": "object", "properties": {"by": {"type": "string"}}, "required": ["by"]}
OPTIONS = frozenset({"temperature", "seed", "stop", "n"})


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def chat(text: str, **options: Any) -> Generate:
    return Generate((("system", "be brief"), ("user", text)), **options)


def ask(server: FaultServer, request: Generate, **options: Any) -> tuple[Response, list[dict[str, Any]]]:
    """The response, and the bodies of the calls made for it (those made while loading left out)."""
    model = load("toy", base_url=server.url, **options)
    server.calls.clear()
    return _only(model, request), [call.body for call in server.calls]


def _only(model: OpenAIModel, request: Generate) -> Response:
    [response] = model.answer([request])
    assert response.request_id == request.id
    assert response.error is None, response.error_detail
    return response


def test_turns_are_sent_as_chat_with_every_decoding_parameter() -> None:
    with FaultServer(Knobs()) as server:
        request = chat("hi", stop=("\n",), max_tokens=7, temperature=0.5, seed=3)
        response, [body] = ask(server, request, reasoning_effort="low")
    assert response.texts[0].text == "you said hi"
    assert body == {
        "model": "toy",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
        "stop": ["\n"],
        "max_tokens": 7,
        "temperature": 0.5,
        "seed": 3,
        "reasoning_effort": "low",
    }


def test_text_goes_to_completions_as_it_is_where_they_exist() -> None:
    with FaultServer(Knobs()) as server:
        model = load("toy", base_url=server.url)
        response = _only(model, Generate("The capital of France is"))
    assert model.info.extra["text_prompts"] == "completions"
    assert response.texts[0].text == " Paris"


def test_text_goes_to_chat_as_one_user_message_elsewhere() -> None:
    with FaultServer(Knobs(completions=False)) as server:
        model = load("toy", base_url=server.url)
        response = _only(model, Generate("hi"))
    assert model.info.extra["text_prompts"] == "chat"
    assert server.calls[-1].body["messages"] == [{"role": "user", "content": "hi"}]
    assert response.texts[0].text == "you said hi"


def test_a_server_without_chat_has_no_chat_capability_and_fails_such_requests_alone() -> None:
    with FaultServer(Knobs(chat=False)) as server:
        model = load("toy", base_url=server.url)
        answers = {response.request_id: response for response in model.answer([chat("hi"), Generate("hi")])}
    assert "chat" not in model.info.capabilities
    assert answers[chat("hi").id].error == "client_error"
    assert answers[Generate("hi").id].error is None


def test_a_refused_length_parameter_is_renamed_once_and_for_all() -> None:
    with FaultServer(Knobs(rejects=frozenset({"max_tokens"}), completions=False)) as server:
        _, [body] = ask(server, chat("hi", max_tokens=9))
    assert body["max_completion_tokens"] == 9
    assert "max_tokens" not in body


def test_refused_options_are_left_out_and_named_on_the_models_card() -> None:
    with FaultServer(Knobs(rejects=OPTIONS, completions=False)) as server:
        model = load("toy", base_url=server.url)
        response = _only(model, chat("hi and bye", stop=(" and",), n=2, seed=5))
    assert model.info.extra["not_taken"] == ["seed", "stop", "temperature"]
    assert [text.text for text in response.texts] == ["you said hi"] * 2  # cut at the stop string here


@pytest.mark.parametrize("knob", ["rejects", "ignores"])
def test_several_texts_come_from_several_calls_where_the_server_gives_one(knob: str) -> None:
    with FaultServer(Knobs(**{knob: frozenset({"n"})})) as server:
        response, bodies = ask(server, chat("hi", n=3, seed=10, temperature=1.0))
    assert len(response.texts) == 3
    seeds = [body["seed"] for body in bodies if "n" not in body]
    assert seeds == ([10, 11, 12] if knob == "rejects" else [11, 12])
    assert response.completion_tokens == 9


def test_several_texts_come_from_one_call_where_the_server_can() -> None:
    with FaultServer(Knobs()) as server:
        response, bodies = ask(server, chat("hi", n=3, temperature=1.0))
    assert len(response.texts) == 3
    assert [body["n"] for body in bodies] == [3]


@pytest.mark.parametrize(
    ("knobs", "by"),
    [
        (Knobs(), "json_schema"),
        (Knobs(rejects=frozenset({"json_schema"})), "json_object"),
        (Knobs(rejects=frozenset({"json_schema", "json_object"})), "instruction"),
        (Knobs(rejects=frozenset({"response_format"})), "instruction"),
        (Knobs(ignores=frozenset({"response_format"})), "instruction"),
    ],
    ids=["schema", "object", "plain", "refuses", "ignores"],
)
def test_json_is_asked_for_as_strictly_as_the_server_allows(knobs: Knobs, by: str) -> None:
    with FaultServer(knobs) as server:
        model = load("toy", base_url=server.url)
        response = _only(model, chat("colour?", json_schema=SCHEMA))
        before = len(server.calls)
        _only(model, chat("size?", json_schema=SCHEMA))
    assert json.loads(response.texts[0].text) == {"by": by}
    assert len(server.calls) - before == 1  # learnt from the first
    if by != "json_schema":
        assert '"required": ["by"]' in server.calls[-1].prompt


def test_text_that_is_no_json_is_the_models_own_fault_where_the_server_can_do_it() -> None:
    with FaultServer(Knobs()) as server:
        model = load("toy", base_url=server.url)
        _only(model, chat("colour?", json_schema=SCHEMA))
        server.knobs.ignores = frozenset({"response_format"})
        response = _only(model, chat("size?", json_schema=SCHEMA))
    assert response.texts[0].text == "you said size?"


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [((("user", "A or B?"),), (("w0", -0.5), ("w1", -1.5))), ("The capital is", ((" Paris", -1.0), (" the", -3.0)))],
    ids=["chat", "completions"],
)
def test_alternatives_to_the_first_token_come_best_first(prompt: Any, expected: Any) -> None:
    with FaultServer(Knobs()) as server:
        model = load("toy", base_url=server.url)
        response = _only(model, Generate(prompt, max_tokens=1, top_logprobs=2))
    assert "first_token" in model.info.capabilities
    assert response.first_token == expected


def test_fewer_alternatives_are_asked_for_where_the_server_gives_no_more() -> None:
    with FaultServer(Knobs(rejects=frozenset({"logprobs>5"}))) as server:
        response, bodies = ask(server, Generate("The capital is", max_tokens=1, top_logprobs=20))
    assert [body["logprobs"] for body in bodies] == [20, 5]
    assert len(response.first_token) == 5


@pytest.mark.parametrize("knob", ["rejects", "ignores"])
def test_first_tokens_are_no_capability_where_log_probabilities_are_not_to_be_had(knob: str) -> None:
    with FaultServer(Knobs(completions=False, **{knob: frozenset({"logprobs"})})) as server:
        assert "first_token" not in load("toy", base_url=server.url).info.capabilities


def test_tokens_and_costs_are_those_of_the_answer() -> None:
    with FaultServer(Knobs()) as server:
        priced, _ = ask(server, chat("hi"), price="0.25,2")
        free, _ = ask(server, chat("hi"))
    assert (priced.prompt_tokens, priced.completion_tokens, priced.cached_tokens) == (12, 3, 8)
    assert priced.cost_usd == pytest.approx((12 * 0.25 + 3 * 2) / 1e6)
    assert free.cost_usd == 0
    assert priced.latency_s > 0


def test_a_limit_of_requests_a_minute_spreads_them_evenly() -> None:
    with FaultServer(Knobs()) as server:
        model = load("toy", base_url=server.url, requests_per_minute=1200)
        server.calls.clear()
        list(model.answer(chat(str(number)) for number in range(9)))
    assert server.calls[-1].at - server.calls[0].at >= 8 * 0.05 * 0.8


def test_a_limit_of_tokens_a_minute_counts_what_was_really_used() -> None:
    # 6 calls of about 1,000 tokens by estimate would take 5 s at 60,000 a minute; they use 15 each
    with FaultServer(Knobs()) as server:
        model = load("toy", base_url=server.url, tokens_per_minute=60_000, concurrency=1)
        began = time.monotonic()
        list(model.answer(chat(str(number), max_tokens=1000) for number in range(6)))
    assert time.monotonic() - began < 4


def test_two_hundred_requests_at_sixteen_are_bounded_by_the_server_alone() -> None:
    with FaultServer(Knobs(latency_s=0.05)) as server:
        model = load("toy", base_url=server.url, concurrency=16)
        began = time.monotonic()
        answers = list(model.answer(chat(str(number)) for number in range(200)))
        seconds = time.monotonic() - began
    assert len({answer.request_id for answer in answers}) == 200
    assert server.busiest <= 16
    assert 200 / 16 * 0.05 <= seconds < 5  # 0.63 s on an idle machine; the bound leaves room for a busy one


def test_the_fingerprint_is_of_the_endpoint_the_model_and_the_effort_and_never_of_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with FaultServer(Knobs(models=None)) as server, FaultServer(Knobs(models=None)) as other:
        first = load("toy", base_url=server.url).info.fingerprint
        changed = {
            load("toy2", base_url=server.url).info.fingerprint,
            load("toy", base_url=other.url).info.fingerprint,
            load("toy", base_url=server.url, reasoning_effort="high").info.fingerprint,
        }
        same = {
            load("toy", base_url=server.url + "/", concurrency=2, price="1,1", max_retries=0).info.fingerprint,
        }
        monkeypatch.setenv("OPENAI_API_KEY", "sk-another-0123456789")
        same.add(load("toy", base_url=server.url).info.fingerprint)
    assert same == {first}
    assert len(changed | {first}) == 4
