"""Every supported decoder, on random weights: orders do not matter, and one segment changes nothing.

The second finds what the first cannot: pairs of dimensions turned together in another layout (interleaved ones), or
layers without positions, stay invariant when they are computed wrongly.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from pine_setup import LENGTHS, parts, spread

from suite.errors import UserError
from suite.interventions import pine
from suite.interventions.segments.support import SUPPORTED

as_it_lies = partial(pine, canonical_order=False)
SIZE = {
    "vocab_size": 400,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 256,
}
WHERE_KNOWN = {  # what only some configs have, and what keeps them small and without windows
    "head_dim": 8,
    "sliding_window": None,
    "num_experts": 4,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 32,
    "shared_expert_intermediate_size": 32,
}


def random_model(kind: str, **more: Any) -> Any:
    import transformers

    make = transformers.CONFIG_MAPPING[kind]
    known = make(**SIZE)
    options = SIZE | {key: value for key, value in WHERE_KNOWN.items() if hasattr(known, key)}
    if getattr(known, "layer_types", None):
        options["layer_types"] = ["full_attention"] * 2
    if kind == "smollm3":
        options["no_rope_layers"] = [1, 0]
    torch.manual_seed(7)
    model = transformers.AutoModelForCausalLM.from_config(make(**options | more)).eval()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.mark.parametrize("kind", SUPPORTED)
def test_supported_decoders_are_invariant_and_exact(kind: str) -> None:
    model, prompt, single = random_model(kind), parts(LENGTHS[:3]), parts(LENGTHS[:1])
    assert spread(model, prompt, as_it_lies) <= 1e-4
    assert spread(model, prompt) > 1
    with torch.no_grad():
        stock = model(single.ids()).logits
        with as_it_lies(model, single.layout()):
            assert float((model(single.ids()).logits - stock).abs().max()) <= 1e-4


def test_a_window_wider_than_any_text_and_longrope_are_no_obstacle() -> None:
    """Phi-3.5 has both; beyond its first length it rotates by other frequencies."""
    rope = {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "short_factor": [1.0, 1.1, 1.2, 1.3],
        "long_factor": [2.0, 3.0, 4.0, 5.0],
        "original_max_position_embeddings": 16,
        "factor": 16.0,
    }
    model = random_model("phi3", sliding_window=256, rope_parameters=rope, original_max_position_embeddings=16)
    single, prompt = parts(LENGTHS[:1]), parts(LENGTHS[:3])
    assert model.model.rotary_emb.attention_scaling != 1
    assert spread(model, prompt, as_it_lies) <= 1e-4
    with torch.no_grad():
        stock = model(single.ids()).logits
        with as_it_lies(model, single.layout()):
            assert float((model(single.ids()).logits - stock).abs().max()) <= 1e-4


@pytest.mark.parametrize("kind", ["stablelm", "cohere", "helium", "ernie4_5", "gpt_neox", "olmo3", "gemma2"])
def test_decoders_that_would_be_computed_wrongly_are_refused(kind: str) -> None:
    import transformers

    config = transformers.CONFIG_MAPPING[kind](**SIZE)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    with pytest.raises(UserError, match=f"'{kind}' is not supported"), pine(model, parts().layout()):
        raise AssertionError("unreachable")
