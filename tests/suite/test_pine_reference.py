"""PINE against an independent computation: one query at a time, in float64, straight from the definition.

Attention outputs are compared, not logits: stock RMSNorm rounds to float32, which would hide differences.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from pine_setup import causal, parts

from suite.interventions import Layout, pine
from suite.interventions.pine import ByImportance
from suite.interventions.segments.attention import Attention, phase_table
from suite.interventions.segments.positions import geometry

THETA = 10000.0


def rotated(vector: np.ndarray, position: float) -> np.ndarray:
    half = len(vector) // 2
    angles = position * THETA ** (-np.arange(half) * 2.0 / len(vector))
    a, b = vector[:half], vector[half:]
    return np.concatenate([a * np.cos(angles) - b * np.sin(angles), b * np.cos(angles) + a * np.sin(angles)])


def softmax(scores: list[float]) -> np.ndarray:
    weights = np.exp(np.array(scores) - max(scores))
    return weights / weights.sum()


def laid_out(ranked: list[int], layout: Layout) -> dict[int, int]:
    """Token -> position, the first of `ranked` last."""
    places, at = {}, layout.end
    for segment in ranked:
        at -= layout.segments[segment]
        for t in range(layout.segments[segment]):
            places[layout.starts[segment] + t] = at + t
    return places


def reference(query: np.ndarray, key: np.ndarray, value: np.ndarray, layout: Layout) -> np.ndarray:
    """(n, D) the attention of one head over a prompt of n tokens."""
    n, dimensions = query.shape
    k = len(layout.segments)
    spans = [range(a, a + length) for a, length in zip(layout.starts, layout.segments, strict=True)]
    prefix = range(layout.prefix)
    root = math.sqrt(dimensions)

    def bare(m: int, t: int) -> float:
        return float(query[m] @ key[t]) / root

    def attended(m: int, position: int, places: dict[int, int]) -> np.ndarray:
        turned = rotated(query[m], position)
        weights = softmax([float(turned @ rotated(key[t], at)) / root for t, at in places.items()])
        return sum(weight * value[t] for weight, t in zip(weights, places, strict=True))

    out = np.zeros_like(value)
    for m in prefix:
        out[m] = attended(m, m, {t: t for t in range(m + 1)})
    for i, own in enumerate(spans):
        others = [t for j, span in enumerate(spans) if j != i for t in span]
        importance = dict.fromkeys((j for j in range(k) if j != i), 0.0)
        for m in own:
            shares = dict(zip(others, softmax([bare(m, t) for t in others]), strict=True)) if others else {}
            for j in importance:
                importance[j] += float(np.mean([shares[t] for t in spans[j]]))
        places = laid_out([i, *sorted(importance, key=lambda j: -importance[j])], layout)
        for m in own:
            seen = {t: t for t in prefix} | {t: at for t, at in places.items() if t not in own or t <= m}
            out[m] = attended(m, places[m], seen)
    for m in range(layout.end, n):
        tokens = [t for span in spans for t in span]
        shares = dict(zip(tokens, softmax([bare(m, t) for t in tokens]), strict=True))
        means = [float(np.mean([shares[t] for t in span])) for span in spans]
        places = laid_out(sorted(range(k), key=lambda j: -means[j]), layout)
        out[m] = attended(m, m, {t: t for t in prefix} | places | {t: t for t in range(layout.end, m + 1)})
    return out


@pytest.mark.parametrize("lengths", [(6,), (5, 3), (4, 6, 3), (3, 1, 5, 4, 2)], ids=lambda lengths: f"k={len(lengths)}")
@pytest.mark.parametrize(("heads", "groups"), [(4, 4), (4, 2)], ids=["mha", "gqa"])
def test_attention_agrees_with_the_definition(lengths: tuple[int, ...], heads: int, groups: int) -> None:
    layout, suffix, dimensions = Layout(4, lengths), 5, 8
    n = layout.end + suffix
    torch.manual_seed(1)
    query, key, value = (torch.randn(1, h, n, dimensions, dtype=torch.float64) * 2 for h in (heads, groups, groups))
    frequencies = THETA ** (-torch.arange(dimensions // 2, dtype=torch.float64) * 2 / dimensions)
    shapes = geometry(layout, torch.device("cpu"))
    phases = phase_table(frequencies, n, torch.float64)

    def attention(first: int) -> Any:
        shared = (phases, shapes, ByImportance(), dimensions**-0.5)
        return Attention(query[:, :, first:], key, value, *shared).output()[0]

    expected = np.stack(
        [
            reference(query[0, h].numpy(), *(x[0, h * groups // heads].numpy() for x in (key, value)), layout)
            for h in range(heads)
        ]
    )
    assert np.abs(attention(0).numpy() - expected).max() <= 1e-10
    for first in (n - 1, n - 3):  # generation: one more token, or several, after a cache
        assert np.abs(attention(first).numpy() - expected[:, first:]).max() <= 1e-10


def test_every_layer_of_a_model_agrees_with_the_definition() -> None:
    model, prompt = causal("llama").double(), parts((5, 4, 6))
    layout, n = prompt.layout(), prompt.ids().shape[1]
    taken: list[dict[str, Any]] = []
    handles = []
    for layer in model.model.layers:
        own: dict[str, Any] = {}
        taken.append(own)
        for name in "qkv":
            module = getattr(layer.self_attn, f"{name}_proj")
            handles.append(
                module.register_forward_hook(lambda _, __, out, own=own, name=name: own.update({name: out[0]}))
            )
        handles.append(
            layer.self_attn.o_proj.register_forward_pre_hook(lambda _, args, own=own: own.update(out=args[0][0]))
        )

    def distances() -> list[float]:
        """How far each layer's attention output is from the reference on that layer's own projections."""
        found = []
        for own in taken:
            query, key, value = (own[name].view(n, -1, 8).transpose(0, 1).numpy() for name in "qkv")
            got = own["out"].view(n, -1, 8).transpose(0, 1).numpy()
            found.append(
                max(np.abs(got[h] - reference(query[h], key[h // 2], value[h // 2], layout)).max() for h in range(4))
            )
        return found

    with torch.no_grad():
        with pine(model, layout, canonical_order=False):
            model(prompt.ids())
        # The model's own frequencies are float32; the reference's are not.
        assert max(distances()) <= 1e-6
        model.model.rotary_emb.inv_freq = THETA ** (-torch.arange(4, dtype=torch.float64) * 2 / 8)
        with pine(model, layout, canonical_order=False):
            model(prompt.ids())
        assert max(distances()) <= 1e-10
        model(prompt.ids())
        assert max(distances()) > 0.01
    for handle in handles:
        handle.remove()
