"""Concept vectors: reading them, predicting them, and ranking entities by them.

Used by the objective `jepa` (Wang and Sun, arXiv 2504.01928). The subject enters the sentence through the same vector
by which it would be recognised as an object: without that bottleneck, and without the same reading in both roles, the
contrast is solved without binding the two. Here they are read off the causal model that is trained; modules of their
own, as in the paper, are in `recognition`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import cross_entropy, normalize

if TYPE_CHECKING:
    from suite.finetune.objectives.jepa import FactRow

Tokens = tuple[int, ...]


class Head(torch.nn.Module):
    """Whatever reads and predicts concept vectors; trained beside the causal model, and taken off it afterwards.

    Args:
        scale: what cosines are multiplied by.
    """

    def __init__(self, scale: float) -> None:
        super().__init__()
        self._scale = scale

    def concepts(self, model: Any, texts: Sequence[Tokens]) -> torch.Tensor:
        """(E, d) unit vectors of texts, each read alone."""
        raise NotImplementedError

    def predictions(
        self, model: Any, rows: Sequence[FactRow], known: torch.Tensor, index: dict[Tokens, int]
    ) -> torch.Tensor:
        """(B, d) unit vectors: what is expected behind lead, subject's concept and middle of each row.

        Args:
            known: (E, d) concepts, of which `index` gives each text's row.
        """
        raise NotImplementedError

    def contrast(self, model: Any, rows: Sequence[FactRow]) -> torch.Tensor:
        """Mean cross-entropy, in nats, of the objects among all entities of the batch; a scalar.

        Other texts of an object's own fact are left out of its denominator, but for the subject.
        """
        texts, facts = _entities(rows)
        known = self.concepts(model, texts)  # (E, d)
        index = {text: number for number, text in enumerate(texts)}
        logits = self._scale * self.predictions(model, rows, known, index) @ known.T  # (B, E)
        gold = torch.tensor([index[row.object] for row in rows], device=logits.device)
        return cross_entropy(logits.masked_fill(_no_rivals(rows, texts, facts).to(logits.device), -torch.inf), gold)


class SharedBackbone(Head):
    """Concepts are read off the model's lower layers, predictions off its last: what it lacks are two maps and a query.

    Args:
        like: a weight of the model, (V, d), for size, device and scale.
        layer: hidden state that is the concept vector, counted from the embeddings as 0.
    """

    def __init__(self, like: torch.Tensor, layer: int, scale: float) -> None:
        super().__init__(scale)
        width, size = like.shape[1], float(like.detach().float().std())
        place: dict[str, Any] = {"device": like.device, "dtype": torch.float32}
        self.into_input = torch.nn.Linear(width, width, **place)
        self.into_concept = torch.nn.Linear(width, width, **place)
        self.query = torch.nn.Parameter(torch.randn(width, **place) * size)
        self._layer, self._size = layer, size

    def concepts(self, model: Any, texts: Sequence[Tokens]) -> torch.Tensor:
        ids, mask, last = padded(texts, model.device)
        states = model(input_ids=ids, attention_mask=mask, output_hidden_states=True, use_cache=False)
        states = states.hidden_states[self._layer]  # (E, T, d)
        return normalize(states[torch.arange(len(texts)), last].float(), dim=-1)

    def predictions(
        self, model: Any, rows: Sequence[FactRow], known: torch.Tensor, index: dict[Tokens, int]
    ) -> torch.Tensor:
        sequences = [(*row.lead, 0, *row.middle, 0) for row in rows]  # 0: replaced by the concept, and by the query
        ids, mask, last = padded(sequences, model.device)
        embedding = model.get_input_embeddings()
        inputs = embedding(ids).float()  # (B, T, d)
        subjects = known[[index[row.subject] for row in rows]]
        numbers = torch.arange(len(rows))
        places = torch.tensor([len(row.lead) for row in rows])
        inputs = inputs.index_put((numbers, places), self.into_input(subjects) * self._size * known.shape[1] ** 0.5)
        inputs = inputs.index_put((numbers, last), self.query.expand(len(rows), -1))
        inputs = inputs.to(embedding.weight.dtype)
        states = model(inputs_embeds=inputs, attention_mask=mask, output_hidden_states=True, use_cache=False)
        state = states.hidden_states[-1][numbers, last].float()
        return normalize(self.into_concept(state), dim=-1)


def ranked(model: Any, rows: Sequence[FactRow], batch_size: int = 256) -> tuple[torch.Tensor, torch.Tensor]:
    """Ranks of the objects among all entities of `rows`, from 1, and whether the best one is the subject itself.

    Ties count against the object.

    Returns:
        (N,) integers, (N,) booleans.
    """
    head: Head = model.concepts
    texts, facts = _entities(rows)
    index = {text: number for number, text in enumerate(texts)}
    blocks = [texts[start : start + batch_size] for start in range(0, len(texts), batch_size)]
    known = torch.cat([head.concepts(model, block) for block in blocks])
    ranks, is_subject = [], []
    for start in range(0, len(rows), batch_size):
        part = rows[start : start + batch_size]
        scores = head.predictions(model, part, known, index) @ known.T
        scores = scores.masked_fill(_no_rivals(part, texts, facts).to(scores.device), -torch.inf)
        gold = torch.tensor([index[row.object] for row in part], device=scores.device)
        subject = torch.tensor([index[row.subject] for row in part], device=scores.device)
        own = scores.gather(1, gold[:, None])
        ranks.append((scores >= own).sum(1))
        is_subject.append(scores.argmax(1) == subject)
    return torch.cat(ranks).cpu(), torch.cat(is_subject).cpu()


def _entities(rows: Sequence[FactRow]) -> tuple[list[Tokens], list[set[str]]]:
    """The distinct entities of the rows, and the facts that each occurs in."""
    found: dict[Tokens, set[str]] = {}
    for row in rows:
        found.setdefault(row.subject, set()).add(row.fact)
        found.setdefault(row.object, set()).add(row.fact)
    return list(found), list(found.values())


def _no_rivals(rows: Sequence[FactRow], texts: Sequence[Tokens], facts: Sequence[set[str]]) -> torch.Tensor:
    """(B, E): entities that say the same fact in other words, and so are neither right nor wrong."""
    return torch.tensor(
        [
            [row.fact in of and text not in (row.object, row.subject) for text, of in zip(texts, facts, strict=True)]
            for row in rows
        ]
    )


def padded(sequences: Sequence[Tokens], device: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Token ids (N, T), padded on the right, their mask, and the place of each last token."""
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    width = int(lengths.max())
    ids = torch.tensor([(*sequence, *[0] * (width - len(sequence))) for sequence in sequences])
    mask = (torch.arange(width) < lengths[:, None]).long()
    return ids.to(device), mask.to(device), lengths - 1
