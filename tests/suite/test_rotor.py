"""RoToR: invariant by its one order; cheaper than PINE, since nothing is ranked."""

from __future__ import annotations

import pytest
import torch
from pine_setup import LENGTHS, causal, parts, spread, suffix_logits

from suite.interventions import pine, rotor
from suite.interventions.rotor import Circular
from suite.interventions.segments.attention import Attention
from suite.interventions.segments.installation import installed


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
def test_every_order_gives_the_same_bits(kind: str) -> None:
    assert spread(causal(kind), parts(), rotor) == 0.0


def test_it_is_another_computation_than_pine() -> None:
    model, prompt = causal(), parts()
    found = [suffix_logits(model, prompt, (0, 1, 2, 3), how) for how in (pine, rotor)]
    assert float((found[0] - found[1]).abs().max()) > 0.1


def test_one_segment_is_the_stock_model() -> None:
    model, prompt = causal(), parts(LENGTHS[:1])
    assert (
        float((suffix_logits(model, prompt, (0,), rotor) - suffix_logits(model, prompt, (0,), None)).abs().max())
        <= 1e-4
    )


def test_the_suffix_sees_the_segments_in_one_order() -> None:
    """Against the stock model: in the first layer, the suffix attends as if the prompt had its segments backwards."""
    model, prompt = causal(), parts()
    rows = sorted(range(4), key=lambda i: prompt.segments[i])
    outputs = []
    handle = model.model.layers[0].self_attn.o_proj.register_forward_pre_hook(lambda _, args: outputs.append(args[0]))
    suffix_logits(model, prompt, (0, 1, 2, 3), rotor)
    suffix_logits(model, prompt, rows[::-1], None)
    handle.remove()
    n = len(prompt.suffix)
    assert float((outputs[0][:, -n:] - outputs[1][:, -n:]).abs().max()) <= 1e-4
    assert float((outputs[0][:, 6:12] - outputs[1][:, 6:12]).abs().max()) > 0.01


def test_nothing_is_ranked(monkeypatch: pytest.MonkeyPatch) -> None:
    def unwanted(*_: object) -> torch.Tensor:
        raise AssertionError("importance was computed")

    monkeypatch.setattr(Attention, "_log_means", unwanted)
    spread(causal(), parts(LENGTHS[:3]), rotor)


def test_without_canonical_order_the_circle_alone_is_not_invariant() -> None:
    model, prompt = causal(), parts(LENGTHS[:3])
    assert (
        spread(model, prompt, lambda model, layout: installed(model, layout, Circular(), canonical_order=False)) > 0.1
    )


def test_generation_goes_through_the_cache() -> None:
    model, prompt = causal(), parts()
    ids = prompt.ids((3, 0, 2, 1))
    with torch.no_grad(), rotor(model, prompt.layout((3, 0, 2, 1))):
        tokens = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=6, do_sample=False)
        for at in range(ids.shape[1], tokens.shape[1]):
            assert int(model(tokens[:, :at]).logits[0, -1].argmax()) == int(tokens[0, at])
