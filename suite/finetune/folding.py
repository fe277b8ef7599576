"""Full attention for causal models, with relative positions folded: score(i, j) = q_i R(-|i - j|) k_j.

A causal model with rotary positions (Su et al., arXiv 2104.09864) has only ever met keys at or before the query. When
it is to look right as well, keys there are given the rotation of the same distance on the left (Lv et al., arXiv
2311.07468, section 4). The attention function receives queries and keys that are rotated already, so for the upper
triangle both are rotated back by twice their angle. Models with absolute positions have nothing to fold.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any
from weakref import WeakKeyDictionary

import torch

from suite.errors import UserError

IMPLEMENTATION = "unreason_folded"

# Rotary models whose halves are rotated together (not neighbouring pairs), full attention in every layer.
ROTARY = frozenset({"llama", "mistral", "qwen2", "qwen3", "gpt_neox", "olmo2", "phi"})
ABSOLUTE = frozenset({"gpt2", "opt"})

Angles = tuple[torch.Tensor, torch.Tensor]  # cos and sin, each (B or 1, T, rotary width)


def check_foldable(config: Any, objective: str) -> None:
    """Raises `UserError` where a model of `config` cannot be given full attention with folded positions."""
    kind = config.model_type
    if kind not in ROTARY | ABSOLUTE:
        known = ", ".join(sorted(ROTARY | ABSOLUTE))
        raise UserError(f"objective {objective} is not known to work on {kind} models; it works on {known}")
    if getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True):
        raise UserError(
            f"objective {objective} needs full attention in every layer; this {kind} model has a sliding window of "
            f"{config.sliding_window} tokens"
        )


class Folding:
    """Full, folded attention for a model, as often as it is entered; outside, the model is its stock self.

    Args:
        model: a causal model, or one inside an adapter.
        fold: False leaves the positions of keys on the right as they are (ablation).
    """

    def __init__(self, model: Any, fold: bool = True) -> None:
        from transformers import AttentionInterface
        from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

        AttentionInterface.register(IMPLEMENTATION, folded_attention)
        AttentionMaskInterface.register(IMPLEMENTATION, sdpa_mask)
        self._model = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._stock = self._model.config._attn_implementation
        self._hooks = [
            module.register_forward_pre_hook(_keep_angles, with_kwargs=True)
            for name, module in self._model.named_modules()
            if fold and self._model.config.model_type in ROTARY and name.endswith(("self_attn", "attention"))
        ]

    def __enter__(self) -> None:
        self._model.set_attn_implementation(IMPLEMENTATION)
        self._model.config.is_causal = False

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._model.set_attn_implementation(self._stock)
        del self._model.config.is_causal

    def remove(self) -> None:
        """Leaves the model without a trace of this."""
        for hook in self._hooks:
            hook.remove()
        _ANGLES.clear()


_ANGLES: WeakKeyDictionary[Any, Angles] = WeakKeyDictionary()  # attention module -> what its queries were rotated by


def _keep_angles(module: Any, _args: Any, kwargs: dict[str, Any]) -> None:
    _ANGLES[module] = kwargs["position_embeddings"]


def folded_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention with the scores of the upper triangle folded.

    Args:
        query: (B, H, T, d), rotated; key, value: (B, H_kv, T, d), H a multiple of H_kv.
        attention_mask: (B, 1, T, T), True where a query may look; None: everywhere.

    Returns:
        (B, T, H, d), and no weights.
    """
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    scores = query @ key.transpose(-1, -2) * scale  # (B, H, T, T)
    angles = _ANGLES.get(module)
    if angles is not None:
        right = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        mirrored = _turned_back(query, angles) @ _turned_back(key, angles).transpose(-1, -2) * scale
        scores = torch.where(right, mirrored, scores)
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(value.dtype)
    weights = torch.nn.functional.dropout(weights, dropout, training=module.training)
    return (weights @ value).transpose(1, 2).contiguous(), None


def _turned_back(rotated: torch.Tensor, angles: Angles) -> torch.Tensor:
    """R(-2t) x for x = R(t) y, so that R(-t) y comes out; channels beyond the rotary width stay as they are."""
    cos, sin = (part.unsqueeze(1) for part in angles)  # (B, 1, T, width)
    norm = cos**2 + sin**2  # 1, or the square of a scaling factor (YaRN)
    cos, sin = (cos**2 - sin**2) / norm, 2 * sin * cos / norm
    width = cos.shape[-1]
    turning, rest = rotated[..., :width], rotated[..., width:]
    half = width // 2
    swapped = torch.cat((-turning[..., half:], turning[..., :half]), dim=-1)
    return torch.cat((turning * cos - swapped * sin, rest), dim=-1)
