"""Is an endpoint to be believed? Its log-probabilities are compared with its own generation, its options tried out.

A server may accept ``echo`` and return values shifted by one token, or ignore an option without a word; neither
shows in the scores that come out. Hence this test, before a run that needs log-probabilities.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from suite.models.openai.dialect import Dialect, is_json
from suite.models.openai.failures import CallFailed
from suite.models.openai.generation import accepted
from suite.models.openai.likelihood import continuation_score, echo_body
from suite.models.openai.reading import choices, text_of, tokens_of
from suite.models.openai.session import Route, Session
from suite.task import Generate

PROMPT = "The capital of France is"
_NONSENSE = " zxqvk"
# An endpoint does not say its precision: the bound is that of bf16 and quantised weights. Errors of alignment are
# whole nats.
_TOLERANCE_NATS = 0.3


@dataclass(frozen=True)
class LikelihoodCheck:
    """Whether log-probabilities of given text can be had and agree with generation.

    Attributes:
        passed: they can, and do; `reason` says why not.
        echoes: the server returned the text that it was to score.
        generated_nats: log-probability of a greedy token as generated; scored_nats: the same token as given text.
    """

    passed: bool
    reason: str = ""
    echoes: bool = False
    generated_nats: float | None = None
    scored_nats: float | None = None


@dataclass(frozen=True)
class SelfTest:
    """The report of an endpoint's self-test; `honoured`: option -> whether it has its effect."""

    likelihood: LikelihoodCheck
    honoured: Mapping[str, bool] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether a run may use this endpoint's log-probabilities."""
        return self.likelihood.passed


async def check_likelihood(session: Session, dialect: Dialect) -> LikelihoodCheck:
    """Generates one greedy token, scores it as given text, and a nonsense continuation beside it."""
    generated = echoes = None
    try:
        answer, _ = await accepted(
            session, dialect, Generate(PROMPT, max_tokens=1, top_logprobs=1), "completions", 0, 1
        )
        choice = choices(answer.body)[0]
        token, tokens = text_of(choice, ()).text, tokens_of(choice)
        if not token or not tokens or tokens[0].logprob is None:
            return LikelihoodCheck(False, "the server gives no log-probabilities of generated tokens")
        generated = tokens[0].logprob
        echoed = await session.post("completions", echo_body(PROMPT + token))
        choice = choices(echoed.body)[0]
        echoes = text_of(choice, ()).text.startswith(PROMPT)
        if not echoes:
            return LikelihoodCheck(False, "the server ignores echo: it does not score given text", False, generated)
        score = continuation_score(PROMPT, token, tokens_of(choice))
        other = await session.post("completions", echo_body(PROMPT + _NONSENSE))
        nonsense = continuation_score(PROMPT, _NONSENSE, tokens_of(choices(other.body)[0]))
    except CallFailed as failed:
        return LikelihoodCheck(False, f"scoring given text failed: {failed.detail}", bool(echoes), generated)
    reason = ""
    if abs(generated - score.logprob) >= _TOLERANCE_NATS:
        reason = f"{token!r} has log-probability {generated:.2f} when generated, but {score.logprob:.2f} as given text"
    elif not score.is_greedy:
        reason = f"{token!r} was generated greedily, but is not the most likely token as given text"
    elif nonsense.logprob >= score.logprob:
        reason = f"{_NONSENSE!r} scores {nonsense.logprob:.2f}, no lower than {token!r} with {score.logprob:.2f}"
    return LikelihoodCheck(not reason, reason, True, generated, score.logprob)


async def self_test(session: Session, dialect: Dialect, route: Route, likelihood: LikelihoodCheck) -> SelfTest:
    """The whole report: `likelihood` and which options are honoured on `route`. About ten short calls."""
    trial = _Trial(session, dialect, route)
    return SelfTest(
        likelihood,
        {
            "echo": likelihood.echoes,
            "logprobs": await trial.alternatives(1) >= 1,
            "top_logprobs": await trial.alternatives(3) >= 3,
            "n": len(await trial.texts(Generate(PROMPT, max_tokens=4, temperature=1.0, n=2))) == 2,
            "seed": await trial.honours_seed(),
            "stop": await trial.honours_stop(),
            "response_format": await trial.honours_response_format(),
        },
    )


@dataclass(frozen=True)
class _Trial:
    """Tries options out; a call that fails counts as an option that is not honoured."""

    session: Session
    dialect: Dialect
    route: Route

    async def texts(self, request: Generate) -> list[str]:
        """As the server gives them, not cut at stop strings."""
        try:
            return [text_of(choice, ()).text for choice in await self._choices(request)]
        except CallFailed:
            return []

    async def alternatives(self, k: int) -> int:
        try:
            tokens = tokens_of((await self._choices(Generate(PROMPT, max_tokens=2, top_logprobs=k)))[0])
        except CallFailed:
            return 0
        return len(tokens[0].alternatives) if tokens else 0

    async def honours_seed(self) -> bool:
        """The same seed gives the same text, and four seeds do not all give one text."""
        drawn = [
            await self.texts(Generate(PROMPT, max_tokens=12, temperature=1.0, seed=seed)) for seed in (7, 7, 8, 9, 10)
        ]
        return all(drawn) and drawn[0] == drawn[1] and len({tuple(texts) for texts in drawn}) > 1

    async def honours_stop(self) -> bool:
        """A greedy text ends before a word out of its own middle, once that is a stop string."""
        request = Generate(PROMPT, max_tokens=12)
        free = "".join(await self.texts(request))
        words = free.split()
        if len(words) < 3:
            return False
        stop = words[len(words) // 2]
        stopped = await self.texts(Generate(PROMPT, max_tokens=12, stop=(stop,)))
        return bool(stopped) and stop not in stopped[0] and len(stopped[0]) < len(free)

    async def honours_response_format(self) -> bool:
        """The answer is an object that no model would give unasked."""
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {"colour": {"type": "string", "enum": ["mauve"]}},
            "required": ["colour"],
            "additionalProperties": False,
        }
        before = self.dialect.structure_level(Generate(PROMPT, json_schema=schema))
        texts = await self.texts(Generate(PROMPT, max_tokens=32, json_schema=schema))
        after = self.dialect.structure_level(Generate(PROMPT, json_schema=schema))
        strict = before == after == "json_schema"
        return strict and bool(texts) and is_json(texts[0]) and json.loads(texts[0]) == {"colour": "mauve"}

    async def _choices(self, request: Generate) -> list[Mapping[str, Any]]:
        answer, _ = await accepted(self.session, self.dialect, request, self.route, request.seed, request.n)
        return choices(answer.body)
