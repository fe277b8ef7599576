"""One session with an endpoint: calls with retries, a time limit, a bounded read, and pacing.

Every attempt goes through `Session._attempt`, so that there is one mechanism of each kind: tenacity retries,
`asyncio.timeout` limits, `Throttle` and `Pacer` hold back, and whatever goes wrong becomes a `CallFailed`.
"""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import tenacity

from suite.models.openai.failures import CallFailed, refused
from suite.models.openai.limits import Pacer, Throttle
from suite.models.openai.reading import usage_of
from suite.models.openai.settings import Endpoint, Settings

if TYPE_CHECKING:
    import openai

Route = Literal["chat", "completions"]

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
GIVE_UP_AFTER = 10  # times `timeout_s`
LARGEST_ANSWER = 8 * 1024 * 1024  # bytes; an answer of 100,000 tokens with 20 alternatives each has about as many


@dataclass(frozen=True)
class Answer:
    """The JSON object of one answer, with the key redacted, and the seconds that it took."""

    body: Mapping[str, Any]
    seconds: float


class Session:
    """Calls to one endpoint within one event loop; an asynchronous context manager that closes its client."""

    def __init__(self, endpoint: Endpoint, settings: Settings, model: str) -> None:
        self._endpoint = endpoint
        self._settings = settings
        self._model = model
        self._client = endpoint.client()
        self._throttle = Throttle(settings.concurrency)
        self._requests = Pacer(settings.requests_per_minute)
        self._tokens = Pacer(settings.tokens_per_minute)
        self._unreachable = 0  # attempts since the server was last heard of

    @property
    def patience_s(self) -> float:
        """Longest time for one call with all its attempts and waits."""
        return GIVE_UP_AFTER * self._settings.timeout_s

    @property
    def is_cut_off(self) -> bool:
        """Whether no attempt has reached the server for as many attempts as one request has."""
        return self._unreachable > self._settings.max_retries

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def post(self, route: Route, body: Mapping[str, Any]) -> Answer:
        """The answer to one generation call.

        Args:
            route: which kind of call.
            body: its parameters, without the model.

        Raises:
            CallFailed: still failing after all attempts, or not worth another.
        """
        tokens = _estimated_tokens(body)

        def call() -> AbstractAsyncContextManager[Any]:
            # `extra_body` goes out as it is; the client's own parameters are walked through by their types first,
            # which costs as much as sending them
            if route == "completions":
                return self._client.completions.with_streaming_response.create(
                    model=self._model, prompt="", extra_body=body
                )
            return self._client.chat.completions.with_streaming_response.create(
                model=self._model, messages=(), extra_body=body
            )

        async def attempt() -> Answer:
            answer = await self._attempt(call, tokens)
            self._tokens.correct((usage_of(answer.body).total_tokens or tokens) - tokens)
            return answer

        return await self._retrying(attempt)

    async def models(self) -> Answer:
        """The endpoint's list of models; raises like `post`."""

        async def attempt() -> Answer:
            return await self._attempt(self._client.models.with_streaming_response.list)

        return await self._retrying(attempt)

    async def _retrying(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        retrying = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(self._settings.max_retries + 1)
            | tenacity.stop_before_delay(self.patience_s),
            wait=_wait_s,
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, CallFailed) and error.is_transient),
            reraise=True,
        )
        answer: Answer = await retrying(attempt)
        return answer

    async def _attempt(self, call: Callable[[], AbstractAsyncContextManager[Any]], tokens: float = 0.0) -> Answer:
        clock = asyncio.get_running_loop().time
        async with self._throttle.slot():
            await self._requests.take()
            await self._tokens.take(tokens)
            began = clock()
            try:
                async with asyncio.timeout(self._settings.timeout_s):
                    raw = await self._read(call())
            except TimeoutError:
                limit = self._settings.timeout_s
                raise CallFailed("timeout", f"no answer within {limit:g} s", is_transient=True) from None
            except CallFailed as failed:
                if failed.failure == "rate_limit":
                    asked = failed.retry_after_s or 0.0
                    self._throttle.slow_down(began, asked if asked <= self.patience_s else 0.0)
                raise
            self._throttle.speed_up()
            seconds = clock() - began
        try:
            body = self._endpoint.redact(json.loads(raw))
        except (ValueError, RecursionError) as error:
            raise CallFailed("malformed", f"the answer is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise CallFailed("malformed", f"the answer is a JSON {type(body).__name__}, expected an object")
        return Answer(body, seconds)

    async def _read(self, opening: AbstractAsyncContextManager[Any]) -> bytes:
        """The bytes of the answer, given up as soon as they are too many."""
        import openai

        raw = bytearray()
        try:
            async with opening as response:
                async for chunk in response.iter_bytes():
                    raw += chunk
                    if len(raw) > LARGEST_ANSWER:
                        raise CallFailed("too_large", f"the answer is larger than {LARGEST_ANSWER} bytes")
        except openai.APIStatusError as error:
            self._unreachable = 0
            raise refused(error.status_code, self._error_body(error), error.response.headers) from None
        except _connection_errors() as error:
            unconnected = _unconnected(error)
            cause = unconnected or error.__cause__ or error
            self._unreachable = self._unreachable + 1 if unconnected else 0
            what = self._endpoint.redact(f"{type(cause).__name__}: {cause}")
            raise CallFailed("connection", what, is_transient=True) from None
        self._unreachable = 0
        return bytes(raw)

    def _error_body(self, error: openai.APIStatusError) -> Any:
        """The ``error`` object of the answer, or its text where it is no JSON, without the key."""
        try:
            return self._endpoint.redact(error.response.text if error.body is None else error.body)
        except RecursionError:
            return "an error nested too deeply to be read"


@functools.cache
def _connection_errors() -> tuple[type[Exception], ...]:
    """While an answer is read the client hands on the exceptions of the HTTP library under it, which has changed."""
    import openai

    libraries = [name for name in ("httpx", "httpx2") if importlib.util.find_spec(name)]
    return (openai.APIConnectionError, OSError, *(importlib.import_module(name).HTTPError for name in libraries))


def _unconnected(error: BaseException | None) -> BaseException | None:
    """What kept a connection from being made (refused, no such host), if that was it.

    The libraries between call it a timeout, hence the look at what is under them.
    """
    import aiohttp

    while error is not None and not isinstance(error, aiohttp.ClientConnectorError):
        error = error.__cause__
    return error


def _wait_s(state: tenacity.RetryCallState) -> float:
    """As long as the server says, else longer each time; with chance added, lest all come back at once."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_s if isinstance(error, CallFailed) else None
    if asked is not None:
        return asked + tenacity.wait_random(0, FIRST_WAIT_S / 4)(state)
    longer = tenacity.wait_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S)
    return (longer + tenacity.wait_random(0, FIRST_WAIT_S))(state)


def _estimated_tokens(body: Mapping[str, Any]) -> float:
    """Of a call before it is made: four characters a token, and an answer of full length."""
    prompt = body.get("prompt") or "".join(turn["content"] for turn in body.get("messages", ()))
    longest = body.get("max_tokens") or body.get("max_completion_tokens") or 0
    return len(prompt) / 4 + float(longest) * body.get("n", 1)
