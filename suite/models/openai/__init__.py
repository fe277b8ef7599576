"""Models behind an OpenAI-compatible API: ``openai/NAME``, at OpenAI or at any server that ``base_url`` names.

The package is called `suite.models.openai`; the client library is the absolute `import openai`, inside functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from suite.models.openai.model import OpenAIModel


def load(
    name: str,
    *,
    base_url: str | None = None,
    concurrency: int = 8,
    timeout_s: float = 60.0,
    max_retries: int = 6,
    requests_per_minute: float | None = None,
    tokens_per_minute: float | None = None,
    reasoning_effort: str | None = None,
    price: str | None = None,
    loglikelihood: bool = False,
) -> OpenAIModel:
    """The model `name` of an endpoint, after a few tiny requests that find out what the endpoint can do.

    The key comes from ``OPENAI_API_KEY``; a server given by `base_url` (or ``OPENAI_BASE_URL``) may do without.

    Args:
        base_url: e.g. ``http://127.0.0.1:8080/v1``; by default ``OPENAI_BASE_URL``, else OpenAI's own.
        concurrency: most requests under way at once; a 429 halves it, answers raise it again.
        timeout_s: longest time for one attempt, the reading of its answer included; a request is given up after
            ten times as long, with all its attempts and waits.
        max_retries: further attempts after a timeout, a lost connection, 408, 409, 429 or 5xx.
        requests_per_minute: sent at even distances, never more than this.
        tokens_per_minute: likewise, counting prompt and answer.
        reasoning_effort: passed on, e.g. ``low``; part of the model's identity.
        price: ``"IN,OUT"``, USD per million tokens; without it costs are 0. Cached tokens count in full.
        loglikelihood: fail now, with the reason, if the endpoint's log-probabilities cannot be trusted.

    Raises:
        UserError: a bad option, no key, no such server or model, or a failed self-test with `loglikelihood`.
    """
    from suite.models.openai.model import OpenAIModel
    from suite.models.openai.settings import Settings

    return OpenAIModel(
        name,
        Settings.checked(
            base_url=base_url,
            concurrency=concurrency,
            timeout_s=timeout_s,
            max_retries=max_retries,
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            reasoning_effort=reasoning_effort,
            price=price,
        ),
        needs_loglikelihood=loglikelihood,
    )


def served(base_url: str) -> tuple[str, ...]:
    """The names of the models that the endpoint at `base_url` lists.

    Raises:
        UserError: no such server, no list, or a key that it does not accept.
    """
    from suite.models.openai import discovery
    from suite.models.openai.background import Background
    from suite.models.openai.session import Session
    from suite.models.openai.settings import Endpoint, Settings

    endpoint = Endpoint.from_environment(base_url)
    with Background() as background:
        session = background.enter(Session(endpoint, Settings.checked(base_url=base_url, max_retries=1), ""))
        return background.run(discovery.served(session, endpoint.base_url))
