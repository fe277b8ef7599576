"""Pseudo-log-likelihoods of encoders (BERT and its kin): each token of a continuation is masked once and predicted.

Salazar, Liang, Nguyen, Kirchhoff: "Masked Language Model Scoring", ACL 2020, equation 1, over the continuation's
tokens; the context stays visible. What is masked beside the token that is asked (`masking`):

- token: nothing, the original; the pieces of a rare word then give each other away.
- word: the later pieces of the same word (Kauf and Ivanova, "A Better Way to Do Masked Language Model Scoring",
  ACL 2023, PLL-word-l2r). The default.
- whole: all of the continuation, its tokens asked at once and apart (their PLL-whole-word, of the continuation). The
  default for encoders that were trained here on entities hidden whole, and have never seen half of one.

Nothing is shared between texts: every token sees all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

import torch

from suite.errors import UserError
from suite.models.hf.batching import Batches
from suite.models.hf.forward import masked_logits
from suite.models.hf.scoring import Part
from suite.models.hf.tokenization import Target, Tokenization, Tokens

Masking = Literal["token", "word", "whole"]


def masking_of(wanted: str | None, training: Any) -> Masking:
    """What to mask: as wanted, else as the model was trained (the content of its `training.json`), else word.

    Raises:
        UserError: no such choice.
    """
    for choice in get_args(Masking):
        if wanted == choice:
            return choice
    if wanted is not None:
        raise UserError(f"masking {wanted!r}: expected {', '.join(get_args(Masking))}")
    options = (training or {}).get("objective_options") or {}
    return "whole" if options.get("whole") else "word"


@dataclass(frozen=True, slots=True)
class _Blank:
    """A target's text with some tokens masked, and those that are asked for: their places and ids."""

    target: Target
    tokens: Tokens
    places: tuple[int, ...]
    asked: Tokens


class EncoderScorer:
    """Scores targets with a masked language model."""

    def __init__(self, model: Any, tokenization: Tokenization, batches: Batches, masking: Masking) -> None:
        self.masking = masking
        self.model = model
        self.tokenization = tokenization
        self.batches = batches
        self._pieces = Pieces(tokenization.tokenizer)
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
                now = (count + len(blank.asked), total + logprob, all_best and best, spent + seconds)
                sums[id(blank.target)] = now
                if now[0] == len(blank.target.tail):
                    yield Part(blank.target, now[1], now[2], now[3])

    def _blanks(self, target: Target) -> Iterator[_Blank]:
        text = target.tokens + self.tokenization.trailing
        first, end = target.keep, target.keep + len(target.tail)
        if self.masking == "whole":
            hidden = (*text[:first], *[self.mask] * (end - first), *text[end:])
            yield _Blank(target, hidden, tuple(range(first, end)), target.tail)
            return
        for place, stop in zip(range(first, end), self._ends(target), strict=True):
            hidden = (*text[:place], *[self.mask] * (stop - place), *text[stop:])
            yield _Blank(target, hidden, (place,), (text[place],))

    def _ends(self, target: Target) -> list[int]:
        """For each token of the continuation, the place up to which the text is masked from it on."""
        first, end = target.keep, target.keep + len(target.tail)
        if self.masking == "token":
            return [place + 1 for place in range(first, end)]
        ends = [end]
        for before, token in reversed(list(pairwise(target.tail))):
            ends.append(ends[-1] if self._pieces.goes_on(before, token) else end - len(ends))
        return ends[::-1]

    @torch.inference_mode()
    def _batch(self, blanks: Sequence[_Blank]) -> list[tuple[_Blank, float, bool, float]]:
        started = time.perf_counter()
        reads = torch.tensor([[i, place] for i, blank in enumerate(blanks) for place in blank.places])
        logits = masked_logits(self.model, [blank.tokens for blank in blanks], reads).float()
        token = torch.tensor([token for blank in blanks for token in blank.asked], device=logits.device)
        sizes = [len(blank.asked) for blank in blanks]
        logprobs = logits.log_softmax(-1).gather(1, token[:, None])[:, 0].split(sizes)
        best = (logits.argmax(-1) == token).split(sizes)
        seconds = (time.perf_counter() - started) / len(blanks)
        return [
            (blank, float(logprobs[i].double().sum()), bool(best[i].all()), seconds) for i, blank in enumerate(blanks)
        ]


class Pieces:
    """Tells which tokens go on with a word, by the marks of a tokenizer's vocabulary.

    WordPiece marks what goes on ("##ing"), others what begins (a space before it, written \u2581 or \u0120); without
    marks a token is a word. Punctuation stands alone.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._strings = tokenizer.convert_ids_to_tokens
        vocabulary = tokenizer.get_vocab()
        self._marks_rest = any(piece.startswith("##") for piece in vocabulary)
        self._marks_first = any(piece.startswith(_FIRST) and len(piece) > 1 for piece in vocabulary)

    def goes_on(self, before: int, token: int) -> bool:
        """Whether `token` is a later piece of the word that `before` belongs to."""
        left, right = self._strings([before, token])
        if self._marks_rest:
            return bool(right.startswith("##"))
        if not self._marks_first or right.startswith(_FIRST):
            return False
        return bool(right[:1].isalnum()) and (left[-1:].isalnum() or left in _FIRST)


_FIRST = ("\u2581", "\u0120")
