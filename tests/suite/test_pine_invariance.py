"""PINE's output does not depend on the order of segments, and one segment changes nothing.

Canonical order is off wherever invariance itself is tested: it would make any computation invariant.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from pine_setup import LENGTHS, Parts, causal, parts, spread, suffix_logits

from suite.interventions import pine

MODELS = ("llama", "qwen2", "qwen3")
as_it_lies = partial(pine, canonical_order=False)
ROPE = {
    "default": {"rope_type": "default"},
    "linear": {"rope_type": "linear", "factor": 2.0},
    "llama3": {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32,
    },
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64},
    "dynamic": {"rope_type": "dynamic", "factor": 4.0, "original_max_position_embeddings": 16},
}


def one_segment_difference(model: Any) -> float:
    """How far the logits of all tokens are from the stock model's."""
    prompt = parts(LENGTHS[:1])
    with torch.no_grad():
        stock = model(prompt.ids()).logits
        with as_it_lies(model, prompt.layout()):
            return float((model(prompt.ids()).logits - stock).abs().max())


@pytest.mark.parametrize("kind", MODELS)
def test_all_24_orders_of_four_segments_give_the_same_logits(kind: str) -> None:
    model, prompt = causal(kind), parts()
    assert spread(model, prompt) > 1
    assert spread(model, prompt, as_it_lies) <= 1e-4
    assert spread(model, prompt, partial(as_it_lies, reverse=True)) <= 1e-4
    assert spread(model, prompt, partial(as_it_lies, no_reassign=True)) > 1


@pytest.mark.parametrize("kind", MODELS)
def test_one_segment_is_the_stock_model(kind: str) -> None:
    assert one_segment_difference(causal(kind)) <= 1e-4


@pytest.mark.parametrize("rope", ROPE)
def test_every_rope_type_is_followed(rope: str) -> None:
    model = causal("llama", rope_parameters={"rope_theta": 10000.0, **ROPE[rope]})
    prompt = parts(LENGTHS[:3])
    assert one_segment_difference(model) <= 1e-4
    assert spread(model, prompt, as_it_lies) <= 1e-4
    assert spread(model, prompt) > 0.1


@pytest.mark.parametrize("key_heads", [1, 2, 4])
def test_grouped_key_heads_are_followed(key_heads: int) -> None:
    import transformers

    torch.manual_seed(3)
    config = transformers.LlamaConfig(
        vocab_size=400,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=key_heads,
        initializer_range=0.2,
    )
    model = transformers.LlamaForCausalLM(config).eval()
    assert one_segment_difference(model) <= 1e-4
    assert spread(model, parts(LENGTHS[:3]), as_it_lies) <= 1e-4


def test_reverse_and_no_reassign_are_other_computations_than_pine() -> None:
    model, prompt = causal(), parts()
    found = [
        suffix_logits(model, prompt, (0, 1, 2, 3), partial(pine, **flags))
        for flags in ({}, {"reverse": True}, {"no_reassign": True})
    ]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert float((found[a] - found[b]).abs().max()) > 0.1


def test_segments_of_the_same_tokens_tie_and_canonical_order_cures_it() -> None:
    """The first layer's states carry no place, so that "A beats B" and "B beats A" are equally important in it."""
    a = parts((6,), seed=5)
    forwards = a.segments[0]
    prompt = Parts(a.prefix, [forwards, forwards[::-1], forwards[3:] + forwards[:3]], a.suffix)
    model = causal()
    assert spread(model, prompt, as_it_lies) > 0.1
    assert spread(model, prompt, pine) == 0.0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_canonical_order_gives_the_same_bits_in_low_precision(dtype: torch.dtype) -> None:
    model, prompt = causal().to(dtype), parts((40, 45, 38))
    assert spread(model, prompt) > 0.1
    assert spread(model, prompt, pine) == 0.0


def test_logits_come_back_in_the_order_of_the_prompt() -> None:
    """Each segment's own logits are those that it has in any other order, at the place where it lies."""
    model, prompt = causal(), parts()
    with torch.no_grad(), pine(model, prompt.layout()):
        straight = model(prompt.ids(), output_hidden_states=True)
    order = (2, 0, 3, 1)
    with torch.no_grad(), pine(model, prompt.layout(order)):
        turned = model(prompt.ids(order), output_hidden_states=True)
    for i, place in enumerate(order):
        at, to = prompt.layout().starts[place], prompt.layout(order).starts[i]
        n = len(prompt.segments[place])
        assert torch.equal(straight.logits[:, at : at + n], turned.logits[:, to : to + n])
        assert torch.equal(straight.hidden_states[1][:, at : at + n], turned.hidden_states[1][:, to : to + n])
    with torch.no_grad(), as_it_lies(model, prompt.layout()):
        plain = model(prompt.ids()).logits
    assert float((plain - straight.logits).abs().max()) <= 1e-4


def test_segments_of_very_different_length_are_invariant_too() -> None:
    model, prompt = causal(), parts((1, 60, 2), prefix=1, suffix=1)
    assert spread(model, prompt, as_it_lies) <= 1e-4
    assert spread(model, prompt) > 0.1


def test_no_prefix_is_no_obstacle() -> None:
    model, prompt = causal(), parts((4, 5, 6), prefix=0)
    assert spread(model, prompt, as_it_lies) <= 1e-4


def test_long_prompts_are_computed_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    model, prompt = causal(), parts((4, 5, 6))
    whole = suffix_logits(model, prompt, (0, 1, 2), pine)
    monkeypatch.setattr("suite.interventions.segments.attention._MAX_SCORES", 1)
    assert float((suffix_logits(model, prompt, (0, 1, 2), pine) - whole).abs().max()) <= 1e-5


def test_gradients_pass_through_after_inference() -> None:
    model, prompt = causal(), parts()
    with torch.inference_mode(), pine(model, prompt.layout()):
        model(prompt.ids())
    with pine(model, prompt.layout()):
        model(prompt.ids()).logits.sum().backward()
    gradient = model.get_input_embeddings().weight.grad
    assert bool(torch.isfinite(gradient).all()) and float(gradient.abs().max()) > 0


def test_labels_inside_segments_still_matter() -> None:
    """Moving labelled blocks changes nothing; the usual swap, of contents under fixed labels, does."""
    model, prompt = causal(), parts((6, 6))
    (a, b), labels = prompt.segments, ([11, 12], [11, 13])

    def asked(*segments: list[int]) -> torch.Tensor:
        return suffix_logits(model, Parts(prompt.prefix, list(segments), prompt.suffix), (0, 1), as_it_lies)

    straight = asked(labels[0] + a, labels[1] + b)
    assert float((asked(labels[1] + b, labels[0] + a) - straight).abs().max()) <= 1e-4
    assert float((asked(labels[0] + b, labels[1] + a) - straight).abs().max()) > 0.1
