"""What models the segment attention can serve, and why not the others.

A decoder is on the list when tests/suite/test_pine_architectures.py has shown for it, on random weights, that the
output does not depend on the order of segments and that one segment changes nothing.
"""

from __future__ import annotations

from typing import Any

from suite.errors import UserError

SUPPORTED = (
    "apertus",
    "arcee",
    "bitnet",
    "exaone4",
    "gemma",
    "granite",
    "granitemoe",
    "hunyuan_v1_dense",
    "jais2",
    "llama",
    "mistral",
    "mixtral",
    "olmo",
    "olmo2",
    "olmoe",
    "phi3",
    "qwen2",
    "qwen2_moe",
    "qwen3",
    "qwen3_moe",
    "seed_oss",
    "smollm3",
    "starcoder2",
)


def check_type(kind: str | None) -> None:
    """Raises `UserError` where models of this type (`model_type` in config.json) cannot be served."""
    if kind not in SUPPORTED:
        raise UserError(
            f"interventions on segments: model type {kind!r} is not supported; supported: {', '.join(SUPPORTED)}"
        )


def check_config(config: Any) -> None:
    """Raises `UserError` where a model of this transformers config cannot be served; needs no weights."""
    config = config.get_text_config()
    kind = config.model_type
    check_type(kind)
    window = getattr(config, "sliding_window", None)
    hides = window is not None and window < config.max_position_embeddings
    kinds = getattr(config, "layer_types", None) or ["sliding_attention" if hides else "full_attention"]
    other = next((layer for layer in kinds if layer != "full_attention"), None)
    if other is not None:
        raise UserError(
            f"interventions on segments: this {kind} has layers of {other}, which hide far segments; "
            "use a model without windows"
        )
    share = (getattr(config, "rope_parameters", None) or {}).get("partial_rotary_factor", 1.0)
    if share != 1.0:
        raise UserError(f"interventions on segments: this {kind} rotates only {share} of each head; all is needed")


def check_model(model: Any) -> None:
    """Raises `UserError` where a loaded model cannot be served."""
    from transformers import PreTrainedModel

    if hasattr(model, "_orig_mod"):
        raise UserError("interventions on segments: the model is compiled; pass the model as it was before")
    if not isinstance(model, PreTrainedModel):
        raise UserError(
            f"interventions on segments: expected a transformers model with local weights, not {type(model).__name__}"
        )
    check_config(model.config)
    if not hasattr(model.base_model, "rotary_emb"):
        raise UserError(f"interventions on segments: {type(model).__name__} has no rotary_emb that all layers share")
