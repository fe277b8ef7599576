"""Prompts in segments on local models: tokenised part by part, scored and continued, with and without intervention."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import tiny_hf
import torch
from tiny_hf import logprobs_alone

from suite.errors import UserError
from suite.interventions import Layout
from suite.models.hf import HFModel, load
from suite.models.hf.tokenization import Tokenization
from suite.registry import load_model
from suite.task import Generate, Loglikelihood, Response, Segmented, request_from_json

SEGMENTS = (" the lantern", " amber in town", " red blue gives")
PROMPT = Segmented("question of the composer:", SEGMENTS, " answer")
PLAIN, WITH_BOS, CHAT = tiny_hf.tokenizer(), tiny_hf.tokenizer(bos=True), tiny_hf.tokenizer(bos=True, template=True)


def ids(tokenizer: Any, *texts: str) -> list[int]:
    """The texts tokenised one by one and joined."""
    return [token for text in texts for token in tokenizer(text, add_special_tokens=False)["input_ids"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_hf.save(tmp_path_factory.mktemp("llama"), tiny_hf.causal("llama", positions=512), CHAT)


@pytest.fixture(scope="module")
def stock(folder: Path) -> HFModel:
    return load(str(folder), device="cpu")


@pytest.fixture(scope="module")
def pined(folder: Path) -> HFModel:
    return load(str(folder), device="cpu", intervention="pine")


def orders(**more: Any) -> list[Segmented]:
    return [Segmented(PROMPT.prefix, tuple(order), PROMPT.suffix, **more) for order in itertools.permutations(SEGMENTS)]


def answers(model: HFModel, *requests: Any) -> list[Response]:
    found = {response.request_id: response for response in model.answer(requests)}
    return [found[request.id] for request in requests]


# Tokens ------------------------------------------------------------------------------------------------------------


def test_parts_are_tokenised_alone_and_special_tokens_stand_once_before_the_prefix() -> None:
    ((tokens, opening),) = Tokenization(WITH_BOS).prompts([PROMPT])
    assert tokens == (0, *ids(WITH_BOS, PROMPT.prefix, *SEGMENTS, PROMPT.suffix))
    assert opening.layout is None
    ((_, opening),) = Tokenization(WITH_BOS, layouts=True).prompts([PROMPT])
    assert opening.layout == Layout(
        1 + len(ids(WITH_BOS, PROMPT.prefix)), tuple(len(ids(WITH_BOS, s)) for s in SEGMENTS)
    )


def test_orders_differ_in_nothing_but_order() -> None:
    found = [tokens for tokens, _ in Tokenization(PLAIN).prompts(orders())]
    assert len(set(found)) == 6
    assert len({tuple(sorted(tokens)) for tokens in found}) == 1


def test_canonical_order_makes_all_orders_one() -> None:
    found = Tokenization(PLAIN, layouts=True, canonical=True).prompts(orders())
    assert len({(tokens, opening.layout) for tokens, opening in found}) == 1


def test_it_is_recorded_whether_joint_tokens_would_differ() -> None:
    split = Segmented("the comp", ("oser", " of"), " amber")
    assert ids(PLAIN, "the composer") != ids(PLAIN, "the comp", "oser")
    openings = [opening for _, opening in Tokenization(PLAIN).prompts([PROMPT, split])]
    assert [opening.is_split for opening in openings] == [False, True]
    (target,) = Tokenization(PLAIN).targets([(0, Loglikelihood(split, (" red",)))])
    assert target.is_split
    assert Response.from_json(Response("x", is_split=True).to_json()).is_split


def test_a_continuation_joins_the_suffix_alone() -> None:
    context = Segmented("known", (" for", " singing"), " in t")
    (target,) = Tokenization(PLAIN).targets([(0, Loglikelihood(context, ("own",)))])
    opening = ids(PLAIN, "known", " for", " singing")
    assert list(target.tokens) == opening + ids(PLAIN, " in town")
    assert target.keep < len(target.context)  # the suffix's last tokens merge into the continuation


def test_the_chat_template_goes_around_prefix_and_suffix() -> None:
    asked = Segmented(PROMPT.prefix, SEGMENTS, PROMPT.suffix, as_user_turn=True)
    ((tokens, opening),) = Tokenization(CHAT, layouts=True).prompts([asked])
    head, tail = "<s>[user] ", "\n[assistant] "
    assert list(tokens) == ids(CHAT, head + PROMPT.prefix, *SEGMENTS, PROMPT.suffix + tail)
    assert tokens.count(0) == 1
    assert opening.layout.prefix == len(ids(CHAT, head + PROMPT.prefix))
    assert Tokenization(CHAT).text(asked) == head + PROMPT.prefix + "".join(SEGMENTS) + PROMPT.suffix + tail
    assert Tokenization(WITH_BOS).prompts([asked])[0][0] == Tokenization(WITH_BOS).prompts([PROMPT])[0][0]
    assert Tokenization(CHAT, chat=False).prompts([asked])[0][0] == Tokenization(WITH_BOS).prompts([PROMPT])[0][0]


def test_a_template_that_trims_is_followed_and_one_that_rewrites_refused() -> None:
    trimming, rewriting = (tiny_hf.tokenizer(bos=True, template=True) for _ in range(2))
    trimming.chat_template = trimming.chat_template.replace("m.content", "m.content | trim")
    rewriting.chat_template = rewriting.chat_template.replace("m.content", "m.content | replace('\n', ' ')")
    asked = Segmented("\n the", (" red\n", " blue"), " answer \n", as_user_turn=True)
    assert Tokenization(trimming).text(asked) == "<s>[user] the red\n blue answer\n[assistant] "
    with pytest.raises(UserError, match="rewrites the user's words"):
        Tokenization(rewriting).text(asked)


# Answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_user_turn", [False, True])
def test_scores_of_segmented_prompts_are_those_of_their_tokens(stock: HFModel, as_user_turn: bool) -> None:
    model = stock._scorer.model
    questions = [
        Loglikelihood(context, (" red blue", " red", " the lantern singing", "s"))
        for context in orders(as_user_turn=as_user_turn)
    ]
    for question, response in zip(questions, answers(stock, *questions), strict=True):
        for target, score in zip(stock._tokenization.targets([(0, question)]), response.scores, strict=True):
            alone = logprobs_alone(model, list(target.tokens), target.keep)
            assert score.logprob == pytest.approx(sum(value for value, _ in alone), abs=1e-4)


def logprobs_under(intervention: Any, model: Any, target: Any) -> float:
    with intervention.apply(model, target.layout):
        return sum(value for value, _ in logprobs_alone(model, [*target.tokens, 5], target.keep)[:-1])


@pytest.mark.parametrize("spec", ["pine", "pine:canonical_order=false", "pine:reverse", "rotor"])
def test_scores_under_an_intervention_are_those_of_the_context_manager(folder: Path, spec: str) -> None:
    """Several continuations (which share a header), a single one, and one-token ones (which share a row)."""
    from suite.interventions import load_intervention

    model = load(str(folder), device="cpu", intervention=spec)
    questions = [
        Loglikelihood(context, continuations)
        for context in orders()[:3]
        for continuations in ((" red blue gives", " red town", " singing"), (" lantern in town",), (" red", " blue"))
    ]
    for question, response in zip(questions, answers(model, *questions), strict=True):
        for target, score in zip(model._tokenization.targets([(0, question)]), response.scores, strict=True):
            expected = logprobs_under(load_intervention(spec), model._scorer.model, target)
            assert score.logprob == pytest.approx(expected, abs=1e-4)


def test_every_order_is_answered_alike_under_pine_and_not_without(stock: HFModel, pined: HFModel) -> None:
    questions = [Loglikelihood(context, (" red", " blue gives")) for context in orders()]
    assert len({response.scores for response in answers(pined, *questions)}) == 1
    assert len({response.scores for response in answers(stock, *questions)}) == 6
    asks = [Generate(context, max_tokens=8, top_logprobs=3) for context in orders()]
    assert len({(r.texts, r.first_token) for r in answers(pined, *asks)}) == 1
    assert len({r.texts for r in answers(stock, *asks)}) > 1


def test_the_same_tokens_cut_otherwise_are_another_prompt(pined: HFModel) -> None:
    questions = [
        Loglikelihood(Segmented("say", segments, " answer"), (" red", " blue gives"))
        for segments in ((" the town", " amber", " red"), (" the town", " amber red"))
    ]
    both = answers(pined, *questions)
    assert both[0].scores != both[1].scores
    for question, response in zip(questions, both, strict=True):
        (alone,) = answers(pined, question)
        for a, b in zip(alone.scores, response.scores, strict=True):
            assert a.logprob == pytest.approx(b.logprob, abs=1e-4)


def test_invariance_does_not_hang_on_canonical_order(folder: Path) -> None:
    model = load(str(folder), device="cpu", intervention="pine:canonical_order=false")
    found = answers(model, *(Loglikelihood(context, (" red", " blue gives")) for context in orders()))
    for response in found[1:]:
        for score, first in zip(response.scores, found[0].scores, strict=True):
            assert score.logprob == pytest.approx(first.logprob, abs=1e-4)


@pytest.mark.parametrize("batch_tokens", [1, 64, 4096])
def test_batches_hold_one_layout_and_change_nothing(folder: Path, pined: HFModel, batch_tokens: int) -> None:
    model = load(str(folder), device="cpu", intervention="pine", batch_tokens=batch_tokens)
    contexts = [
        Segmented(prefix, segments, suffix)
        for prefix in ("question of the composer:", "say")
        for segments in (SEGMENTS, SEGMENTS[:2], (" the town", " amber in", " red blue town"))
        for suffix in (" answer", " people say that", " say")
    ]
    asks = [Generate(context, max_tokens=4, n=2, temperature=1.0) for context in contexts]
    questions = [Loglikelihood(context, (" red", " blue gives", " amber")) for context in contexts]
    got, expected = answers(model, *asks, *questions), [answers(pined, ask)[0] for ask in [*asks, *questions]]
    for a, b in zip(got, expected, strict=True):
        assert a.error is None
        assert a.texts == b.texts
        assert [score.logprob for score in a.scores] == pytest.approx([s.logprob for s in b.scores], abs=1e-4)


def test_unsegmented_prompts_go_the_plain_way(stock: HFModel, pined: HFModel) -> None:
    requests = [
        Loglikelihood("the composer of", (" red", " blue gives")),
        Generate("people say", max_tokens=5),
        Generate((("user", "say"),), max_tokens=5),
    ]
    plain, under = answers(stock, *requests), answers(pined, *requests)
    assert [response.scores for response in plain] == [response.scores for response in under]
    assert [response.texts for response in plain] == [response.texts for response in under]


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (Segmented("the", (" red", ""), " answer"), "segment 1 has 0 tokens"),
        (Segmented("the", (), " answer"), "no segment"),
        (Segmented("the", (" red", " blue"), ""), "the suffix has no tokens"),
    ],
    ids=["empty-segment", "no-segment", "no-suffix"],
)
def test_prompts_that_pine_cannot_have_fail_alone(pined: HFModel, prompt: Segmented, words: str) -> None:
    fine = Generate(PROMPT, max_tokens=2)
    asked = [Loglikelihood(prompt, (" red",)), Generate(prompt, max_tokens=2), fine]
    scored, generated, other = answers(pined, *asked)
    for response in (scored, generated):
        assert response.error == "tokenization"
        assert words in response.error_detail
    assert other.error is None


def test_a_suffix_that_merges_away_whole_cannot_be_scored_under_pine(stock: HFModel, pined: HFModel) -> None:
    question = Loglikelihood(Segmented("the", (" red", " blue"), " compos"), ("er",))
    if ids(PLAIN, " composer") == ids(PLAIN, " compos", "er"):
        pytest.fail("the tokenizer of this test must merge these")
    single = Loglikelihood(Segmented("the", (" red", " blue"), "a"), ("nswer",))
    merged = len(ids(PLAIN, "a")) == 1 and ids(PLAIN, "answer")[0] != ids(PLAIN, "a")[0]
    assert merged
    (response,) = answers(pined, single)
    assert response.error == "tokenization"
    assert "no token of the suffix is left" in response.error_detail
    assert all(r.error is None for r in answers(stock, single, question))


# The model and its card --------------------------------------------------------------------------------------------


def test_the_card_names_the_intervention(folder: Path, stock: HFModel, pined: HFModel) -> None:
    other = load(str(folder), device="cpu", intervention="pine:reverse")
    assert len({model.info.fingerprint for model in (stock, pined, other)}) == 3
    assert pined.info.name == f"{stock.info.name}+pine"
    assert pined.info.extra["intervention"]["name"] == "pine"
    assert other.info.extra["intervention"]["reverse"] is True
    assert "intervention" not in stock.info.extra


def test_a_model_that_cannot_be_served_is_refused_before_its_weights_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpt2 = tiny_hf.save(tmp_path / "gpt2", tiny_hf.causal("gpt2"), PLAIN)
    monkeypatch.setattr("suite.models.hf.loading.load_weights", lambda *_: pytest.fail("weights were read"))
    with pytest.raises(UserError, match="'gpt2' is not supported"):
        load(str(gpt2), intervention="pine")
    with pytest.raises(UserError, match="did you mean pine"):
        load(str(gpt2), intervention="pin")


def test_an_encoder_is_refused(tmp_path: Path) -> None:
    import transformers

    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=400, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    encoder = tiny_hf.save(tmp_path / "bert", transformers.BertForMaskedLM(config), PLAIN)
    with pytest.raises(UserError, match="is an encoder; intervention pine"):
        load(str(encoder), intervention="pine")


@pytest.mark.parametrize("name", ["openai/gpt", "scripted/constant"])
def test_other_providers_refuse_interventions(name: str) -> None:
    with pytest.raises(UserError, match=f"intervention pine: {name} is not run here; it needs local weights"):
        load_model(name, intervention="pine")


def test_the_command_line_passes_the_intervention_on() -> None:
    from typer.testing import CliRunner

    from cli import app

    result = CliRunner().invoke(app, ["run", "reversal_curse", "-m", "openai/gpt", "--intervention", "pine"])
    assert isinstance(result.exception, UserError)
    assert "needs local weights" in str(result.exception)


def test_segmented_requests_survive_json() -> None:
    request = Generate(Segmented("a", ("b", "c"), "d", as_user_turn=True))
    assert request_from_json(request.to_json()).id == request.id
