"""From documents to padded batches: one document a row, no packing, and every batch a function of its step alone.

The epochs' shuffled rows follow each other as one endless stream that is cut into batches, so a batch may span two
epochs, every batch is full, and a resumed training continues at its step without replaying what came before.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import torch

from suite.errors import UserError
from suite.finetune.objectives import IGNORED, Batch, Encode, Objective, Passage, Row, Span
from suite.finetune.settings import Hyperparameters
from suite.identity import digest
from suite.models.hf.tokenization import Tokenization
from suite.task import TrainingDoc


def encoder(tokenizer: Any) -> Encode:
    """A function from passages to rows that remembers every passage that it has seen.

    The end token is added where the tokenizer has one, so that the model learns where a document ends.
    """
    start = Tokenization(tokenizer).leading
    end = () if tokenizer.eos_token_id is None else (tokenizer.eos_token_id,)
    known: dict[Passage, Row] = {}

    def encode(passages: Sequence[Passage]) -> list[Row]:
        fresh = list(dict.fromkeys(passage for passage in passages if passage not in known))
        if fresh:
            with_spans = any(passage.spans for passage in fresh)
            texts = [passage.text for passage in fresh]
            encoded = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=with_spans)
            offsets = encoded["offset_mapping"] if with_spans else [[]] * len(fresh)
            for passage, tokens, places in zip(fresh, encoded["input_ids"], offsets, strict=True):
                spans = tuple(_token_span(span, places, len(start)) for span in passage.spans)
                known[passage] = Row((*start, *tokens, *end), (len(start), len(start) + len(tokens)), spans)
        return [known[passage] for passage in passages]

    return encode


class Batches(torch.utils.data.Dataset[dict[str, Any]]):
    """The batches of a whole training; item `step` is the batch of that step, as the keyword arguments of `Batch`.

    Args:
        settings: batch size, and steps or epochs.
        seed: order of rows within each epoch, and the objective's randomness.
        window: the longest row that the model can take; None for no bound.

    Attributes:
        encode: tokenises passages for the model.
        documents: how many there are; rows_per_epoch: rows that the objective makes of them.
        steps: how many batches there are.

    Raises:
        UserError: a row is longer than `window` tokens.
    """

    def __init__(
        self,
        objective: Objective,
        docs: Sequence[TrainingDoc],
        tokenizer: Any,
        *,
        settings: Hyperparameters,
        seed: int,
        window: int | None,
    ) -> None:
        self._objective, self._docs, self.encode = objective, docs, encoder(tokenizer)
        self._tokenizer, self._window = tokenizer, window
        self._batch_size, self._seed = settings.batch_size, seed
        self._pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else (tokenizer.eos_token_id or 0)
        self._rows = lru_cache(maxsize=2)(self._shuffled_rows)
        self.documents = len(docs)
        self.rows_per_epoch = len(self._rows(0))
        self.steps = settings.total_steps(self.rows_per_epoch)

    @property
    def longest(self) -> int:
        """Tokens of the longest row of the first epoch."""
        return max(len(row.tokens) for row in self._rows(0))

    @property
    def tokens_per_row(self) -> float:
        """Mean over the first epoch, start and end tokens included."""
        return sum(len(row.tokens) for row in self._rows(0)) / self.rows_per_epoch

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> dict[str, Any]:
        first = step * self._batch_size
        return self._padded([self._row(number) for number in range(first, first + self._batch_size)])

    def rng(self, step: int) -> torch.Generator:
        """The generator of a step."""
        return torch.Generator().manual_seed(int(digest(["step", self._seed, step], 15), 16))

    def _row(self, number: int) -> Row:
        epoch, place = divmod(number, self.rows_per_epoch)
        return self._rows(epoch)[place]

    def _shuffled_rows(self, epoch: int) -> list[Row]:
        rows = self._objective.rows(self._docs, self.encode, random.Random(f"rows:{self._seed}:{epoch}"))  # noqa: S311
        for row in rows:
            if self._window is not None and len(row.tokens) > self._window:
                text = self._tokenizer.decode(row.tokens[:16], skip_special_tokens=True)
                raise UserError(
                    f"a training row has {len(row.tokens)} tokens and the model's window is {self._window} "
                    f"(it begins {text!r}); shorten the document or take another model"
                )
        random.Random(f"order:{self._seed}:{epoch}").shuffle(rows)  # noqa: S311
        return rows

    def _padded(self, rows: Sequence[Row]) -> dict[str, Any]:
        width = max(len(row.tokens) for row in rows)
        lengths = torch.tensor([[len(row.tokens)] for row in rows])
        mask = torch.arange(width) < lengths  # (B, T)
        ids = torch.tensor([(*row.tokens, *[self._pad] * (width - len(row.tokens))) for row in rows])
        labels = ids.masked_fill(~mask, IGNORED)
        return {"input_ids": ids, "attention_mask": mask.long(), "labels": labels, "rows": rows}


def longest_row(docs: Sequence[TrainingDoc], encode: Encode) -> int:
    """Tokens of the longest document."""
    return max(len(row.tokens) for row in encode([Passage(doc.text) for doc in docs]))


def check_docs(docs: Iterable[TrainingDoc]) -> list[TrainingDoc]:
    """`docs` as a list, each checked, in an order that does not depend on theirs.

    Raises:
        UserError: no document, an empty one, or an entity span that does not lie in the text; names the document.
    """
    checked = sorted(docs, key=lambda doc: (doc.id, doc.text))
    if not checked:
        raise UserError("there is no training document; check the task's options")
    for doc in checked:
        if not doc.text.strip():
            raise UserError(f"training doc {doc.id}: the text is empty")
        if not doc.fact_id:
            raise UserError(f"training doc {doc.id}: has no fact_id; say which fact it tells")
        for where, text, spans in (("text", doc.text, doc.entities), ("mirror", doc.mirror, doc.mirror_entities)):
            for start, end in spans:
                if not 0 <= start < end <= len(text):
                    span = f"entity span {start}-{end} is not in the {where} of {len(text)} characters"
                    raise UserError(f"training doc {doc.id}: {span}")
    return checked


def as_batch(inputs: dict[str, Any]) -> Batch:
    """What `Batches` gave, once it is on the model's device."""
    return Batch(**inputs)


def _token_span(span: Span, places: Sequence[Span], shift: int) -> Span:
    """The tokens that overlap the characters of `span`."""
    inside = [number for number, (start, end) in enumerate(places) if start < span[1] and end > span[0]]
    if not inside:
        return (shift, shift)
    return (inside[0] + shift, inside[-1] + 1 + shift)
