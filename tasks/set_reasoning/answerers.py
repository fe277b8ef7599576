"""Answers of models from scratch, as the engine asks for them: candidates of records, and words of facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from suite.task import Capability, ContinuationScore, Generate, Loglikelihood, Response, Text, seamless
from tasks.set_reasoning.answering import candidate_logprobs, written
from tasks.set_reasoning.batches import padded
from tasks.set_reasoning.facts import IDS, MASK, START, VOCABULARY
from tasks.set_reasoning.network import Network
from tasks.set_reasoning.records import Record
from tasks.set_reasoning.scratch import load
from tasks.set_reasoning.sequences import Layout


class SetAnswerer:
    """Records, by membership or in writing."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        self._model, self._layout = load(folder, config), Layout.from_json(config["layout"])
        self.parameters = _count(self._model)
        mode: Capability = "loglikelihood" if self._layout.readout == "membership" else "generate"
        self.capabilities = frozenset([mode])

    def answer(self, requests: list[Any]) -> Iterator[Response]:
        """In order.

        Raises:
            ValueError: no record, a word that the model does not know, or continuations that are not the candidates.
        """
        if isinstance(requests[0], Generate):
            records = [Record.read(_text(request.prompt)) for request in requests]
            for request, items in zip(requests, written(self._model, self._layout, records), strict=True):
                text = Text(f"Answer: {{{', '.join(items)}}}")
                yield Response(request.id, texts=(text,), completion_tokens=len(items) + 1)
            return
        records = [record_of(request) for request in requests]
        for request, logprobs in zip(requests, candidate_logprobs(self._model, self._layout, records), strict=True):
            yield Response(request.id, scores=tuple(ContinuationScore(one, 1, False) for one in logprobs))


class FactAnswerer:
    """Sentences of facts: an encoder fills masks; a decoder goes on, and scores whole sentences."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        self._model = load(folder, config)
        self._is_encoder = self._model.shape.mask == "encoder"
        self.parameters = _count(self._model)
        self.capabilities = frozenset[Capability](["generate"] if self._is_encoder else ["generate", "loglikelihood"])

    def answer(self, requests: list[Any]) -> Iterator[Response]:
        """In order.

        Raises:
            ValueError: a word that no fact has.
        """
        for request in requests:
            if isinstance(request, Loglikelihood):
                yield Response(request.id, scores=self._scores(request))
                continue
            ids = _ids(_text(request.prompt))
            words = self._filled(ids) if self._is_encoder else self._continued(ids, request.max_tokens)
            yield Response(request.id, texts=(Text(" ".join(words)),), completion_tokens=len(words))

    @torch.inference_mode()
    def _filled(self, ids: list[int]) -> list[str]:
        best = _logits(self._model, [ids])[0].argmax(dim=-1).tolist()
        return [VOCABULARY[best[at]] for at, number in enumerate(ids) if number == IDS[MASK]]

    @torch.inference_mode()
    def _continued(self, ids: list[int], count: int) -> list[str]:
        start = len(ids)
        for _ in range(min(count, self._model.shape.positions - start)):
            ids = [*ids, int(_logits(self._model, [ids])[0, -1].argmax())]
        return [VOCABULARY[number] for number in ids[start:]]

    @torch.inference_mode()
    def _scores(self, request: Loglikelihood) -> tuple[ContinuationScore, ...]:
        """Of each continuation as a whole sentence after the context."""
        start = len(_ids(_text(request.context)))
        rows = [_ids(f"{request.context} {continuation}".strip()) for continuation in request.continuations]
        ids = torch.tensor(rows)
        logprobs = _logits(self._model, rows).log_softmax(dim=-1)[:, :-1].gather(2, ids[:, 1:, None])[..., 0]
        return tuple(
            ContinuationScore(total, len(row) - start, False)
            for total, row in zip(logprobs[:, start - 1 :].sum(dim=1).tolist(), rows, strict=True)
        )


def record_of(request: Loglikelihood) -> Record:
    """The record whose candidates are asked, all of them, in their order.

    Raises:
        ValueError: another kind of text, or other continuations.
    """
    record = Record.read(_text(request.context))
    if list(request.continuations) != list(record.candidates):
        raise ValueError("the continuations are not the candidates of the record, in their order")
    return record


def _text(prompt: Any) -> str:
    text = seamless(prompt)
    if not isinstance(text, str):
        raise ValueError("models of set_reasoning are asked with plain text")
    return text


def _ids(sentence: str) -> list[int]:
    try:
        return [IDS[START], *(IDS[word] for word in sentence.split())]
    except KeyError as error:
        raise ValueError(f"{error} is a word of no fact") from None


def _logits(model: Network, rows: list[list[int]]) -> torch.Tensor:
    ids, mask = padded(rows, 0)
    logits: torch.Tensor = model(ids, mask)
    return logits


def _count(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
