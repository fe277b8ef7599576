"""Full attention with folded positions: against an explicit dense computation, and by its own symmetry."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from suite.errors import UserError
from suite.finetune.folding import ABSOLUTE, ROTARY, Folding, check_foldable

SIZES: dict[str, Any] = {
    "vocab_size": 50,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
OWN: dict[str, dict[str, Any]] = {
    "llama": {"num_key_value_heads": 2},
    "qwen2": {"num_key_value_heads": 2},
    "qwen3": {"num_key_value_heads": 2, "head_dim": 8},
    "mistral": {"num_key_value_heads": 2, "sliding_window": None},
    "gpt_neox": {"rotary_pct": 0.5},
    "phi": {"partial_rotary_factor": 0.5},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64},
    "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32},
}
YARN = {"rope_type": "yarn", "factor": 4.0, "rope_theta": 10_000.0, "original_max_position_embeddings": 16}
TOKENS = torch.tensor([[5, 9, 7, 30, 12, 9, 41, 3, 22]])


def _model(kind: str, **further: Any) -> Any:
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **{**SIZES, **OWN.get(kind, {}), **further})
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()


def _hidden(model: Any, tokens: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    with torch.no_grad():
        output = model(input_ids=tokens, attention_mask=mask, output_hidden_states=True, use_cache=False)
    last: torch.Tensor = output.hidden_states[-1]
    return last


@pytest.mark.parametrize("kind", [*sorted(ROTARY), "yarn"])
@pytest.mark.parametrize("fold", [True, False])
def test_a_text_read_backwards_gives_the_same_states_exactly_if_folded(kind: str, fold: bool) -> None:
    model = _model("llama", rope_parameters=YARN) if kind == "yarn" else _model(kind)
    with Folding(model, fold=fold):
        forward, backward = _hidden(model, TOKENS), _hidden(model, TOKENS.flip(1)).flip(1)
    difference = float((forward - backward).abs().max())
    assert difference < 1e-5 if fold else difference > 0.01


def _projections(kind: str, module: Any, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, Any]:
    """Queries, keys, values (T, H, d) before any rotation, and the output layer."""
    if kind == "gpt_neox":
        fused = module.query_key_value(states).view(*states.shape[:-1], 4, 3 * 8)
        query, key, value = fused.chunk(3, dim=-1)
        return query[0], key[0], value[0], module.dense
    if kind == "gpt2":
        query, key, value = (part.view(1, -1, 4, 8) for part in module.c_attn(states).split(32, dim=2))
        return query[0], key[0], value[0], module.c_proj
    query = module.q_proj(states).view(-1, 4, 8)
    key, value = (layer(states).view(-1, 2, 8).repeat_interleave(2, dim=1) for layer in (module.k_proj, module.v_proj))
    return query, key, value, module.o_proj


def _turned(vector: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """`vector` (d,) with its first 2 len(angle) channels rotated in pairs (c, c + len(angle))."""
    half = len(angle)
    first, second, rest = vector[:half], vector[half : 2 * half], vector[2 * half :]
    cos, sin = angle.cos(), angle.sin()
    return torch.cat((first * cos - second * sin, second * cos + first * sin, rest))


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt_neox", "gpt2"])
@pytest.mark.parametrize("hidden", [[], [3, 4], [8]])
def test_attention_equals_the_pairwise_computation(kind: str, hidden: list[int]) -> None:
    model = _model(kind)
    caught: dict[str, torch.Tensor] = {}
    name = {"gpt_neox": "gpt_neox.layers.1.attention", "gpt2": "transformer.h.1.attn"}.get(
        kind, "model.layers.1.self_attn"
    )
    module = model.get_submodule(name)

    def keep(_: Any, args: Any, kwargs: Any, output: Any) -> None:
        caught["in"], caught["out"] = (args[0] if args else kwargs["hidden_states"]), output[0]

    module.register_forward_hook(keep, with_kwargs=True)
    mask = torch.ones_like(TOKENS)
    mask[0, hidden] = 0
    with Folding(model):
        _hidden(model, TOKENS, mask)

    query, key, value, layer = _projections(kind, module, caught["in"])
    width = {"gpt2": 0, "gpt_neox": 4}.get(kind, 8)
    speeds = 10_000.0 ** (-torch.arange(0, width, 2) / width) if width else torch.zeros(0)
    length = TOKENS.shape[1]
    outputs = []
    for i in range(length):
        heads = []
        for h in range(4):
            scores = torch.stack(
                [query[i, h] @ _turned(key[j, h], -abs(i - j) * speeds) / 8**0.5 for j in range(length)]
            )
            scores[hidden] = -torch.inf
            heads.append(scores.softmax(0) @ value[:, h])
        outputs.append(torch.cat(heads))
    expected = layer(torch.stack(outputs))
    assert torch.allclose(caught["out"][0], expected, atol=1e-5)


@pytest.mark.parametrize("kind", sorted(ROTARY | ABSOLUTE))
def test_afterwards_the_model_is_its_stock_self(kind: str) -> None:
    model = _model(kind)
    before = _hidden(model, TOKENS)
    folding = Folding(model)
    with folding:
        assert not torch.allclose(_hidden(model, TOKENS), before, atol=1e-3)  # every token looks both ways
    assert torch.equal(_hidden(model, TOKENS), before)
    folding.remove()
    assert torch.equal(_hidden(model, TOKENS), before)
    assert not any(module._forward_pre_hooks for module in model.modules())
    assert "is_causal" not in model.config.to_dict()


@pytest.mark.parametrize("kind", ["gpt2", "opt"])
def test_absolute_positions_change_in_the_mask_alone(kind: str) -> None:
    model = _model(kind)
    with Folding(model):
        folded = _hidden(model, TOKENS)
    whole = torch.ones(1, 1, TOKENS.shape[1], TOKENS.shape[1], dtype=torch.bool)
    with torch.no_grad():
        stock = model(
            input_ids=TOKENS,
            attention_mask=whole,
            position_ids=torch.arange(TOKENS.shape[1])[None],
            output_hidden_states=True,
            use_cache=False,
        )
    assert torch.allclose(folded, stock.hidden_states[-1], atol=1e-5)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            AutoConfig.for_model("gemma2"),
            "bico is not known to work on gemma2 models; it works on gpt2, gpt_neox, llama",
        ),
        (AutoConfig.for_model("mistral", sliding_window=16), "mistral model has a sliding window of 16 tokens"),
        (AutoConfig.for_model("bert"), "not known to work on bert models"),
    ],
    ids=["unknown", "window", "encoder"],
)
def test_models_that_cannot_be_folded_are_named(config: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_foldable(config, "bico")
