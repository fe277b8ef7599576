"""What the segment attention refuses, and that it leaves a model as it found it."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest
import tiny_hf
import torch
from pine_setup import causal, parts, suffix_logits

from suite.errors import UserError
from suite.interventions import Layout, load_intervention, pine, rotor

PROMPT = parts()


def hooks_of(model: Any) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: causal("gpt2"), "model type 'gpt2' is not supported; supported: .*llama.*qwen2"),
        (lambda: causal("gpt_neox"), "model type 'gpt_neox' is not supported"),
        (lambda: causal("mistral", sliding_window=16), "layers of sliding_attention, which hide far segments"),
        (lambda: causal("qwen2", use_sliding_window=True, max_window_layers=1), "layers of sliding_attention"),
        (
            lambda: causal(
                "llama", rope_parameters={"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5}
            ),
            "rotates only 0.5 of each head",
        ),
        (lambda: torch.compile(causal()), "compiled"),
        (lambda: torch.nn.Linear(2, 2), "expected a transformers model with local weights, not Linear"),
        (lambda: "gpt-5", "not str"),
    ],
    ids=["gpt2", "gpt_neox", "mistral-window", "qwen2-window", "partial", "compiled", "module", "name"],
)
def test_models_that_cannot_be_served_are_refused_with_the_reason(make: Any, words: str) -> None:
    model = make()
    with pytest.raises(UserError, match=words), pine(model, Layout(1, (2, 2))):
        raise AssertionError("unreachable")


def test_an_encoder_is_refused() -> None:
    import transformers

    config = transformers.BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    with (
        pytest.raises(UserError, match="'bert' is not supported"),
        pine(transformers.BertModel(config), PROMPT.layout()),
    ):
        raise AssertionError("unreachable")


def padded() -> dict[str, Any]:
    mask = torch.ones_like(PROMPT.ids())
    mask[0, 0] = 0
    return {"input_ids": PROMPT.ids(), "attention_mask": mask}


def static(model: Any) -> dict[str, Any]:
    from transformers import StaticCache

    return {"input_ids": PROMPT.ids(), "past_key_values": StaticCache(config=model.config, max_cache_len=64)}


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (lambda _: padded(), "padding and masks are not supported"),
        (lambda _: {"input_ids": PROMPT.ids(), "attention_mask": torch.zeros(1, 1, 41, 41)}, "padding and masks"),
        (lambda _: {"input_ids": PROMPT.ids(), "position_ids": torch.arange(1, 42)[None]}, "leave position_ids out"),
        (lambda _: {"input_ids": PROMPT.ids()[:, :20]}, "20 tokens end inside the segments, which end at 33"),
        (lambda _: {"input_ids": PROMPT.ids()[:, :33]}, "a suffix of at least one token is needed"),
        (static, "static caches are not supported"),
        (lambda model: {"inputs_embeds": model.get_input_embeddings()(PROMPT.ids())}, "pass input_ids"),
        (lambda _: {"input_ids": torch.cat([PROMPT.ids(), PROMPT.ids((1, 0, 2, 3))])}, "differ in layout"),
    ],
    ids=["padding", "mask", "positions", "chunk", "no-suffix", "static", "embeddings", "mixed"],
)
def test_calls_that_cannot_be_served_are_refused_with_the_reason(inputs: Any, words: str) -> None:
    model = causal()
    with torch.no_grad(), pine(model, PROMPT.layout()), pytest.raises(UserError, match=words):
        model(**inputs(model))


def test_tuples_as_output_of_the_decoder_are_refused() -> None:
    model = causal()
    with torch.no_grad(), pine(model, PROMPT.layout()), pytest.raises(UserError, match="leave return_dict=False out"):
        model.base_model(PROMPT.ids(), return_dict=False)


def test_chunked_prefill_is_refused() -> None:
    model = causal()
    ids = PROMPT.ids()
    with torch.no_grad(), pine(model, PROMPT.layout()), pytest.raises(UserError, match="pass the whole prompt at once"):
        model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=2, prefill_chunk_size=16)


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_a_model_is_as_before_even_after_an_exception(implementation: str) -> None:
    model = causal()
    model.set_attn_implementation(implementation)
    before, hooks = suffix_logits(model, PROMPT, (0, 1, 2, 3), None), hooks_of(model)

    def fail() -> None:
        with pine(model, PROMPT.layout()):
            model(PROMPT.ids())
            assert model.config._attn_implementation != implementation
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert model.config._attn_implementation == implementation
    assert hooks_of(model) == hooks
    assert torch.equal(suffix_logits(model, PROMPT, (0, 1, 2, 3), None), before)


def test_contexts_nest_and_the_inner_one_rules() -> None:
    model = causal()
    ids = PROMPT.ids()
    with torch.no_grad():
        with rotor(model, PROMPT.layout()):
            alone = model(ids).logits
        with pine(model, PROMPT.layout()):
            outer = model(ids).logits
            with rotor(model, PROMPT.layout()):
                assert torch.equal(model(ids).logits, alone)
            assert torch.equal(model(ids).logits, outer)
    assert float((alone - outer).abs().max()) > 0.1
    assert model.config._attn_implementation == "sdpa"


def test_another_thread_uses_the_same_model_undisturbed() -> None:
    """Padding, too, is as ever for it."""
    model = causal()
    mask = torch.ones(2, 41, dtype=torch.long)
    mask[1, :5] = 0
    ids = torch.cat([PROMPT.ids(), PROMPT.ids((3, 2, 1, 0))])
    with torch.no_grad():
        stock = model(ids, attention_mask=mask).logits
        found: list[Any] = []

        def ask() -> None:
            with torch.no_grad():
                found.append(model(ids, attention_mask=mask).logits)

        with pine(model, PROMPT.layout()):
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()
            assert float((model(ids[:1]).logits - stock[:1]).abs().max()) > 0.1
    assert torch.equal(found[0][mask.bool()], stock[mask.bool()])


def test_threads_under_different_layouts_do_not_mix() -> None:
    model = causal()
    prompts = [parts((4, 5, 6), seed=1), parts((9, 3), seed=2)]
    expected = [suffix_logits(model, prompt, range(len(prompt.segments)), pine) for prompt in prompts]
    wrong: list[int] = []

    def ask(i: int) -> None:
        for _ in range(5):
            got = suffix_logits(model, prompts[i], range(len(prompts[i].segments)), pine)
            if not torch.equal(got, expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=ask, args=(i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert model.config._attn_implementation == "sdpa"


def test_another_model_in_the_context_is_left_alone() -> None:
    model, other = causal(), causal("qwen2")
    stock = suffix_logits(other, PROMPT, (0, 1, 2, 3), None)
    with pine(model, PROMPT.layout()):
        assert torch.equal(suffix_logits(other, PROMPT, (0, 1, 2, 3), None), stock)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("pines", "unknown intervention 'pines'; did you mean pine"),
        ("segments", "unknown intervention"),
        ("pine:revers", "unknown flag of intervention pine 'revers'; did you mean reverse"),
        ("rotor:reverse", "unknown flag of intervention rotor 'reverse'"),
        ("pine:reverse=2", "expected true or false"),
    ],
)
def test_wrong_specs_are_refused_with_the_right_names(spec: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        load_intervention(spec)


def test_specs_choose_flags() -> None:
    assert load_intervention("pine").to_json() == {
        "name": "pine",
        "canonical_order": True,
        "reverse": False,
        "no_reassign": False,
    }
    chosen = load_intervention("pine:reverse,canonical_order=false")
    assert chosen.flags["reverse"] and not chosen.is_canonical
    assert load_intervention("rotor").is_canonical
    with pytest.raises(UserError, match="exclude each other"):
        load_intervention("pine:reverse,no_reassign").apply(tiny_hf.causal("llama"), PROMPT.layout())


def test_interventions_are_listed_without_loading_torch() -> None:
    code = (
        "import sys, suite.interventions; from suite.registry import interventions;"
        "assert sorted(interventions()) == ['pine', 'rotor'];"
        "assert callable(suite.interventions.pine) and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
