"""How a trained network answers records: yes or no at each candidate, or a written list."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from zlib import crc32

import torch

from tasks.set_reasoning.batches import padded
from tasks.set_reasoning.network import Network
from tasks.set_reasoning.records import Record
from tasks.set_reasoning.sequences import Encoded, Layout

_BATCH = 128


@torch.inference_mode()
def candidate_logprobs(model: Network, layout: Layout, records: Sequence[Record]) -> Iterator[list[float]]:
    """Log-probability, in nats, that each candidate of a record is in the answer."""
    first = layout.first_candidate
    for some in _batched(records):
        ids, mask = padded([_asked(layout, record).ids for record in some], 0)
        logprobs = model(ids, mask).log_softmax(dim=-1)[..., 1]  # (B, T)
        for row, record in zip(logprobs.tolist(), some, strict=True):
            yield row[first : first + len(record.candidates)]


def chosen(model: Network, layout: Layout, records: Sequence[Record]) -> list[frozenset[str]]:
    """The candidates that are more likely in the answer than not."""
    half = torch.tensor(0.5).log().item()
    return [
        frozenset(item for item, logprob in zip(record.candidates, logprobs, strict=True) if logprob > half)
        for record, logprobs in zip(records, candidate_logprobs(model, layout, records), strict=True)
    ]


@torch.inference_mode()
def written(model: Network, layout: Layout, records: Sequence[Record]) -> Iterator[list[str]]:
    """What the model writes after ``=``, word by word the likeliest, up to the end token."""
    words = layout.words
    end = words.index("[end]")
    for some in _batched(records):
        ids, mask = padded([[*_asked(layout, record).ids, words.index("=")] for record in some], 0)
        first = ids.shape[1]
        for _ in range(layout.candidates + 1):
            following = model(ids, mask)[:, -1].argmax(dim=-1, keepdim=True)
            ids = torch.cat([ids, following], dim=1)
            mask = torch.cat([mask, torch.ones_like(following)], dim=1)
        for row in ids[:, first:].tolist():
            stop = row.index(end) if end in row else len(row)
            yield [words[number] for number in row[:stop]]


def _batched(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    return (records[start : start + _BATCH] for start in range(0, len(records), _BATCH))


def _asked(layout: Layout, record: Record) -> Encoded:
    """The sequence up to the candidates; the question decides the expression's slot, so answers can be repeated."""
    encoded = layout.encode(record, (), random.Random(crc32(record.text().encode())))  # noqa: S311  (data)
    length = layout.first_candidate + layout.candidates
    return Encoded(encoded.ids[:length], encoded.labels[:length])
