"""Encoders are scored by pseudo-log-likelihood: each token of the continuation masked once, all else in view."""

from __future__ import annotations

import pytest
from tiny_hf import save, tokenizer

from suite.errors import UserError
from suite.models.hf import load
from suite.task import Generate, Loglikelihood

REQUESTS = [
    Loglikelihood("the town is known for", (" singing", " the amber lantern", " a")),
    Loglikelihood("people say", (" red", " blue gives")),
    Loglikelihood("", ("the town",)),
]


def encoder_tokenizer():
    from tokenizers import processors

    tok = tokenizer()
    tok.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return tok


def encoder():
    import torch
    from transformers import BertConfig, BertForMaskedLM

    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=400,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=64,
        initializer_range=0.2,
        pad_token_id=1,
    )
    return BertForMaskedLM(config).eval()


@pytest.fixture(scope="module")
def plain():
    return encoder()


@pytest.fixture(scope="module")
def folder(plain, tmp_path_factory):
    return save(tmp_path_factory.mktemp("bert"), plain, encoder_tokenizer())


@pytest.mark.parametrize("batch_tokens", [1, 4096])
def test_pseudo_log_likelihood_is_the_sum_over_masked_tokens(plain, folder, batch_tokens: int) -> None:
    import torch

    model = load(str(folder), device="cpu", batch_tokens=batch_tokens)
    tok = model._tokenization.tokenizer
    found = {response.request_id: response for response in model.answer(REQUESTS)}
    for request in REQUESTS:
        for score, continuation in zip(found[request.id].scores, request.continuations, strict=True):
            whole = tok(request.context + continuation)["input_ids"]
            start = len(tok(request.context)["input_ids"]) - 1  # its end token is not there
            total = 0.0
            for place in range(start, len(whole) - 1):
                masked = [*whole[:place], tok.mask_token_id, *whole[place + 1 :]]
                with torch.no_grad():
                    total += float(plain(torch.tensor([masked])).logits[0, place].log_softmax(-1)[whole[place]])
            assert score.logprob == pytest.approx(total, abs=1e-4)
            assert score.tokens == len(whole) - 1 - start


def test_an_encoder_scores_and_does_not_write(folder) -> None:
    model = load(str(folder), device="cpu")
    assert model.info.capabilities == {"loglikelihood"}
    (response,) = model.answer([Generate("the")])
    assert response.error == "client_error" and "encoder" in response.error_detail


def test_a_text_over_the_window_counts_its_special_tokens(folder) -> None:
    model = load(str(folder), device="cpu")
    tok = model._tokenization.tokenizer
    fits, over = Loglikelihood(" red" * 61, (" red",)), Loglikelihood(" red" * 62, (" red",))
    assert len(tok(over.context + " red")["input_ids"]) == 65
    found = {response.request_id: response for response in model.answer([fits, over])}
    assert found[fits.id].error is None
    assert found[over.id].error == "context_length"


def test_an_encoder_without_a_head_is_refused(tmp_path, plain) -> None:
    save(tmp_path, plain.bert, encoder_tokenizer())
    with pytest.raises(UserError, match="holds BertModel, which has no language-model head"):
        load(str(tmp_path))


def test_a_tokenizer_without_a_mask_token_is_refused(tmp_path, plain) -> None:
    tok = encoder_tokenizer()
    tok.mask_token = None
    with pytest.raises(UserError, match="no mask token"):
        load(str(save(tmp_path, plain, tok)), device="cpu")
