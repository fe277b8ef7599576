"""Generated texts: greedy texts are those of one prompt alone, samples are reproducible, stops stop."""

from __future__ import annotations

import pytest
from tiny_hf import ARCHITECTURES, causal, save, tokenizer

from suite.models.hf import load
from suite.models.hf.generation import end_tokens
from suite.task import Generate, Loglikelihood, Response


def answers(model, requests) -> dict[str, Response]:
    found = {response.request_id: response for response in model.answer(requests)}
    assert set(found) == {request.id for request in requests}
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("llama"), causal("llama"), tokenizer(template=True))


@pytest.fixture(scope="module")
def model(folder):
    return load(str(folder), device="cpu")


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_greedy_texts_in_a_batch_equal_the_argmax_step_by_step(kind: str, tmp_path) -> None:
    import torch

    plain, tok = causal(kind), tokenizer()
    model = load(str(save(tmp_path, plain, tok)), device="cpu")
    tok = model._tokenization.tokenizer
    requests = [
        Generate(prompt, max_tokens=n)
        for prompt, n in [("the town", 9), ("people say that the composer of the amber lantern", 4), ("A", 6)]
    ]
    found = answers(model, requests)
    for request in requests:
        tokens = tok(request.prompt)["input_ids"]
        start = len(tokens)
        with torch.no_grad():
            while len(tokens) - start < request.max_tokens and tokens[-1] != tok.eos_token_id:
                tokens.append(int(plain(torch.tensor([tokens])).logits[0, -1].argmax()))
        text = found[request.id].texts[0]
        assert text.text == tok.decode(tokens[start:], skip_special_tokens=True)
        assert text.finish == ("stop" if tokens[-1] == tok.eos_token_id else "length")
        assert found[request.id].prompt_tokens == start
        assert found[request.id].completion_tokens == len(tokens) - start


def test_samples_depend_on_prompt_seed_and_number_and_not_on_the_batch(model, folder) -> None:
    request = Generate("the town", max_tokens=12, temperature=1.0, n=3, seed=5)
    others = [Generate(f"{w} red", max_tokens=5, temperature=t) for w in ("A", "people") for t in (0.0, 0.7)]
    alone = answers(load(str(folder), device="cpu", batch_tokens=1), [request])[request.id]
    together = answers(model, [*others, request])[request.id]
    assert alone.texts == together.texts
    assert len({text.text for text in alone.texts}) == 3
    other_seed = Generate("the town", max_tokens=12, temperature=1.0, n=3, seed=6)
    assert answers(model, [other_seed])[other_seed.id].texts != alone.texts
    more = Generate("the town", max_tokens=12, temperature=1.0, n=5, seed=5)
    assert answers(model, [more])[more.id].texts[:3] == alone.texts


def test_samples_follow_the_models_distribution(model) -> None:
    import math
    from collections import Counter

    n = 1500
    request = Generate("the town", max_tokens=1, temperature=1.0, n=n, top_logprobs=8)
    response = answers(model, [request])[request.id]
    counts = Counter(text.text for text in response.texts)
    whole = [
        (token, logprob) for token, logprob in response.first_token if token.isascii() and token
    ]  # one text, one token
    assert len(whole) >= 3
    for token, logprob in whole:
        p = math.exp(logprob)
        assert counts[token] / n == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / n))


def test_a_low_temperature_is_all_but_greedy(model) -> None:
    cold, greedy = Generate("the town", max_tokens=6, temperature=1e-4), Generate("the town", max_tokens=6)
    found = answers(model, [cold, greedy])
    assert found[cold.id].texts == found[greedy.id].texts


def test_a_stop_string_ends_the_text_and_is_not_part_of_it(model) -> None:
    free = Generate("people say", max_tokens=24)
    whole = answers(model, [free])[free.id].texts[0].text
    stop = whole[8:11]
    request = Generate("people say", max_tokens=24, stop=(stop, "never seen in any text"))
    long = Generate("A B", max_tokens=24)
    response = answers(model, [request, long])[request.id]
    assert response.texts[0].text == whole[: whole.find(stop)]
    assert response.texts[0].finish == "stop"
    assert 0 < response.completion_tokens < 24


def test_each_text_has_its_own_limit(model) -> None:
    short, long = Generate("the", max_tokens=2), Generate("the", max_tokens=7)
    found = answers(model, [short, long])
    assert (found[short.id].completion_tokens, found[long.id].completion_tokens) == (2, 7)
    assert found[short.id].texts[0].finish == "length"
    assert found[long.id].texts[0].text.startswith(found[short.id].texts[0].text)


def test_first_token_alternatives_are_the_likeliest_with_their_log_probabilities(model) -> None:
    request = Generate("the town", max_tokens=1, temperature=0.8, top_logprobs=5)
    top = answers(model, [request])[request.id].first_token
    assert len(top) == 5 and [p for _, p in top] == sorted((p for _, p in top), reverse=True)
    score = Loglikelihood("the town", tuple(token for token, _ in top if token.startswith(" ")))
    scored = answers(model, [score])[score.id].scores
    by_token = dict(top)
    single = [(c, s) for c, s in zip(score.continuations, scored, strict=True) if s.tokens == 1]
    assert single, "no alternative begins with a space; choose another prompt"
    for continuation, found in single:
        assert found.logprob == pytest.approx(by_token[continuation], abs=1e-4)


def test_a_text_ends_at_the_models_window(tmp_path) -> None:
    model = load(str(save(tmp_path, causal("gpt2", positions=16), tokenizer())), device="cpu")
    near, over = Generate(" red" * 12, max_tokens=20), Generate(" red" * 16, max_tokens=1)
    found = answers(model, [near, over])
    assert found[near.id].texts[0].finish == "length" and found[near.id].completion_tokens == 4
    assert found[over.id].error == "context_length"


def test_the_folders_own_generation_defaults_do_not_colour_the_texts(tmp_path) -> None:
    import json

    folder = save(tmp_path, causal("llama"), tokenizer())
    request = Generate("the town red", max_tokens=10)
    before = answers(load(str(folder), device="cpu"), [request])[request.id].texts
    path = folder / "generation_config.json"
    defaults = {"repetition_penalty": 9.0, "do_sample": True, "temperature": 5.0, "max_new_tokens": 2}
    path.write_text(json.dumps({**json.loads(path.read_text()), **defaults}))
    assert answers(load(str(folder), device="cpu"), [request])[request.id].texts == before


def test_end_tokens_come_from_generation_config_and_tokenizer() -> None:
    plain = causal("llama")
    plain.generation_config.eos_token_id = [5, 7]
    assert end_tokens(plain, tokenizer()) == [1, 5, 7]
    assert end_tokens(plain, tokenizer(special=False)) == [5, 7]


def test_a_chat_is_answered_through_the_template(model) -> None:
    chat = Generate((("user", "red"),), max_tokens=3)
    written = Generate("<s>[user] red\n[assistant] ", max_tokens=3)
    found = answers(model, [chat, written])
    assert found[chat.id].texts == found[written.id].texts


def test_a_json_schema_is_refused_aloud(model) -> None:
    request = Generate("the", json_schema={"type": "object"})
    response = answers(model, [request])[request.id]
    assert response.error == "client_error" and "JSON schema" in response.error_detail
