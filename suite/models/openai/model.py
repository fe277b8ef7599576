"""`OpenAIModel`: answers requests through an OpenAI-compatible endpoint, many at once, one failure at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from suite.errors import UserError
from suite.identity import digest
from suite.models.openai.background import Background, stream
from suite.models.openai.dialect import Dialect
from suite.models.openai.discovery import Discovery, discover, ends_run
from suite.models.openai.failures import CallFailed
from suite.models.openai.generation import generate
from suite.models.openai.likelihood import score
from suite.models.openai.responses import failure_response
from suite.models.openai.selftest import SelfTest, self_test
from suite.models.openai.session import Route, Session
from suite.models.openai.settings import Endpoint, Settings
from suite.task import Capability, Generate, Loglikelihood, ModelInfo, Prompt, Request, Response, seamless

_PROBE_RETRIES = 2  # while loading, somebody waits
_WINDOW = 2  # requests held per place, so that places are not idle while the caller is busy


class OpenAIModel:
    """A model behind an API.

    A text prompt is sent to /completions as it is, where the endpoint has that, else as the one user message of a
    chat; ``info.extra["text_prompts"]`` says which.
    """

    info: ModelInfo

    def __init__(self, name: str, settings: Settings, needs_loglikelihood: bool = False) -> None:
        self._name = name
        self._settings = settings
        self._endpoint = Endpoint.from_environment(settings.base_url)
        self._dialect = Dialect(settings.reasoning_effort)
        with Background() as background:
            session = background.enter(self._probing_session())
            self._found = background.run(discover(session, self._dialect, name, self._endpoint.base_url))
        if needs_loglikelihood and not self._found.likelihood.passed:
            raise UserError(
                f"{self._endpoint.base_url} cannot be used for log-probabilities: {self._found.likelihood.reason}; "
                "use mode generate or first_token, or a local hf/ model"
            )
        self.info = _info(name, self._endpoint, settings, self._found, self._dialect)

    def __repr__(self) -> str:
        return f"OpenAIModel({self._name!r}, {self._endpoint!r})"

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        """Answers as they come. `requests` is advanced in the caller's thread, a small window ahead.

        Raises:
            UserError: the key, the model or the address turns out to be wrong; answers before that are kept.
            RunIncomplete: the server has gone away.
        """
        with Background() as background:
            session = background.enter(Session(self._endpoint, self._settings, self._name))

            async def work(request: Request) -> Response:
                try:
                    return await self._answer_one(session, request)
                except CallFailed as failed:
                    ending = ends_run(failed, session, self._name, self._endpoint.base_url)
                    if ending is not None:
                        raise ending from None
                    return failure_response(request.id, failed)

            yield from stream(background, work, requests, window=_WINDOW * self._settings.concurrency)

    def self_test(self) -> SelfTest:
        """Tries out log-probabilities and options; about ten short calls."""
        with Background() as background:
            session = background.enter(self._probing_session())
            route: Route = "chat" if "chat" in self._found.routes else "completions"
            return background.run(self_test(session, self._dialect, route, self._found.likelihood))

    def structure_level(self, request: Generate) -> str | None:
        """How this request now asks for JSON: json_schema, json_object or plain; None if it does not ask for JSON."""
        return self._dialect.structure_level(request)

    async def _answer_one(self, session: Session, request: Request) -> Response:
        if isinstance(request, Loglikelihood):
            if not self._found.likelihood.passed:
                raise UserError(
                    f"{self._endpoint.base_url} cannot be used for log-probabilities: {self._found.likelihood.reason}"
                )
            parts = await score(session, request)
        elif isinstance(request, Generate):
            parts = await generate(session, self._dialect, request, self._route(request.prompt))
        else:
            raise CallFailed("client_error", "this provider does not embed; use an embed/ model")
        return parts.response(request.id, self._settings.price)

    def _route(self, prompt: Prompt) -> Route:
        if isinstance(seamless(prompt), str):
            return _text_route(self._found)
        if "chat" not in self._found.routes:
            raise CallFailed("client_error", "the server answers no chat calls for this model")
        return "chat"

    def _probing_session(self) -> Session:
        retries = min(_PROBE_RETRIES, self._settings.max_retries)
        return Session(self._endpoint, self._settings.model_copy(update={"max_retries": retries}), self._name)


def _text_route(found: Discovery) -> Route:
    return "completions" if "completions" in found.routes else "chat"


def _info(name: str, endpoint: Endpoint, settings: Settings, found: Discovery, dialect: Dialect) -> ModelInfo:
    capabilities: set[Capability] = {"generate"}
    if "chat" in found.routes:
        capabilities.add("chat")
    if found.gives_alternatives:
        capabilities.add("first_token")
    if found.likelihood.passed:
        capabilities.add("loglikelihood")
    address = urlsplit(endpoint.base_url)
    identity = {
        "provider": "openai",
        "address": address.netloc + address.path,
        "model": name,
        "answers_as": found.answers_as,
        "card": dict(found.card),
        "text_prompts": _text_route(found),
        "reasoning_effort": settings.reasoning_effort,
    }
    sizes = [found.card.get(key) for key in ("n_ctx", "max_model_len", "context_length")]
    parameters = found.card.get("n_params")
    return ModelInfo(
        name=f"openai/{name}",
        provider="openai",
        fingerprint=digest(identity),
        capabilities=frozenset(capabilities),
        parameters=parameters if isinstance(parameters, int) else None,
        context_length=next((size for size in sizes if isinstance(size, int)), None),
        revision=found.answers_as if found.answers_as != name else None,
        extra={
            "base_url": endpoint.base_url,
            "text_prompts": identity["text_prompts"],
            "reasoning_effort": settings.reasoning_effort,
            "price_usd_per_million": list(settings.price) if settings.price else None,
            "not_taken": sorted(dialect.dropped),
            "loglikelihood": found.likelihood.reason or "self-test passed",
            "card": identity["card"],
        },
    )
