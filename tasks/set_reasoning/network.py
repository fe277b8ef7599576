"""A small transformer of which only the attention mask changes: encoder, decoder, or prefix language model.

Pre-norm blocks on element, position and set-segment embeddings. Parameters and their initial values do not depend on
the mask, so that nothing but the mask can explain a difference.
"""

from __future__ import annotations

import torch
from torch import nn

from tasks.set_reasoning.shape import NetworkConfig


class Network(nn.Module):
    """Tokens (B, T) -> logits (B, T, outputs)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.shape = config
        self.tokens = nn.Embedding(config.vocabulary, config.width)
        self.positions = nn.Embedding(config.positions, config.width)
        self.segments = nn.Embedding(1 + config.set_names[1] - config.set_names[0], config.width)
        self.blocks = nn.ModuleList(_Block(config.width, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.outputs)
        self.register_buffer("seen", _seen(config), persistent=False)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Logits of every position.

        Args:
            input_ids: (B, T).
            attention_mask: (B, T) 0 at padding, which nothing but itself attends to.
        """
        length = input_ids.shape[1]
        places = torch.arange(length, device=input_ids.device)
        hidden = self.tokens(input_ids) + self.positions(places) + self.segments(self._segments_of(input_ids))
        seen: torch.Tensor = self.seen[:length, :length]  # type: ignore[index]
        itself = torch.eye(length, dtype=torch.bool, device=input_ids.device)
        allowed = (seen & attention_mask.bool()[:, None, None, :]) | itself  # (B, 1, T, T)
        for block in self.blocks:
            hidden = block(hidden, allowed)
        logits: torch.Tensor = self.head(self.norm(hidden))
        return logits

    def _segments_of(self, ids: torch.Tensor) -> torch.Tensor:
        """(B, T) which set each token of the listing belongs to, counted from 1; 0 elsewhere."""
        (low, high), (start, end) = self.shape.set_names, self.shape.listing
        listed = ids[:, start:end]
        is_name = (listed >= low) & (listed < high)
        places = torch.arange(listed.shape[1], device=ids.device)
        last_name = (is_name * places).cummax(dim=1).values if listed.shape[1] else listed
        found = torch.zeros_like(ids)
        found[:, start:end] = (listed.gather(1, last_name) - low + 1) * (is_name.cumsum(dim=1) > 0)
        return found


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, hidden: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
        batch, length, width = hidden.shape
        split = self.qkv(self.before(hidden)).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each (B, heads, T, width / heads)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        hidden = hidden + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return hidden + torch.as_tensor(self.feed(self.between(hidden)))


def _seen(config: NetworkConfig) -> torch.Tensor:
    """(positions, positions) whether the row's position may attend to the column's."""
    length = config.positions
    if config.mask == "encoder":
        return torch.ones(length, length, dtype=torch.bool)
    seen = torch.ones(length, length, dtype=torch.bool).tril()
    if config.mask == "prefix":
        seen[: config.prefix, : config.prefix] = True
    return seen
