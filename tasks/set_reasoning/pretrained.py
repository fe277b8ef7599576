"""Pretrained encoders and decoders on records as text: one linear head reads the last sub-token of each candidate.

Encoder and decoder have the same text, head and loss; they differ in what they were pretrained as. The hyperparameters
are ours: those of Wu, Yang and Wang (2024) are not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from suite.errors import UserError
from suite.finetune.output import write_json
from suite.finetune.own import Started
from suite.finetune.settings import Hyperparameters, LoraSettings
from suite.task import Capability, ContinuationScore, Generate, Response
from tasks.set_reasoning.answerers import record_of
from tasks.set_reasoning.batches import Batches, Labelled, padded
from tasks.set_reasoning.curricula import LEAST_EM, TEXTS, held_out, training_batch
from tasks.set_reasoning.records import Record
from tasks.set_reasoning.sequences import IGNORED, Encoded

BACKBONE, HEAD, CONFIG = "backbone", "head.safetensors", "set_model.json"
_BATCH = 32


def check_start(model: str, lora: bool) -> dict[str, Any]:
    """What tells this start from others, its name and kind ("encoder", "decoder"); no weight is read.

    Raises:
        UserError: no such model, or a tokenizer that does not say where its tokens stand in a text.
    """
    from suite.finetune.start import find_start

    start = find_start(model, None, LoraSettings() if lora else None, False)
    kind = "decoder" if start.kind == "causal" else "encoder"
    return {"name": PurePosixPath(str(start.name)).name, "kind": kind, **start.identity}


def start_pretrained(seed: int, *, model: str, identity: Mapping[str, Any], settings: Hyperparameters) -> Started:
    """A pretrained model with a fresh head, about to be trained."""
    from suite.finetune.start import find_start, load_model, load_tokenizer

    start = find_start(model, None, LoraSettings() if identity["lora"] else None, False)
    tokenizer = load_tokenizer(start, [], Labelled(None))  # type: ignore[arg-type]
    outer = load_model(start, tokenizer, 0)
    torch.manual_seed(seed)
    wrapped = WithHead(_body(outer, identity["lora"]))
    reader = Reader(tokenizer, identity["expr_position"] == "last", _window(wrapped.body))

    def batch(step: int) -> list[Encoded]:
        examples = training_batch(identity["train"], settings.batch_size, seed=seed, step=step, surface=TEXTS)
        return [reader.encode(one.record, one.answer) for one in examples]

    def finish(trained: WithHead, folder: Path) -> Mapping[str, Any]:
        examples = held_out(identity["train"], seed=seed, surface=TEXTS)
        found = chosen(trained, reader, [one.record for one in examples], _BATCH)
        value = sum(own == one.answer for own, one in zip(found, examples, strict=True)) / len(examples)
        body = _body(outer.merge_and_unload(), False) if identity["lora"] else trained.body
        body.save_pretrained(folder / BACKBONE)
        tokenizer.save_pretrained(folder / BACKBONE)
        save_file({name: one.detach().clone() for name, one in trained.head.state_dict().items()}, folder / HEAD)
        write_json(folder / CONFIG, {"kind": "pretrained", "expr_last": reader.expr_last})
        rule = {"what": "two-set exact match", "value": value, "least": LEAST_EM, "problems": len(examples)}
        met = value >= LEAST_EM
        return {"stop_rule": {**rule, "met": met}, "status": "converged" if met else "not_converged"}

    assert settings.steps is not None
    batches = Batches(batch, settings.steps, seed, pad=-1)
    record = {"base_model": start.name, "batches_sha256": batches.sha256()}
    return Started(wrapped, batches, Labelled(None), record, finish)  # type: ignore[arg-type]


class WithHead(nn.Module):
    """A transformer's body with a two-way head on every position."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(body.config.get_text_config().hidden_size, 2)
        self.head.to(body.device)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """(B, T) ids -> (B, T, 2) logits."""
        hidden = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        logits: torch.Tensor = self.head(hidden.float())
        return logits

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """What is trained, and no more: a checkpoint of an adapter is small."""
        trained = {name for name, parameter in self.named_parameters() if parameter.requires_grad}
        return {name: value for name, value in super().state_dict(*args, **kwargs).items() if name in trained}


class Reader:
    """Turns records into token ids with a label at the last sub-token of each candidate."""

    def __init__(self, tokenizer: Any, expr_last: bool, window: int | None) -> None:
        if not tokenizer.is_fast:
            raise UserError(f"{type(tokenizer).__name__} does not say where tokens stand; a fast tokenizer is needed")
        self._tokenizer, self.expr_last, self._window = tokenizer, expr_last, window

    def encode(self, record: Record, answer: frozenset[str] = frozenset()) -> Encoded:
        """The record's tokens.

        Raises:
            ValueError: it is longer than the model's window.
        """
        text = record.text(self.expr_last)
        encoded = self._tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True)
        ids, places = encoded["input_ids"], encoded["offset_mapping"]
        if self._window is not None and len(ids) > self._window:
            raise ValueError(f"a record of {len(ids)} tokens; the model's window is {self._window}")
        labels, end = [IGNORED] * len(ids), len(text)
        for item in reversed(record.candidates):  # they end the text, in this order
            labels[_token_at(places, end - 1)] = int(item in answer)
            end -= len(item) + len(", ")
        return Encoded(tuple(ids), tuple(labels))


@torch.inference_mode()
def candidate_logprobs(model: WithHead, reader: Reader, records: Sequence[Record], size: int) -> Iterator[list[float]]:
    """Log-probability, in nats, that each candidate of a record is in the answer."""
    for start in range(0, len(records), size):
        encoded = [reader.encode(record) for record in records[start : start + size]]
        ids, mask = padded([one.ids for one in encoded], -1)
        device = model.head.weight.device
        logprobs = model(ids.clamp(min=0).to(device), mask.to(device)).log_softmax(dim=-1)[..., 1].tolist()
        for row, one in zip(logprobs, encoded, strict=True):
            yield [row[at] for at, label in enumerate(one.labels) if label != IGNORED]


def chosen(model: WithHead, reader: Reader, records: Sequence[Record], size: int) -> list[frozenset[str]]:
    """The candidates that are more likely in the answer than not."""
    half = torch.tensor(0.5).log().item()
    return [
        frozenset(item for item, logprob in zip(record.candidates, logprobs, strict=True) if logprob > half)
        for record, logprobs in zip(records, candidate_logprobs(model, reader, records, size), strict=True)
    ]


class PretrainedAnswerer:
    """Records, by membership."""

    capabilities: frozenset[Capability] = frozenset(["loglikelihood"])

    def __init__(self, folder: Path, config: Mapping[str, Any], batch_size: int | None) -> None:
        from transformers import AutoModel, AutoTokenizer

        backbone = folder / BACKBONE
        body = AutoModel.from_pretrained(backbone, local_files_only=True, use_safetensors=True, dtype=torch.float32)
        self._model = WithHead(body)
        self._model.head.load_state_dict(load_file(folder / HEAD))
        self._model.eval()
        tokenizer = AutoTokenizer.from_pretrained(backbone, local_files_only=True)
        self._reader = Reader(tokenizer, config["expr_last"], _window(body))
        self._size = batch_size or _BATCH
        self.parameters = sum(parameter.numel() for parameter in self._model.parameters())

    def answer(self, requests: list[Any]) -> Iterator[Response]:
        """In order.

        Raises:
            ValueError: no record, one that is too long, or a question to be answered in writing.
        """
        if isinstance(requests[0], Generate):
            raise ValueError("this model reads candidates and writes nothing")
        records = [record_of(request) for request in requests]
        found = candidate_logprobs(self._model, self._reader, records, self._size)
        for request, logprobs in zip(requests, found, strict=True):
            yield Response(request.id, scores=tuple(ContinuationScore(one, 1, False) for one in logprobs))


def _body(model: Any, is_adapter: bool) -> Any:
    """The transformer without its language head; an adapter's layers are inside it."""
    return (model.get_base_model() if is_adapter else model).base_model


def _window(body: Any) -> int | None:
    from suite.models.hf.card import context_length

    return context_length(body.config.get_text_config())


def _token_at(places: Sequence[tuple[int, int]], character: int) -> int:
    """The token that holds a character of the text."""
    return max(number for number, (start, end) in enumerate(places) if start <= character < end)
