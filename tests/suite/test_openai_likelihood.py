"""Log-probabilities through an API: which servers are believed, and how tokens are matched to a continuation."""

from __future__ import annotations

import pytest
from fault_server import FaultServer, Knobs, logprob

from suite.errors import UserError
from suite.models.openai import load
from suite.models.openai.failures import CallFailed
from suite.models.openai.likelihood import continuation_score
from suite.models.openai.reading import TokenScore
from suite.task import ContinuationScore, Loglikelihood


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def tokens(*texts: str, greedy: bool = True, shift: int = 0) -> list[TokenScore]:
    """Scored tokens that follow each other; the first has no score, the others -1, -2, ..."""
    found, at = [], shift
    for number, text in enumerate(texts):
        score = None if number == 0 else -float(number)
        best = ((text if greedy else "other", score if greedy and score is not None else -0.1),)
        found.append(TokenScore(text, score, best, at))
        at += len(text)
    return found


def test_a_server_whose_scores_agree_with_its_generation_is_believed() -> None:
    with FaultServer(Knobs()) as server:
        model = load("toy", base_url=server.url, loglikelihood=True)
        request = Loglikelihood("The capital of France is", (" Paris", " New York", " a"))
        [response] = model.answer([request])
    assert "loglikelihood" in model.info.capabilities
    assert response.scores == (
        ContinuationScore(-1.0, 1, True),
        ContinuationScore(logprob(" New") + logprob(" York"), 2, True),
        ContinuationScore(logprob(" a"), 1, True),
    )
    assert response.prompt_tokens == 3 * 12


@pytest.mark.parametrize(
    ("knobs", "reason"),
    [
        (Knobs(echo="shifted"), r"log-probability -1\.00 when generated, but -2\.38 as given text"),
        (Knobs(echo="ignored"), "ignores echo"),
        (Knobs(echo="rejected"), "echo is not supported"),
        (Knobs(completions=False), "does not answer /completions"),
        (Knobs(rejects=frozenset({"logprobs"})), "logprobs"),
    ],
    ids=["6.6-shifted", "6.6-ignored", "rejected", "chat-only", "no-logprobs"],
)
def test_a_server_that_fails_the_self_test_is_refused_with_the_reason(knobs: Knobs, reason: str) -> None:
    with FaultServer(knobs) as server:
        with pytest.raises(UserError, match=reason):
            load("toy", base_url=server.url, loglikelihood=True)
        model = load("toy", base_url=server.url)
        assert "loglikelihood" not in model.info.capabilities
        with pytest.raises(UserError, match=reason):
            list(model.answer([Loglikelihood("a b", (" c",))]))


def test_the_self_test_reports_what_is_honoured() -> None:
    ignored = frozenset({"n", "response_format"})
    with FaultServer(Knobs(ignores=ignored)) as server:
        report = load("toy", base_url=server.url).self_test()
    assert report.passed
    assert (report.likelihood.generated_nats, report.likelihood.scored_nats) == (-1.0, -1.0)
    assert report.honoured == {
        "echo": True,
        "logprobs": True,
        "top_logprobs": True,
        "n": False,
        "seed": False,  # the toy model gives one text whatever the seed
        "stop": False,  # nor does it stop
        "response_format": False,
    }


def test_likelihoods_after_turns_fail_alone() -> None:
    with FaultServer(Knobs()) as server:
        model = load("toy", base_url=server.url)
        [response] = model.answer([Loglikelihood((("user", "a"),), (" b",))])
    assert response.error == "client_error"


@pytest.mark.parametrize(
    ("context", "continuation", "found", "expected"),
    [
        pytest.param("Answer: ", "A", tokens("Answer", ":", " A", " x"), (-2.0, 1), id="6.7-spaces-move"),
        pytest.param("A:\n", "yes", tokens("A", ":\n", "yes", " x"), (-2.0, 1), id="white-space-joined-backwards"),
        pytest.param("A: ", "yes", tokens("A", ":", " ", "yes", " x"), (-3.0, 1), id="white-space-alone"),
        pytest.param("a b", " c d", tokens("a", " b", " c", " d", " x"), (-5.0, 2), id="generated-token-left-out"),
        pytest.param("a b", " c d", tokens("a", " b", " c", " d"), (-5.0, 2), id="nothing-generated"),
        pytest.param("a b", " c", tokens("<s>", "a", " b", " c", " x"), (-3.0, 1), id="marker-set-aside"),
    ],
)
def test_the_tokens_of_a_continuation_are_those_after_the_boundary(
    context: str, continuation: str, found: list[TokenScore], expected: tuple[float, int]
) -> None:
    score = continuation_score(context, continuation, found)
    assert (score.logprob, score.tokens, score.is_greedy) == (*expected, True)


@pytest.mark.parametrize(
    ("context", "continuation", "found"),
    [
        pytest.param('He said "', '"no', tokens("He", " said", ' ""', "no"), id="6.7-quote-merged"),
        pytest.param("The capital of Fran", "ce", tokens("The", " capital", " of", " France"), id="6.7-inside-a-word"),
        pytest.param("a b", "", tokens("a", " b", " x"), id="empty-continuation"),
        pytest.param("", "a b", tokens("a", " b", " x"), id="empty-context"),
        pytest.param("a b", " c", tokens("a", " b", " cd", " x"), id="goes-on-beyond"),
    ],
)
def test_tokens_that_do_not_part_at_the_boundary_are_an_error(
    context: str, continuation: str, found: list[TokenScore]
) -> None:
    with pytest.raises(CallFailed) as caught:
        continuation_score(context, continuation, found)
    assert caught.value.failure == "tokenization"


def test_a_token_that_is_not_the_most_likely_is_not_greedy() -> None:
    assert not continuation_score("a b", " c", tokens("a", " b", " c", greedy=False)).is_greedy


@pytest.mark.parametrize("found", [[], [TokenScore("a", None, (), None)]], ids=["no-tokens", "no-offsets"])
def test_scores_without_places_are_malformed(found: list[TokenScore]) -> None:
    with pytest.raises(CallFailed) as caught:
        continuation_score("a", " b", found)
    assert caught.value.failure == "malformed"
