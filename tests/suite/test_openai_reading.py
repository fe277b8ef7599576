"""Answers of any JSON shape are read or refused under a right name, and nothing else ever happens."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suite.models.openai.failures import CallFailed, one_line, refused
from suite.models.openai.reading import choices, text_of, tokens_of, usage_of
from suite.task import Failure, Text

some = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def objects(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of the protocol's names and any values."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, ANY_JSON))


TOKEN = objects("token", "logprob", "top_logprobs")
LOGPROBS = objects("tokens", "token_logprobs", "top_logprobs", "text_offset") | st.fixed_dictionaries(
    {"content": st.lists(TOKEN, max_size=3)}
)


@some
@given(st.fixed_dictionaries({}, optional={"choices": ANY_JSON, "error": ANY_JSON}))
def test_any_choices(body: dict[str, Any]) -> None:
    with suppress(CallFailed):
        assert all(isinstance(choice, dict) for choice in choices(body))


@some
@given(objects("text", "finish_reason") | st.fixed_dictionaries({"message": objects("content", "refusal")}))
def test_any_text(choice: dict[str, Any]) -> None:
    with suppress(CallFailed):
        text = text_of(choice, ("stop",))
        assert text.text.encode() is not None
        assert text.finish in {"stop", "length", "refusal", "content_filter"}


@some
@given(st.fixed_dictionaries({"logprobs": LOGPROBS | ANY_JSON}))
def test_any_tokens(choice: dict[str, Any]) -> None:
    with suppress(CallFailed):
        for token in tokens_of(choice):
            assert token.logprob is None or math.isfinite(token.logprob)


@some
@given(
    st.fixed_dictionaries({"usage": objects("prompt_tokens", "completion_tokens", "prompt_tokens_details") | ANY_JSON})
)
def test_any_usage(body: dict[str, Any]) -> None:
    usage = usage_of(body)
    assert 0 <= usage.cached_tokens <= usage.prompt_tokens <= 10_000_000
    assert 0 <= usage.completion_tokens <= 10_000_000


@some
@given(st.integers(400, 599), ANY_JSON | objects("message", "code", "param", "detail", "type"))
def test_any_error(status: int, body: Any) -> None:
    failed = refused(status, body, {})
    assert failed.failure in get_args(Failure)
    assert "\n" not in failed.detail
    assert len(failed.detail) <= 300


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("one\ntwo", Text("one"), id="cut-at-stop"),
        pytest.param("\ntwo", Text(""), id="stop-at-once"),
        pytest.param("one", Text("one", "length"), id="no-stop"),
    ],
)
def test_texts_end_at_stop_strings_even_if_the_server_goes_on(text: str, expected: Text) -> None:
    assert text_of({"text": text, "finish_reason": "length"}, ("\n", "###")) == expected


def test_raw_text_may_be_empty_and_a_chat_message_may_not() -> None:
    assert text_of({"text": "", "finish_reason": "stop"}, ()) == Text("")
    with pytest.raises(CallFailed, match="empty"):
        text_of({"message": {"content": ""}, "finish_reason": "stop"}, ())


@pytest.mark.parametrize(
    "usage", [None, [], {"prompt_tokens": True}, {"prompt_tokens": 1.5}, {"prompt_tokens": 10**30}]
)
def test_counts_that_cannot_be_true_are_not_given(usage: Any) -> None:
    assert usage_of({"usage": usage}).prompt_tokens == 0


def test_a_detail_is_one_short_line() -> None:
    assert one_line("a\r\n\tb\x1b[31m") == "a b [31m"
    assert len(one_line("x" * 10_000)) == 300
