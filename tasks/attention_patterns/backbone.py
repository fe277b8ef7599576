"""The shared model of all cells: a pre-norm transformer with one attention under test, and softmax in all others.

An encoder reads the source; a decoder reads what it has written, or learned queries, and looks at the encoder. Each
attention has a pattern (noncausal or causal, self or cross); those of the cell's pattern are of the mechanism under
test (Zhang et al. 2023).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from suite.attention import Attention, Pattern
from tasks.attention_patterns.records import Batch
from tasks.attention_patterns.twins import Form, Width

Build = Callable[[str], nn.Module]  # pattern -> attention; ``forward(x_q, x_kv=None, *, key_padding_mask=None)``
_WAVES = 10_000.0
_COORDINATES = 2  # that a place has at most
_DROPPED = 0.5  # of the values that stood before, in training
_ALIKE = math.sqrt(2)  # logits of like with like are then 2 sqrt(head size), those of others about 2 either way


class Block(nn.Module):
    """Self attention, cross attention where there is a source to look at, and a two-layer network."""

    def __init__(self, width: Width, own: nn.Module, cross: nn.Module | None) -> None:
        super().__init__()
        self.own, self.cross = own, cross
        self.own_norm, self.mlp_norm = nn.LayerNorm(width.dim), nn.LayerNorm(width.dim)
        self.cross_norm = nn.LayerNorm(width.dim) if cross is not None else None
        self.mlp = nn.Sequential(nn.Linear(width.dim, 4 * width.dim), nn.GELU(), nn.Linear(4 * width.dim, width.dim))

    def forward(
        self, x: Tensor, padding: Tensor | None, source: Tensor | None = None, source_padding: Tensor | None = None
    ) -> Tensor:
        """(B, N, dim) -> (B, N, dim); paddings are True where there is nothing."""
        x = x + self.own(self.own_norm(x), key_padding_mask=padding)
        if self.cross is not None and self.cross_norm is not None:
            x = x + self.cross(self.cross_norm(x), source, key_padding_mask=source_padding)
        out: Tensor = x + self.mlp(self.mlp_norm(x))
        return out


class Inputs(nn.Module):
    """Tokens or values as vectors.

    A token is joined by its neighbours (the one before; in encoders also the one after), so that two layers suffice to
    find what follows an earlier occurrence.
    """

    def __init__(self, dim: int, tokens: int, channels: int, sees_next: bool) -> None:
        super().__init__()
        self.shifts = ((0, 1, -1) if sees_next else (0, 1)) if tokens else ()
        self.tables = nn.ModuleList(nn.Embedding(tokens + 1, dim) for _ in self.shifts)  # the last: nothing there
        for table in self.tables:
            nn.init.normal_(cast(nn.Embedding, table).weight, std=1 / math.sqrt(len(self.shifts)))
        self.values = nn.Linear(channels, dim) if not tokens else None
        self.nothing = tokens

    def forward(self, given: Tensor) -> Tensor:
        """(B, N) tokens or (B, N, C) values -> (B, N, dim)."""
        if self.values is not None:
            out: Tensor = self.values(given)
            return out
        return torch.stack(
            [table(self._shifted(given, by)) for table, by in zip(self.tables, self.shifts, strict=True)]
        ).sum(dim=0)

    def _shifted(self, tokens: Tensor, by: int) -> Tensor:
        if by == 0:
            return tokens
        edge = tokens.new_full((len(tokens), 1), self.nothing)
        return torch.cat([edge, tokens[:, :-1]] if by > 0 else [tokens[:, 1:], edge], dim=1)


class Backbone(nn.Module):
    """The model of a cell.

    Args:
        build: makes the attention of a pattern.
        tokens: of the vocabulary; channels: values a place of the target, and of the source if there are no tokens.
            Without channels the target is tokens too.
        queries: places of the longest target of a "filler".
        positions: "none", "sinusoidal", or "learned"; other schemes are the attention's own.
        learned: places that a learned encoding has, along each coordinate.
    """

    def __init__(
        self,
        form: Form,
        width: Width,
        build: Build,
        *,
        tokens: int,
        channels: int,
        queries: int = 0,
        positions: str = "sinusoidal",
        learned: int = 0,
    ) -> None:
        super().__init__()
        dim = width.dim
        self.form, self.width, self.positions = form, width, positions
        self.out_tokens = out_tokens = 0 if channels else tokens
        has_encoder, has_decoder = form != "decoder", form != "encoder"
        writes = form != "filler"
        self.source = Inputs(dim, tokens, channels, sees_next=True) if has_encoder else None
        self.encoder = nn.ModuleList(Block(width, build("NS"), None) for _ in range(width.layers * has_encoder))
        self.target = Inputs(dim, out_tokens, channels, sees_next=False) if has_decoder and writes else None
        self.queries = nn.Parameter(torch.randn(queries, dim) / math.sqrt(dim)) if form == "filler" else None
        own, cross = ("CS", "CC") if writes else ("NS", "NC")
        self.decoder = nn.ModuleList(
            Block(width, build(own), build(cross) if has_encoder else None) for _ in range(width.layers * has_decoder)
        )
        self.learned = nn.ModuleList(nn.Embedding(learned, dim) for _ in range(_COORDINATES * (positions == "learned")))
        self.encoder_norm, self.norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.head = nn.Linear(dim, out_tokens or channels)
        self._begin_alike()

    def forward(self, batch: Batch) -> Tensor:
        """Logits (B, M, tokens) or values (B, M, C) of the target, each place from the true ones before it."""
        if self.form == "encoder":
            return self._answers(self.encode(batch), batch)
        memory = self.encode(batch) if self.form != "decoder" else None
        before = self._before(batch.target)
        if self.form == "translator" and not self.out_tokens and self.training:
            # else each frame is made from the last, and the source not looked at
            before = nn.functional.dropout(before, _DROPPED)
        return self._answers(self.decode(batch, memory, before), batch)

    def encode(self, batch: Batch) -> Tensor:
        """(B, N, dim) of the source."""
        assert self.source is not None
        x = self._placed(self.source(batch.source), batch.source_at)
        for block in self.encoder:
            x = block(x, batch.source_padding)
        out: Tensor = self.encoder_norm(x)
        return out

    def decode(self, batch: Batch, memory: Tensor | None, before: Tensor) -> Tensor:
        """(B, M, dim) of the target's places; `before` is what stands before each, or anything for queries."""
        at = batch.target_at[:, : before.shape[1]]
        if self.target is not None:
            x, padding = self._placed(self.target(before), at), None  # causal: what is padded comes last anyway
        else:
            assert self.queries is not None
            x = self._placed(self.queries[: before.shape[1]].expand(len(before), -1, -1), at)
            padding = batch.target_padding
        for block in self.decoder:
            x = block(x, padding, memory, batch.source_padding)
        return x

    @torch.no_grad()
    def write(self, batch: Batch) -> Tensor:
        """(B, M) tokens or (B, M, C) values, each place from the ones written before it; greedy."""
        memory, count = self.encode(batch), batch.target.shape[1]
        written = batch.target[:, :0]
        for _ in range(count):
            before = self._before(torch.cat([written, batch.target[:, :1]], dim=1))
            last = self._answers(self.decode(batch, memory, before)[:, -1:], batch)
            written = torch.cat([written, last.argmax(dim=-1) if self.out_tokens else last], dim=1)
        return written

    @torch.no_grad()
    def _begin_alike(self) -> None:
        """Queries and keys begin as the same projection, so that like finds like from the first step on.

        After Trockman and Kolter, "Mimetic initialization of self-attention layers", ICML 2023. In the short trainings
        of the tiny size, attention that begins at random looks nowhere in particular until they end. Not so in causal
        self attention, which wants what came after the like.
        """
        for module in self.modules():
            if isinstance(module, Attention) and module.pattern is not Pattern.CS:
                nn.init.orthogonal_(module.q_proj.weight, _ALIKE)
                module.k_proj.weight.copy_(module.q_proj.weight)

    def _before(self, target: Tensor) -> Tensor:
        """The target moved by one place; at the beginning stands the last token of the vocabulary, or zeros."""
        first = torch.full_like(target[:, :1], self.out_tokens) if self.out_tokens else torch.zeros_like(target[:, :1])
        return torch.cat([first, target[:, :-1]], dim=1)

    def _answers(self, x: Tensor, batch: Batch) -> Tensor:
        """What the head says; values are added to the given ones, or to their mean."""
        out: Tensor = self.head(self.norm(x))
        if self.out_tokens or self.form == "translator":
            return out
        return out + (batch.source if self.form == "encoder" else batch.source.mean(dim=1, keepdim=True))

    def _placed(self, x: Tensor, at: Tensor) -> Tensor:
        for table, place in zip(self.learned, at.unbind(-1), strict=False):
            x = x + table(place.long())
        return x + sinusoids(at, x.shape[-1]) if self.positions == "sinusoidal" else x


def sinusoids(at: Tensor, dim: int) -> Tensor:
    """(B, N, P) coordinates -> (B, N, dim): sines and cosines of falling frequency, an equal part each coordinate."""
    part = dim // at.shape[-1]
    rates = torch.exp(torch.arange(0, part, 2, device=at.device) * (-math.log(_WAVES) / part))
    angles = at[..., None] * rates  # (B, N, P, part / 2)
    return torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(-2)
