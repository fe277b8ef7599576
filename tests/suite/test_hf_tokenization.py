"""Which tokens a continuation is made of, and what it is conditioned on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_hf import tokenizer

from suite.models.hf.tokenization import Target, Tokenization, Unscorable, common_prefix
from suite.task import Loglikelihood

PLAIN, WITH_BOS, BARE = tokenizer(), tokenizer(bos=True), tokenizer(special=False)
START, END = 0, 1


def only(tok, context, continuation, length: int | None = None) -> Target | Unscorable:
    (found,) = Tokenization(tok, length).targets([(3, Loglikelihood(context, (continuation,)))])
    assert found.request == 3
    return found


def test_a_continuation_is_what_follows_the_context() -> None:
    found = only(PLAIN, "the town", " red blue")
    assert isinstance(found, Target)
    assert found.context == tuple(PLAIN("the town")["input_ids"]) and found.keep == len(found.context)
    assert PLAIN.decode(found.tail) == " red blue"


def test_a_merge_across_the_boundary_begins_at_the_first_token_that_differs() -> None:
    found = only(PLAIN, "the lan", "tern")
    assert isinstance(found, Target)
    assert list(found.tokens) == PLAIN("the lantern")["input_ids"]
    assert found.keep < len(found.context)
    assert PLAIN.decode(found.tail) == " lantern"


def test_the_tokenizers_start_token_is_kept_before_plain_texts() -> None:
    found = only(WITH_BOS, "the town", " red")
    assert isinstance(found, Target)
    assert found.tokens[0] == START and START not in found.tokens[1:]


def test_a_chat_template_writes_its_own_start_token() -> None:
    tok = tokenizer(bos=True, template=True)
    found = only(tok, (("user", "red"),), "blue")
    assert isinstance(found, Target)
    assert found.tokens.count(START) == 1
    assert tok.decode(found.context) == "<s>[user] red\n[assistant] "


@pytest.mark.parametrize(("tok", "first"), [(PLAIN, START), (WITH_BOS, START)], ids=["no-bos", "bos"])
def test_an_empty_context_conditions_on_the_start_token(tok, first: int) -> None:
    found = only(tok, "", "the town")
    assert isinstance(found, Target)
    assert (found.context, found.keep) == ((first,), 1)
    assert tok.decode(found.tail) == "the town"


def test_without_a_start_token_an_empty_context_conditions_on_the_end_token() -> None:
    tok = tokenizer(special=False)
    tok.eos_token = "</s>"
    found = only(tok, "", "the town")
    assert isinstance(found, Target) and found.context == (END,)


def test_a_context_that_merges_away_whole_is_scored_from_the_start_token() -> None:
    found = only(PLAIN, "t", "he")
    assert isinstance(found, Target)
    assert found.context == (START,) and PLAIN.decode(found.tail) == "the"


@pytest.mark.parametrize(
    ("tok", "context", "continuation", "error"),
    [(PLAIN, "the", "", "tokenization"), (BARE, "", "the", "tokenization")],
    ids=["nothing-left", "nothing-to-condition-on"],
)
def test_what_cannot_be_scored_names_both_strings(tok, context: str, continuation: str, error: str) -> None:
    found = only(tok, context, continuation)
    assert isinstance(found, Unscorable) and found.error == error
    assert repr(context) in found.detail and repr(continuation) in found.detail


def test_a_text_over_the_window_is_an_error_and_never_cut() -> None:
    tokens = len(PLAIN("the town red")["input_ids"])
    assert isinstance(only(PLAIN, "the town", " red", tokens - 1), Target)
    found = only(PLAIN, "the town", " red", tokens - 2)
    assert isinstance(found, Unscorable) and found.error == "context_length"


def test_one_bad_continuation_fails_its_request_once() -> None:
    found = Tokenization(PLAIN).targets(
        [(0, Loglikelihood("the", (" red", "", ""))), (1, Loglikelihood("the", (" red",)))]
    )
    assert [type(item) for item in found] == [Unscorable, Target]


def test_prompts_to_generate_from_are_never_empty() -> None:
    assert [tokens for tokens, _ in Tokenization(PLAIN).prompts(["", "the"])] == [
        (START,),
        tuple(PLAIN("the")["input_ids"]),
    ]
    assert [tokens for tokens, _ in Tokenization(WITH_BOS).prompts([""])] == [(START,)]


@given(st.lists(st.integers(0, 2)), st.lists(st.integers(0, 2)))
def test_common_prefix_is_common_and_the_longest(a: list[int], b: list[int]) -> None:
    n = common_prefix(a, b)
    assert a[:n] == b[:n]
    assert n == min(len(a), len(b)) or a[n] != b[n]


@given(st.text("the townred \n.A1é", max_size=20), st.text("the townred \n.A1é", min_size=1, max_size=8))
def test_context_and_continuation_are_tokenised_jointly(context: str, continuation: str) -> None:
    found = only(PLAIN, context, continuation)
    assert isinstance(found, Target)
    joint = PLAIN(context + continuation)["input_ids"]
    assert list(found.tokens) in (joint, [START, *joint])
    assert len(found.tail) >= 1
