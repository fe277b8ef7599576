"""Pseudo-log-likelihoods of encoders (BERT and its kin): each token of a continuation is masked once and predicted.

Salazar, Liang, Nguyen, Kirchhoff: "Masked Language Model Scoring", ACL 2020, equation 1, over the continuation's
tokens; context and the rest of the continuation stay visible. Nothing is shared between texts: every token sees all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from suite.errors import UserError
from suite.models.hf.batching import Batches
from suite.models.hf.forward import masked_logits
from suite.models.hf.scoring import Part
from suite.models.hf.tokenization import Target, Tokenization, Tokens


@dataclass(frozen=True, slots=True)
class _Blank:
    """A target's text with the token at `place` masked."""

    target: Target
    tokens: Tokens
    place: int
    token: int


class EncoderScorer:
    """Scores targets with a masked language model."""

    def __init__(self, model: Any, tokenization: Tokenization, batches: Batches) -> None:
        self.model = model
        self.tokenization = tokenization
        self.batches = batches
        self.mask = tokenization.tokenizer.mask_token_id
        if self.mask is None:
            raise UserError(f"{type(model).__name__}: the tokenizer has no mask token, so it cannot score an encoder")

    def score(self, targets: Sequence[Target]) -> Iterator[Part]:
        """Yields one part for each target."""
        blanks = [blank for target in targets for blank in self._blanks(target)]
        sums: dict[int, tuple[int, float, bool, float]] = {}
        for batch in self.batches.run(blanks, lambda blank: len(blank.tokens), self._batch):
            for blank, logprob, best, seconds in batch:
                count, total, all_best, spent = sums.get(id(blank.target), (0, 0.0, True, 0.0))
                now = (count + 1, total + logprob, all_best and best, spent + seconds)
                sums[id(blank.target)] = now
                if now[0] == len(blank.target.tail):
                    yield Part(blank.target, now[1], now[2], now[3])

    def _blanks(self, target: Target) -> Iterator[_Blank]:
        text = target.tokens + self.tokenization.trailing
        for place in range(target.keep, target.keep + len(target.tail)):
            yield _Blank(target, (*text[:place], self.mask, *text[place + 1 :]), place, text[place])

    @torch.inference_mode()
    def _batch(self, blanks: Sequence[_Blank]) -> list[tuple[_Blank, float, bool, float]]:
        started = time.perf_counter()
        reads = torch.tensor([[i, blank.place] for i, blank in enumerate(blanks)])
        logits = masked_logits(self.model, [blank.tokens for blank in blanks], reads).float()
        token = torch.tensor([blank.token for blank in blanks], device=logits.device)
        logprobs = logits.log_softmax(-1).gather(1, token[:, None])[:, 0].tolist()
        best = (logits.argmax(-1) == token).tolist()
        seconds = (time.perf_counter() - started) / len(blanks)
        return [(blank, logprobs[i], best[i], seconds) for i, blank in enumerate(blanks)]
