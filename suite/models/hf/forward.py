"""One call of a causal model on rows: only the tokens that are new, and only the logits that are read.

Two devices, neither tied to an architecture. A cache whose layers hold a header once and show it to every row of a
batch without keeping what the rows add. And a hook before the output embedding, so that the largest matrix of a
small model is multiplied only at the positions that are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from transformers.cache_utils import Cache, DynamicLayer

from suite.models.hf.prefix import Row

# Keys and values (1, heads, tokens, dim) of one stretch of a header, in one layer.
Stretch = tuple[torch.Tensor, torch.Tensor]


class _HeaderLayer(DynamicLayer):
    """One layer's header, seen by every row of a batch; what the rows add is forgotten, or kept aside in `added`."""

    def __init__(self, stretches: tuple[Stretch, ...] = (), keep: bool = False) -> None:
        super().__init__()
        self.stretches = stretches
        self.keep = keep
        self.added: Stretch | None = None
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_args: Any, **_kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self.keep:
            self.added = key_states, value_states
        rows = key_states.shape[0]
        keys = [stretch[0].expand(rows, -1, -1, -1) for stretch in self.stretches]
        values = [stretch[1].expand(rows, -1, -1, -1) for stretch in self.stretches]
        return torch.cat([*keys, key_states], dim=-2), torch.cat([*values, value_states], dim=-2)

    def get_seq_length(self) -> int:
        return sum(keys.shape[-2] for keys, _ in self.stretches)


@dataclass(frozen=True, slots=True)
class Header:
    """What a model remembers of a header: per layer its stretches, which nested headers have in common."""

    layers: tuple[tuple[Stretch, ...], ...] = ()
    length: int = 0

    def cache(self, keep: bool = False) -> Cache:
        """A cache for one call of the model."""
        if not self.layers:
            return Cache(layer_class_to_replicate=partial(_HeaderLayer, keep=keep))
        return Cache(layers=[_HeaderLayer(stretches, keep) for stretches in self.layers])


def extend(model: Any, header: Header, tokens: Sequence[int]) -> Header:
    """The header `header` + `tokens`."""
    cache = header.cache(keep=True)
    positions = torch.arange(header.length, header.length + len(tokens), device=model.device)[None]
    inputs = torch.tensor([list(tokens)], device=model.device)
    with _head_at(model, torch.zeros(1, 2, dtype=torch.long)):
        model(input_ids=inputs, position_ids=positions, past_key_values=cache, use_cache=True)
    layers = tuple((*layer.stretches, layer.added) for layer in cache.layers)
    return Header(layers, header.length + len(tokens))


def tree_logits(model: Any, header: Header, rows: Sequence[Row], reads: torch.Tensor) -> torch.Tensor:
    """Logits (n_reads, vocabulary) of `rows`, whose first `header.length` tokens are `header`.

    Args:
        reads: (n_reads, 2) row and node; nodes counted from the start of the row, header included.
    """
    done = header.length
    width = max(len(row.tokens) for row in rows) - done
    inputs = np.zeros((len(rows), width), dtype=np.int64)
    positions = np.zeros((len(rows), width), dtype=np.int64)
    for i, row in enumerate(rows):
        own = len(row.tokens) - done
        inputs[i, :own], positions[i, :own] = row.tokens[done:], row.positions[done:]
    mask = None
    if done or any(row.parents for row in rows):  # else plain causal attention, which has faster kernels
        mask = _additive(_visible(rows, done, width), model.dtype).to(model.device)
    cache = header.cache() if done else None
    return _logits(
        model,
        reads - torch.tensor([0, done]),
        input_ids=torch.from_numpy(inputs).to(model.device),
        position_ids=torch.from_numpy(positions).to(model.device),
        attention_mask=mask,
        past_key_values=cache,
        use_cache=cache is not None,
    )


def chain_logits(
    model: Any, header: Header, rows: Sequence[Row], reads: torch.Tensor, announce: Callable[[Cache], None]
) -> torch.Tensor:
    """Logits (n_reads, vocabulary) of `rows` without branches, padded on the right, which no causal model can see.

    Args:
        reads: (n_reads, 2) row and node; nodes counted from the start of the row, header included.
        announce: is told of the header's cache, if there is one, before the model runs.
    """
    done = header.length
    inputs = torch.zeros(len(rows), max(len(row.tokens) for row in rows) - done, dtype=torch.long)
    for i, row in enumerate(rows):
        inputs[i, : len(row.tokens) - done] = torch.tensor(row.tokens[done:])
    cache = header.cache() if done else None
    if cache is not None:
        announce(cache)
    return _logits(
        model,
        reads - torch.tensor([0, done]),
        input_ids=inputs.to(model.device),
        past_key_values=cache,
        use_cache=cache is not None,
    )


def masked_logits(model: Any, texts: Sequence[Sequence[int]], reads: torch.Tensor) -> torch.Tensor:
    """Logits (n_reads, vocabulary) of an encoder for whole texts; padding is hidden from it."""
    inputs = torch.zeros(len(texts), max(map(len, texts)), dtype=torch.long)
    seen = torch.zeros_like(inputs)
    for i, text in enumerate(texts):
        inputs[i, : len(text)], seen[i, : len(text)] = torch.tensor(text), 1
    return _logits(model, reads, input_ids=inputs.to(model.device), attention_mask=seen.to(model.device))


def _logits(model: Any, reads: torch.Tensor, **inputs: Any) -> torch.Tensor:
    with _head_at(model, reads) as narrowed:
        logits: torch.Tensor = model(**inputs).logits
    if narrowed:
        return logits[0]
    return logits[reads[:, 0], reads[:, 1]]


@contextmanager
def _head_at(model: Any, reads: torch.Tensor) -> Iterator[bool]:
    """Within, the output embedding sees only the hidden states at `reads`, as one row (1, n_reads, hidden)."""
    head = model.get_output_embeddings()
    if head is None:
        yield False
        return

    def select(_: Any, args: tuple[torch.Tensor]) -> torch.Tensor:
        return args[0][reads[:, 0], reads[:, 1]][None]

    handle = head.register_forward_pre_hook(select)
    try:
        yield True
    finally:
        handle.remove()


def _visible(rows: Sequence[Row], done: int, width: int) -> np.ndarray:
    """(rows, width, done + width) true where a node sees another: the header, its ancestors and itself."""
    visible = np.zeros((len(rows), width, done + width), dtype=bool)
    visible[:, :, :done] = True
    causal = np.tri(width, dtype=bool)
    for i, row in enumerate(rows):
        own = visible[i, :, done:]
        trunk = row.trunk - done
        own[:trunk] = causal[:trunk]
        for node, parent in enumerate(row.parents, start=trunk):
            own[node] = own[parent - done]
            own[node, node] = True
        for padding in range(len(row.tokens) - done, width):
            own[padding, padding] = True  # a query that sees nothing has no softmax
    return visible


def _additive(visible: np.ndarray, dtype: torch.dtype) -> torch.Tensor:
    """(rows, 1, queries, keys) zero where visible, else minus infinity: what every attention takes."""
    hidden = torch.from_numpy(~visible)[:, None]
    return torch.zeros(hidden.shape, dtype=dtype).masked_fill_(hidden, -torch.inf)
