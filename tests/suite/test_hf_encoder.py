"""Encoders are scored by pseudo-log-likelihood: each token of the continuation masked once, all else in view."""

from __future__ import annotations

import pytest
from tiny_hf import save, tokenizer

from suite.errors import UserError
from suite.models.hf import load
from suite.models.hf.encoder import Pieces, masking_of
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
@pytest.mark.parametrize("masking", ["token", "word", "whole"])
def test_pseudo_log_likelihood_is_the_sum_over_masked_tokens(plain, folder, batch_tokens: int, masking: str) -> None:
    import torch

    model = load(str(folder), device="cpu", batch_tokens=batch_tokens, masking=masking)
    tok = model._tokenization.tokenizer
    found = {response.request_id: response for response in model.answer(REQUESTS)}
    for request in REQUESTS:
        for score, continuation in zip(found[request.id].scores, request.continuations, strict=True):
            encoded = tok(request.context + continuation)
            whole, words = encoded["input_ids"], encoded.word_ids()
            start = len(tok(request.context)["input_ids"]) - 1  # its end token is not there
            total = 0.0
            for place in range(start, len(whole) - 1):
                hidden = [
                    at == place
                    or (masking == "whole" and start <= at < len(whole) - 1)
                    or (masking == "word" and at > place and words[at] == words[place])
                    for at in range(len(whole))
                ]
                masked = [tok.mask_token_id if hide else token for token, hide in zip(whole, hidden, strict=True)]
                with torch.no_grad():
                    total += float(plain(torch.tensor([masked])).logits[0, place].log_softmax(-1)[whole[place]])
            assert score.logprob == pytest.approx(total, abs=1e-4)
            assert score.tokens == len(whole) - 1 - start


def test_the_rule_is_part_of_what_the_model_is(folder) -> None:
    cards = {masking: load(str(folder), device="cpu", masking=masking).info for masking in (None, "token", "word")}
    assert cards[None].extra["masking"] == "word"
    assert cards[None].fingerprint == cards["word"].fingerprint != cards["token"].fingerprint


@pytest.mark.parametrize(
    ("training", "rule"),
    [
        (None, "word"),
        ({"objective": "mlm", "objective_options": {"whole": 0.5, "mask_rate": 0.15}}, "whole"),
        ({"objective": "mlm", "objective_options": {"whole": 0.0, "mask_rate": 0.15}}, "word"),
    ],
)
def test_an_encoder_trained_on_whole_entities_is_asked_for_whole_entities(training, rule: str) -> None:
    assert masking_of(None, training) == rule
    assert masking_of("token", training) == "token"


def test_a_rule_that_there_is_not(folder) -> None:
    with pytest.raises(UserError, match="masking 'all': expected token, word, whole"):
        load(str(folder), device="cpu", masking="all")


@pytest.mark.parametrize(
    ("pieces", "ends"),
    [
        (["play", "##ing", "##s", "!", "now"], [3, 3, 3, 4, 5]),
        (["\u2581play", "ing", "s", "!", "\u2581now"], [3, 3, 3, 4, 5]),
        (["\u0120play", "ing", "\u0120(", "now", "ly", ")"], [2, 2, 3, 5, 5, 6]),
        (["play", "now"], [1, 2]),
    ],
    ids=["WordPiece", "SentencePiece", "byte-level", "whole words"],
)
def test_pieces_of_a_word_by_the_marks_of_the_vocabulary(pieces: list[str], ends: list[int]) -> None:
    class Tokenizer:
        def get_vocab(self) -> dict[str, int]:
            return dict.fromkeys(pieces, 0)

        def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
            return [pieces[number] for number in ids]

    words = Pieces(Tokenizer())
    goes_on = [False, *(words.goes_on(number - 1, number) for number in range(1, len(pieces)))]
    found = [
        next((at for at in range(number + 1, len(pieces)) if not goes_on[at]), len(pieces))
        for number in range(len(pieces))
    ]
    assert found == ends


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
