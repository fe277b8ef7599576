"""Recognition and semantic modules of their own, as the authors of the concept objective have them.

Wang and Sun, arXiv 2504.01928: a recognition module turns the tokens of an entity into one concept vector, and a
semantic module reads the sentence of concepts and predicts the next one. Blocks are those of GPT-2 without positions:
absolute positions set the same entity apart as subject and as object, and causal attention tells order without them.

With memory, the recognition module's one layer has a wide key-value memory in place of its MLP: each surface form
finds its own slot, so that entities whose names share tokens need not share features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import gelu, normalize, scaled_dot_product_attention

from suite.finetune.concepts import Head, Tokens, padded

if TYPE_CHECKING:
    from suite.finetune.objectives.jepa import FactRow

_SEMANTIC_LAYERS = 2
_HEADS = 4
_SIZE = 0.5  # of fresh embeddings; much smaller ones learn slowly, much larger ones tell names apart without binding
_SIZE_BESIDE_MEMORY = 0.1  # small, so that a concept is what its slot says and not what its tokens are


class SeparateModules(Head):
    """Recognition and semantic module on top of token embeddings, apart from the causal model.

    Args:
        like: a weight of the causal model, (V, d), for vocabulary, width and device.
        scale: what cosines are multiplied by.
        surfaces: the entities to give a memory slot each; empty: an MLP and no memory.
    """

    def __init__(self, like: torch.Tensor, scale: float, surfaces: Sequence[Tokens] = ()) -> None:
        super().__init__(scale)
        vocabulary, width = like.shape
        size = _SIZE_BESIDE_MEMORY if surfaces else _SIZE
        self.tokens = torch.nn.Embedding(vocabulary, width)
        torch.nn.init.normal_(self.tokens.weight, std=size)
        self.recognition = _Block(width)
        self.semantic = torch.nn.ModuleList(_Block(width) for _ in range(_SEMANTIC_LAYERS))
        self.into_sentence = torch.nn.Linear(width, width)
        self.into_concept = torch.nn.Linear(width, width)
        self.concept_norm = torch.nn.LayerNorm(width)
        self.prediction_norm = torch.nn.LayerNorm(width)
        self.query = torch.nn.Parameter(torch.randn(width) * size)
        self.to(like.device)
        if surfaces:
            with torch.no_grad():
                ids, mask, last = padded(surfaces, like.device)
                states = self.recognition.attended(self.tokens(ids), _causal(mask))
                states = states[torch.arange(len(surfaces)), last]  # (S, d)
                self.recognition.mixing = Memory(self.recognition.mixing_norm(states))

    def concepts(self, _model: Any, texts: Sequence[Tokens]) -> torch.Tensor:
        ids, mask, last = padded(texts, self.query.device)
        states = self.recognition(self.tokens(ids), _causal(mask))
        return normalize(self.concept_norm(states[torch.arange(len(texts)), last]), dim=-1)

    def predictions(
        self, _model: Any, rows: Sequence[FactRow], known: torch.Tensor, index: dict[Tokens, int]
    ) -> torch.Tensor:
        ids, mask, last = padded([(*row.lead, 0, *row.middle, 0) for row in rows], self.query.device)
        numbers, places = torch.arange(len(rows)), torch.tensor([len(row.lead) for row in rows])
        subjects = self.into_sentence(known[[index[row.subject] for row in rows]])
        states = self.tokens(ids).index_put((numbers, places), subjects)
        states = states.index_put((numbers, last), self.query.expand(len(rows), -1))
        for block in self.semantic:
            states = block(states, _causal(mask))
        return normalize(self.into_concept(self.prediction_norm(states[numbers, last])), dim=-1)


class Memory(torch.nn.Module):
    """A key-value memory: softmax over keys, and the value of the best one alone, weighted by its share.

    Args:
        inputs: (S, d) one input a slot, from which the keys begin; values begin near zero.
    """

    def __init__(self, inputs: torch.Tensor) -> None:
        super().__init__()
        self.keys = torch.nn.Parameter(inputs.clone())
        self.values = torch.nn.Parameter(torch.randn_like(inputs) * 0.02)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """(..., d) in, (..., d) out."""
        share, best = (states @ self.keys.T).softmax(-1).max(-1)
        return share[..., None] * self.values[best]


class _Block(torch.nn.Module):
    """Causal attention, then an MLP or what stands in its place; layer norm before each."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention_norm, self.mixing_norm = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
        self.attention = torch.nn.Linear(width, 3 * width)
        self.attention_out = torch.nn.Linear(width, width)
        self.mixing: torch.nn.Module = _Mlp(width)

    def forward(self, states: torch.Tensor, sees: torch.Tensor) -> torch.Tensor:
        """(B, T, d) in and out; `sees`: (B, 1, T, T), True where a query may look."""
        states = self.attended(states, sees)
        return states + self.mixing(self.mixing_norm(states))

    def attended(self, states: torch.Tensor, sees: torch.Tensor) -> torch.Tensor:
        """The first half: (B, T, d) in and out."""
        rows, length, width = states.shape
        parts = self.attention(self.attention_norm(states)).view(rows, length, 3, _HEADS, width // _HEADS)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each (B, H, T, d / H)
        mixed = scaled_dot_product_attention(query, key, value, attn_mask=sees)
        return states + self.attention_out(mixed.transpose(1, 2).reshape(rows, length, width))


class _Mlp(torch.nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.into, self.out = torch.nn.Linear(width, 4 * width), torch.nn.Linear(4 * width, width)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.out(gelu(self.into(states)))
        return out


def _causal(mask: torch.Tensor) -> torch.Tensor:
    """(B, T) 1 for tokens -> (B, 1, T, T) True where a query may look; padding is on the right, so all see a token."""
    length = mask.shape[1]
    before = torch.ones(length, length, dtype=torch.bool, device=mask.device).tril()
    return before & mask[:, None, None, :].bool()
