"""Gathers what the calls for one request gave: texts or scores, first-token alternatives, counts, seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from suite.models.openai.failures import CallFailed
from suite.models.openai.reading import Usage
from suite.task import ContinuationScore, Response, Text


@dataclass(frozen=True)
class Parts:
    """What the calls of one request have given so far."""

    texts: tuple[Text, ...] = ()
    scores: tuple[ContinuationScore, ...] = ()
    first_token: tuple[tuple[str, float], ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    seconds: float = 0.0

    def plus(self, usage: Usage, seconds: float) -> Parts:
        """With one more call's counts."""
        return replace(
            self,
            prompt_tokens=self.prompt_tokens + usage.prompt_tokens,
            completion_tokens=self.completion_tokens + usage.completion_tokens,
            cached_tokens=self.cached_tokens + usage.cached_tokens,
            seconds=self.seconds + seconds,
        )

    def of_texts(self, texts: Sequence[Text], first_token: Sequence[tuple[str, float]] = ()) -> Parts:
        """With more texts; the first token of the first text counts."""
        return replace(self, texts=(*self.texts, *texts), first_token=self.first_token or tuple(first_token))

    def of_scores(self, scores: Sequence[ContinuationScore]) -> Parts:
        """With the scores."""
        return replace(self, scores=tuple(scores))

    def response(self, request_id: str, price: tuple[float, float] | None) -> Response:
        """The response; `price` is USD per million tokens of prompt and answer, None if unknown."""
        into, out = price or (0.0, 0.0)
        return Response(
            request_id,
            scores=self.scores,
            texts=self.texts,
            first_token=self.first_token,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            cached_tokens=self.cached_tokens,
            cost_usd=(self.prompt_tokens * into + self.completion_tokens * out) / 1e6,
            latency_s=self.seconds,
        )


def failure_response(request_id: str, failed: CallFailed) -> Response:
    """The response that stands for a failed request."""
    return Response(request_id, error=failed.failure, error_detail=failed.detail)
