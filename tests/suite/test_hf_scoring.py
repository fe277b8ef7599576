"""Prefix sharing changes nothing: scores equal those of one plain forward pass a continuation."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import pytest
from tiny_hf import ARCHITECTURES, causal, logprobs_alone, save, tokenizer
from transformers import AutoTokenizer

from suite.models.hf import load
from suite.models.hf.forward import extend
from suite.models.hf.scoring import full_attention_window
from suite.task import Loglikelihood, Response

HEADER = "question people say the composer of amber lantern answer red\n" * 2
REQUESTS = [
    *(
        Loglikelihood(f"{HEADER}in the town {name} is known for", (" singing", " amber lantern", " the amber", " a"))
        for name in ("Ora", "Bel", "Tiv", "the composer of the amber lantern Quen")
    ),
    Loglikelihood("Answer:", (" A", " B", " C", " D")),
    Loglikelihood("people say that", (" the composer of the town", " the composer of amber", " red")),
    Loglikelihood("the", (" town",)),
    Loglikelihood("", ("people say", "the")),
    Loglikelihood("the lan", ("tern keeps", "p")),  # tokens merge across the boundary
    Loglikelihood("many", tuple(f" {a} the {b} of {c}" for a in "ABC" for b in ("red", "blue") for c in range(8))),
]


def answers(model, requests) -> dict[str, Response]:
    return {response.request_id: response for response in model.answer(requests)}


def alone(model, tok, request: Loglikelihood) -> list[tuple[float, int, bool]]:
    """What each continuation scores by itself, by the rule of tokenization, written down a second time."""
    found = []
    for continuation in request.continuations:
        context = tok(request.context)["input_ids"] or [tok.bos_token_id]
        whole = tok(request.context + continuation)["input_ids"]
        if whole[:1] != context[:1]:
            whole = [tok.bos_token_id, *whole]
        start = 0
        while start < min(len(context), len(whole)) and context[start] == whole[start]:
            start += 1
        parts = logprobs_alone(model, whole, start)
        found.append((sum(p for p, _ in parts), len(parts), all(best for _, best in parts)))
    return found


@pytest.fixture(scope="module", params=ARCHITECTURES)
def architecture(request, tmp_path_factory):
    model = causal(request.param)
    folders = {
        bos: save(tmp_path_factory.mktemp(f"{request.param}-{bos}"), model, tokenizer(bos=bos)) for bos in (False, True)
    }
    return model, folders


@pytest.mark.parametrize("bos", [False, True], ids=["no-bos", "bos"])
@pytest.mark.parametrize("batch_tokens", [1, 60, 4096])
def test_scores_equal_those_computed_alone(architecture, bos: bool, batch_tokens: int) -> None:
    plain, folders = architecture
    model = load(str(folders[bos]), device="cpu", batch_tokens=batch_tokens)
    tok = AutoTokenizer.from_pretrained(folders[bos])  # transformers may put the architecture's own class to work
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no architecture of these may fall back to unshared scoring
        found = answers(model, REQUESTS)
    assert set(found) == {request.id for request in REQUESTS}
    for request in REQUESTS:
        for score, (logprob, count, best) in zip(found[request.id].scores, alone(plain, tok, request), strict=True):
            assert score.logprob == pytest.approx(logprob, abs=1e-4)
            assert (score.tokens, score.is_greedy) == (count, best)


def test_a_greedy_continuation_is_known_as_such(tmp_path: Path) -> None:
    plain, tok = causal("llama"), tokenizer()
    model = load(str(save(tmp_path, plain, tok)), device="cpu")
    requests = [
        Loglikelihood(context, (" red", " A", "s", " blue")) for context in ("the", "A B", "town", "people say")
    ]
    likeliest = tok.decode([_likeliest(plain, tok("red blue")["input_ids"])])
    requests.append(Loglikelihood("red blue", (likeliest, " amber")))
    found = answers(model, requests)
    flags = [score.is_greedy for request in requests for score in found[request.id].scores]
    assert flags == [best for request in requests for _, _, best in alone(plain, tok, request)]
    assert found[requests[-1].id].scores[0].is_greedy


def _likeliest(model, tokens: list[int]) -> int:
    import torch

    with torch.no_grad():
        return int(model(torch.tensor([tokens])).logits[0, -1].argmax())


@pytest.mark.parametrize("kind", ["bloom", "mamba"])
def test_architectures_that_cannot_share_are_found_out_and_scored_whole(kind: str, tmp_path: Path) -> None:
    plain, tok = causal(kind), tokenizer(bos=True)
    model = load(str(save(tmp_path, plain, tok)), device="cpu", batch_tokens=128)
    with pytest.warns(UserWarning, match="cannot share prefixes"):
        found = answers(model, REQUESTS)
    for request in REQUESTS:
        for score, (logprob, _, _) in zip(found[request.id].scores, alone(plain, tok, request), strict=True):
            assert score.logprob == pytest.approx(logprob, abs=1e-4)


def test_texts_longer_than_a_sliding_window_are_scored_whole(tmp_path: Path) -> None:
    plain, tok = causal("mistral", sliding_window=16), tokenizer()
    model = load(str(save(tmp_path, plain, tok)), device="cpu")
    assert model._scorer._window == 16 and model._scorer.can_share
    found = answers(model, REQUESTS)
    for request in REQUESTS:
        for score, (logprob, _, _) in zip(found[request.id].scores, alone(plain, tok, request), strict=True):
            assert score.logprob == pytest.approx(logprob, abs=1e-4)


def test_window_of_full_attention() -> None:
    from transformers import Gemma3TextConfig, LlamaConfig, Qwen2Config

    assert full_attention_window(LlamaConfig()) is None
    assert full_attention_window(Qwen2Config(use_sliding_window=False)) is None
    assert full_attention_window(Gemma3TextConfig(sliding_window=512)) == 512
    rope = {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}
    assert full_attention_window(LlamaConfig(rope_parameters=rope, max_position_embeddings=64)) == 64


def test_nested_headers_and_split_contexts_score_the_same(architecture, monkeypatch) -> None:
    from suite.models.hf import scoring

    plain, folders = architecture
    monkeypatch.setattr(scoring, "_CALL_COST", {"cpu": 1})
    monkeypatch.setattr(scoring, "_MAX_BRANCH", 6)
    depths = []
    monkeypatch.setattr(scoring, "extend", lambda *args: depths.append(args[1].length) or extend(*args))
    model, tok = load(str(folders[False]), device="cpu"), AutoTokenizer.from_pretrained(folders[False])
    turns = [
        "question people say red",
        " answer the town keeps blue",
        " that the lantern gives",
        " for singing in town",
    ]
    grown = [
        Loglikelihood("".join(turns[: n + 1] * 2) + end, (" A", " the red", " B for the town"))
        for n in range(len(turns))
        for end in ("", " people", " in the amber town")
    ]
    found = answers(model, [*REQUESTS, *grown])
    assert len(set(depths)) > 2, "headers must nest for this test to mean anything"
    for request in [*REQUESTS, *grown]:
        for score, (logprob, _, _) in zip(found[request.id].scores, alone(plain, tok, request), strict=True):
            assert score.logprob == pytest.approx(logprob, abs=1e-4)


def test_the_same_request_gets_the_same_score_in_any_company(tmp_path: Path) -> None:
    model = load(str(save(tmp_path, causal("llama"), tokenizer())), device="cpu")
    together = answers(model, REQUESTS)
    for request in REQUESTS[:3]:
        single = answers(model, [request])[request.id]
        for a, b in zip(single.scores, together[request.id].scores, strict=True):
            assert a.logprob == pytest.approx(b.logprob, abs=1e-4)


def test_identical_requests_are_each_answered(tmp_path: Path) -> None:
    model = load(str(save(tmp_path, causal("llama"), tokenizer())), device="cpu")
    responses = list(model.answer([REQUESTS[0], REQUESTS[0]]))
    assert [response.request_id for response in responses] == [REQUESTS[0].id] * 2
    assert responses[0].scores == pytest.approx(responses[1].scores)


def test_no_request_gives_no_response_and_no_continuation_an_empty_one(tmp_path: Path) -> None:
    model = load(str(save(tmp_path, causal("llama"), tokenizer())), device="cpu")
    assert list(model.answer([])) == []
    empty = Loglikelihood("the", ())
    assert list(model.answer([empty])) == [Response(empty.id)]


def test_a_failed_request_leaves_the_others_alone(tmp_path: Path) -> None:
    model = load(str(save(tmp_path, causal("llama", positions=24), tokenizer())), device="cpu")
    good = Loglikelihood("the town", (" amber", " red"))
    nothing = Loglikelihood("the town", (" red", ""))
    long = Loglikelihood("the town " * 30, (" red",))
    found = answers(model, [nothing, good, long])
    assert found[good.id].error is None and len(found[good.id].scores) == 2
    assert found[nothing.id].error == "tokenization"
    assert "'the town'" in found[nothing.id].error_detail and "''" in found[nothing.id].error_detail
    assert found[long.id].error == "context_length" and "24" in found[long.id].error_detail
    assert found[long.id].scores == ()


def test_a_text_that_just_fits_is_scored_and_one_token_more_is_not(tmp_path: Path) -> None:
    tok = tokenizer()
    model = load(str(save(tmp_path, causal("gpt2", positions=16), tok)), device="cpu")
    fits = Loglikelihood(" red" * 16, (" red",))  # 17 tokens, the last of which is never an input
    over = Loglikelihood(" red" * 17, (" red",))
    assert len(tok(fits.context)["input_ids"]) == 16
    found = answers(model, [fits, over])
    assert found[fits.id].error is None
    assert found[over.id].error == "context_length"


def test_a_log_probability_that_is_no_number_is_an_error(tmp_path: Path) -> None:
    model = load(str(save(tmp_path, causal("llama"), tokenizer())), device="cpu")
    broken = model._scorer.model.get_output_embeddings().weight
    broken[5] = math.nan
    response = answers(model, [REQUESTS[0]])[REQUESTS[0].id]
    assert response.error == "nan" and response.scores == ()


def test_chat_contexts_go_through_the_template(tmp_path: Path) -> None:
    plain, tok = causal("llama"), tokenizer(bos=True, template=True)
    model = load(str(save(tmp_path, plain, tok)), device="cpu")
    chat = Loglikelihood((("system", "the town"), ("user", "red ?")), ("blue", "red"))
    continued = Loglikelihood((("user", "red ?"), ("assistant", "the")), (" blue",))
    refused = Loglikelihood((("tool", "red"),), ("blue",))
    found = answers(model, [chat, continued, refused])
    for request, text in [
        (chat, "[system] the town\n[user] red ?\n[assistant] "),
        (continued, "[user] red ?\n[assistant] the"),
    ]:
        prompt = [0, *tok(text, add_special_tokens=False)["input_ids"]]
        for score, continuation in zip(found[request.id].scores, request.continuations, strict=True):
            whole = [0, *tok(text + continuation, add_special_tokens=False)["input_ids"]]
            start = next(i for i in range(len(whole)) if i >= len(prompt) or whole[i] != prompt[i])
            expected = sum(p for p, _ in logprobs_alone(plain, whole, start))
            assert score.logprob == pytest.approx(expected, abs=1e-4)
    assert found[refused.id].error == "client_error" and "no tools" in found[refused.id].error_detail


def test_out_of_memory_halves_the_batch_and_loses_nothing(tmp_path: Path, monkeypatch) -> None:
    import torch

    from suite.errors import UserError
    from suite.models.hf import scoring

    model = load(str(save(tmp_path, causal("llama"), tokenizer())), device="cpu", batch_tokens=4096)
    expected = answers(model, REQUESTS)
    real, sizes = scoring.tree_logits, []

    def limited(inner, header, rows, reads):
        if len(rows) > 2:
            raise torch.OutOfMemoryError("out of memory")
        sizes.append(len(rows))
        return real(inner, header, rows, reads)

    monkeypatch.setattr(scoring, "tree_logits", limited)
    found = answers(model, REQUESTS)
    assert max(sizes) == 2
    for request in REQUESTS:
        for a, b in zip(found[request.id].scores, expected[request.id].scores, strict=True):
            assert a.logprob == pytest.approx(b.logprob, abs=1e-4)

    def hopeless(*_):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(scoring, "tree_logits", hopeless)
    with pytest.raises(UserError, match="out of memory with a single text"):
        answers(model, REQUESTS)


def test_shared_tokens_are_run_once(tmp_path: Path) -> None:
    tok = tokenizer()
    model = load(str(save(tmp_path, causal("llama"), tok)), device="cpu", batch_tokens=4096)
    assert model._scorer.can_share
    run = []
    inner = model._scorer.model.model
    inner.register_forward_pre_hook(lambda _, __, kwargs: run.append(kwargs["input_ids"].numel()), with_kwargs=True)
    context = len(tok(HEADER * 5)["input_ids"])
    assert context > 96
    requests = [Loglikelihood(HEADER * 5 + f" {name}", (" red town", " blue")) for name in ("A", "B", "C", "D")]
    answers(model, requests)
    # the header once; of each doc the name, its second token and " red"
    assert sum(run) <= context + 4 * 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("continuation", "logprob"),
    [(" Paris", -0.2606), (" the", -2.745), (" London", -4.406)],
    ids=["6.6-Paris", "6.6-the", "6.6-London"],
)
def test_next_token_figures_of_smollm2(smollm2, continuation: str, logprob: float) -> None:
    request = Loglikelihood("The capital of France is", (continuation,))
    (score,) = answers(smollm2, [request])[request.id].scores
    assert score.logprob == pytest.approx(logprob, abs=6e-4)


@pytest.mark.slow
def test_next_token_figure_of_smollm2_in_bfloat16() -> None:
    """-0.2708; bfloat16 kernels differ by processor, hence the tolerance."""
    from suite.pretrained import fetch

    model = load(str(fetch("smollm2-135m")), device="cpu", dtype="bfloat16")
    request = Loglikelihood("The capital of France is", (" Paris", " London"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = answers(model, [request])[request.id].scores
    assert scores[0].logprob == pytest.approx(-0.2708, abs=0.03)
    assert scores[0].is_greedy and not scores[1].is_greedy


@pytest.mark.slow
def test_boundary_rule_on_smollm2(smollm2) -> None:
    """A merged quote is scored whole, a merged word from the first token that differs."""
    quote, word = Loglikelihood('He said "', ('"no',)), Loglikelihood("The capital of Fran", ("ce",))
    found = answers(smollm2, [quote, word])
    assert found[quote.id].error is None and found[quote.id].scores[0].tokens == 2
    assert found[word.id].error is None and found[word.id].scores[0].tokens == 1


@pytest.fixture(scope="module")
def smollm2():
    from suite.pretrained import fetch

    return load(str(fetch("smollm2-135m")), device="cpu")
