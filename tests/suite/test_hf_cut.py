"""Contexts that are too long for the window: cut at their beginning where that was asked for, else refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny_hf import causal, logprobs_alone, save, tokenizer

from suite.models.hf import load
from suite.models.hf.card import idle_parameters
from suite.models.hf.tokenization import special_tokens
from suite.task import Loglikelihood, Response, request_from_json

POSITIONS = 24
LONG = "people say that the composer of the amber lantern is known for singing in the town " * 3
CLASSES = (" red", " the amber lantern of the town")


@pytest.fixture(scope="module", params=[False, True], ids=["without BOS", "with BOS"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("cut")
    return load(str(save(folder, causal("llama", POSITIONS), tokenizer(bos=request.param))), device="cpu")


def _answer(model: Any, request: Loglikelihood) -> Response:
    (response,) = model.answer([request])
    return response


def test_a_long_context_fails_unless_it_may_be_cut(model: Any) -> None:
    assert _answer(model, Loglikelihood(LONG, CLASSES)).error == "context_length"
    assert _answer(model, Loglikelihood(LONG, CLASSES, is_cut_to_fit=True)).error is None


def test_what_is_left_fits_exactly_is_the_same_for_all_classes_and_begins_with_the_start_token(model: Any) -> None:
    response = _answer(model, Loglikelihood(LONG, CLASSES, is_cut_to_fit=True))
    tok = model.tokenizer
    start, _ = special_tokens(tok)
    context = tok(LONG, add_special_tokens=False)["input_ids"]
    classes = [tok(LONG + text, add_special_tokens=False)["input_ids"][len(context) :] for text in CLASSES]
    longest = max(map(len, classes))
    kept = POSITIONS + 1 - longest - len(start)  # the last token of a text needs no place
    assert response.cut_tokens == len(context) - kept
    for score, own in zip(response.scores, classes, strict=True):
        tokens = [*start, *context[-kept:], *own]
        expected = sum(value for value, _ in logprobs_alone(model._scorer.model, tokens, len(tokens) - len(own)))
        assert score.logprob == pytest.approx(expected, abs=1e-4)
        assert score.tokens == len(own)


def test_a_short_context_is_left_as_it_is(model: Any) -> None:
    cut, plain = (
        _answer(model, Loglikelihood("the town", (" red", " blue"), is_cut_to_fit=may)) for may in (True, False)
    )
    assert cut.cut_tokens == 0
    assert cut.scores == plain.scores


def test_a_class_is_never_cut(model: Any) -> None:
    response = _answer(model, Loglikelihood("the town", (" red", LONG), is_cut_to_fit=True))
    assert response.error == "context_length"


def test_being_cut_is_part_of_a_request_and_of_a_response() -> None:
    plain, cut = Loglikelihood("a", (" b",)), Loglikelihood("a", (" b",), is_cut_to_fit=True)
    assert plain.id != cut.id
    assert "is_cut_to_fit" not in plain.to_json()  # requests of old keep their identity
    assert request_from_json(cut.to_json()) == cut
    response = Response(cut.id, cut_tokens=7)
    assert Response.from_json(response.to_json()) == response


def test_inverse_scaling_counts_cut_prompts(model: Any, tmp_path: Path) -> None:
    from suite.progress import Silent
    from suite.runner import run

    options = {"subtask": ["hindsight-neglect", "modus-tollens"], "n": 3, "variant": ["trap"]}
    result = run(
        "inverse_scaling", model, options=options, modes=["loglikelihood"], results=tmp_path, reporter=Silent()
    )
    assert result.status == "complete"
    assert result.metric("n_truncated", subtask="hindsight-neglect").value == 3
    assert result.metric("n_failed", subtask="hindsight-neglect").value == 0
    assert (
        "3 of 3 items without the beginning of their prompt" in result.metric("acc", subtask="hindsight-neglect").note
    )
    assert result.model_info.extra["bos_added"] == bool(special_tokens(model.tokenizer)[0])


def test_answers_of_an_earlier_run_still_say_that_their_prompt_was_cut(model: Any, tmp_path: Path) -> None:
    from suite.progress import Silent
    from suite.runner import run

    for n, reused in ((2, 0), (4, 2)):
        options = {"subtask": ["hindsight-neglect"], "n": n, "variant": ["trap"]}
        result = run(
            "inverse_scaling", model, options=options, modes=["loglikelihood"], results=tmp_path, reporter=Silent()
        )
        assert result.n_answers_reused == reused
        assert result.metric("n_truncated").value == n


def test_idle_parameters_are_the_experts_that_a_token_does_not_pass() -> None:
    import torch
    import transformers as t

    sizes = {"vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    mixture = t.MixtralConfig(
        **sizes, intermediate_size=24, num_key_value_heads=2, num_local_experts=8, num_experts_per_tok=2
    )
    dense = t.LlamaConfig(**sizes, intermediate_size=24)
    with torch.device("meta"):
        models = [t.AutoModelForCausalLM.from_config(config) for config in (mixture, dense)]
    an_expert = 3 * 16 * 24  # gate, up and down
    assert idle_parameters(models[0], mixture) == 2 * 6 * an_expert
    assert idle_parameters(models[1], dense) == 0
