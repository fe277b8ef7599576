"""Generated texts, in batches padded on the left; greedy, or sampled so that a request's texts are its own.

A sampled token is the argmax of the scaled logits plus Gumbel noise (Gumbel 1954; an exact draw from the softmax).
The noise of each text comes from a generator of its own, seeded by prompt, seed and number, so that a text does not
depend on what else is in the batch. Everything else is the `generate` of transformers, which knows every architecture.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessor, StoppingCriteria

from suite.identity import digest
from suite.interventions import Intervention, Layout
from suite.models.hf.batching import Batches
from suite.models.hf.tokenization import Opening, Tokenization, Tokens
from suite.task import Generate, Response, Text

NO_SCHEMA = "hf models cannot be held to a JSON schema; ask without json_schema, or serve the model and use openai/"


@dataclass(frozen=True, slots=True)
class _Ask:
    """One text to generate: number `index` of request `request`; `room` is the most tokens it may have."""

    request: int
    index: int
    prompt: Tokens
    opening: Opening
    room: int
    generate: Generate


@dataclass(frozen=True, slots=True)
class _Written:
    ask: _Ask
    text: Text
    tokens: int
    first_token: tuple[tuple[str, float], ...]
    seconds: float


class Generator:
    """Generates with a causal model; for prompts that have a layout, under `intervention`."""

    def __init__(
        self, model: Any, tokenization: Tokenization, batches: Batches, intervention: Intervention | None = None
    ) -> None:
        self.model = model
        self.tokenization = tokenization
        self.batches = batches
        self.intervention = intervention
        self.end_tokens = end_tokens(model, tokenization.tokenizer)
        # A repository's own defaults (temperature, penalties) must not colour the answers.
        model.generation_config = GenerationConfig(eos_token_id=self.end_tokens or None)

    def answer(self, requests: Sequence[Generate]) -> Iterator[Response]:
        """Responses to `requests`, each as soon as its last text is there.

        A text that meets the end of the model's window ends there, with finish "length".
        """
        window = self.tokenization.context_length
        asks: list[_Ask] = []
        prompts = self.tokenization.prompts([request.prompt for request in requests])
        for number, (request, (prompt, opening)) in enumerate(zip(requests, prompts, strict=True)):
            room = request.max_tokens if window is None else min(request.max_tokens, window - len(prompt))
            if request.json_schema is not None:
                yield Response(request.id, error="client_error", error_detail=NO_SCHEMA)
            elif opening.problem:
                yield Response(request.id, error="tokenization", error_detail=opening.problem)
            elif not prompt:
                detail = f"no token to begin with: prompt {request.prompt!r}, and no start or end token"
                yield Response(request.id, error="tokenization", error_detail=detail)
            elif room < 1:
                detail = f"the prompt has {len(prompt)} tokens; the model's window is {window}"
                yield Response(request.id, error="context_length", error_detail=detail)
            else:
                asks.extend(_Ask(number, index, prompt, opening, room, request) for index in range(request.n))
        found: dict[int, list[_Written]] = {}
        for layout, alike in _by_layout(asks):
            work = partial(self._batch, layout)
            for batch in self.batches.run(alike, lambda ask: len(ask.prompt) + ask.room, work):
                for written in batch:
                    texts = found.setdefault(written.ask.request, [])
                    texts.append(written)
                    if len(texts) == written.ask.generate.n:
                        yield _response(found.pop(written.ask.request))

    @torch.inference_mode()
    def _batch(self, layout: Layout | None, asks: Sequence[_Ask]) -> list[_Written]:
        started = time.perf_counter()
        longest = max(len(ask.prompt) for ask in asks)
        inputs = torch.zeros(len(asks), longest, dtype=torch.long)
        seen = torch.zeros(len(asks), longest, dtype=torch.long)
        for i, ask in enumerate(asks):
            inputs[i, longest - len(ask.prompt) :] = torch.tensor(ask.prompt)
            seen[i, longest - len(ask.prompt) :] = 1
        first = _FirstToken(max(ask.generate.top_logprobs for ask in asks))
        under = (
            nullcontext()
            if layout is None or self.intervention is None
            else self.intervention.apply(self.model, layout)
        )
        with under, _within_window(self.model, self.tokenization.context_length):
            output = self.model.generate(
                input_ids=inputs.to(self.model.device),
                attention_mask=seen.to(self.model.device),
                generation_config=GenerationConfig(
                    max_new_tokens=max(ask.room for ask in asks),
                    eos_token_id=self.end_tokens or None,
                    pad_token_id=self.end_tokens[0] if self.end_tokens else 0,
                ),
                logits_processor=[first, _Noise(asks, self.model.device)],
                stopping_criteria=[_Ended(asks, self.tokenization.tokenizer, longest)],
            )
        seconds = (time.perf_counter() - started) / len(asks)
        new = output[:, longest:].tolist()
        return [self._written(ask, new[i], first.of(i, ask), seconds) for i, ask in enumerate(asks)]

    def _written(self, ask: _Ask, tokens: list[int], first: list[tuple[int, float]], seconds: float) -> _Written:
        decode = self.tokenization.tokenizer.decode
        tokens = tokens[: ask.room]
        end = next((i for i, token in enumerate(tokens) if token in self.end_tokens), None)
        text = decode(tokens[:end], skip_special_tokens=True)
        cut = min((at for stop in ask.generate.stop if stop and (at := text.find(stop)) >= 0), default=None)
        finish = "stop" if cut is not None or end is not None else "length"
        count = len(tokens) if end is None else end + 1
        if cut is not None:  # rows of a batch go on until the last has ended; what comes after the stop is not counted
            count = next(n for n in range(1, count + 1) if _has_stop(decode(tokens[:n], skip_special_tokens=True), ask))
        top = tuple((decode([token]), logprob) for token, logprob in first)
        return _Written(ask, Text(text[:cut], finish), count, top, seconds)


def _by_layout(asks: Sequence[_Ask]) -> Iterator[tuple[Layout | None, list[_Ask]]]:
    """Asks that may share a batch; those with a layout need prompts of one length, since they bear no padding."""
    alike: dict[tuple[Layout | None, int], list[_Ask]] = {}
    for ask in asks:
        layout = ask.opening.layout
        alike.setdefault((layout, 0 if layout is None else len(ask.prompt)), []).append(ask)
    for (layout, _), same in alike.items():
        yield layout, same


@contextmanager
def _within_window(model: Any, window: int | None) -> Iterator[None]:
    """Keeps the positions of rows that have ended inside the window, while others of their batch go on.

    A model with learned positions has no vector beyond its window, though nobody reads what such a row says.
    """
    if window is None:
        yield
        return

    def clamp(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        positions = kwargs.get("position_ids")
        return args, kwargs if positions is None else {**kwargs, "position_ids": positions.clamp(max=window - 1)}

    handle = model.register_forward_pre_hook(clamp, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """Every token that ends a text, by the model's generation config and by the tokenizer."""
    own = getattr(model.generation_config, "eos_token_id", None)
    listed = own if isinstance(own, list) else [own]
    return sorted({token for token in [*listed, tokenizer.eos_token_id] if token is not None})


class _FirstToken(LogitsProcessor):
    """Keeps the log-probabilities (fp32, temperature 1) of the `top` likeliest first tokens."""

    def __init__(self, top: int) -> None:
        self.top = top
        self.best: Any = None

    def __call__(self, _input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if self.top and self.best is None:
            self.best = scores.float().log_softmax(-1).topk(min(self.top, scores.shape[-1]))
        return scores

    def of(self, row: int, ask: _Ask) -> list[tuple[int, float]]:
        if not ask.generate.top_logprobs:
            return []
        values, tokens = self.best.values[row].tolist(), self.best.indices[row].tolist()
        return list(zip(tokens, values, strict=True))[: ask.generate.top_logprobs]


class _Noise(LogitsProcessor):
    """Makes the argmax of a row with a temperature a draw from its distribution."""

    def __init__(self, asks: Sequence[_Ask], device: torch.device) -> None:
        self.device = device
        self.rows = [
            (i, ask.generate.temperature, torch.Generator().manual_seed(_seed(ask)))
            for i, ask in enumerate(asks)
            if ask.generate.temperature > 0
        ]

    def __call__(self, _input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if not self.rows:
            return scores
        scores = scores.float().clone()
        for i, temperature, generator in self.rows:
            gumbel = -torch.empty(scores.shape[-1]).exponential_(generator=generator).log()
            scores[i] = scores[i] / temperature + gumbel.to(self.device)
        return scores


class _Ended(StoppingCriteria):
    """Ends a row at its own number of tokens, or at a stop string."""

    def __init__(self, asks: Sequence[_Ask], tokenizer: Any, prompt_length: int) -> None:
        self.asks = asks
        self.tokenizer = tokenizer
        self.prompt_length = prompt_length
        # A stop string of n bytes ends within the last n tokens; two more shield it from what decoders trim.
        self.tails = [max((len(stop.encode()) + 2 for stop in ask.generate.stop), default=0) for ask in asks]
        self.done = torch.zeros(len(asks), dtype=torch.bool)

    def __call__(self, input_ids: torch.Tensor, _scores: Any, **_: Any) -> torch.Tensor:
        length = input_ids.shape[1] - self.prompt_length
        for i, ask in enumerate(self.asks):
            if self.done[i]:
                continue
            self.done[i] = length >= ask.room
            if self.tails[i] and not self.done[i]:
                tail = input_ids[i, max(self.prompt_length, input_ids.shape[1] - self.tails[i]) :]
                self.done[i] = _has_stop(self.tokenizer.decode(tail, skip_special_tokens=True), ask)
        return self.done.to(input_ids.device)


def _has_stop(text: str, ask: _Ask) -> bool:
    return any(stop and stop in text for stop in ask.generate.stop)


def _seed(ask: _Ask) -> int:
    return int(digest([ask.generate.to_json()["prompt"], ask.generate.seed, ask.index], 15), 16)


def _response(texts: list[_Written]) -> Response:
    texts = sorted(texts, key=lambda written: written.ask.index)
    return Response(
        texts[0].ask.generate.id,
        texts=tuple(written.text for written in texts),
        first_token=texts[0].first_token,
        prompt_tokens=len(texts[0].ask.prompt),
        completion_tokens=sum(written.tokens for written in texts),
        is_split=texts[0].ask.opening.is_split,
        latency_s=sum(written.seconds for written in texts),
    )
