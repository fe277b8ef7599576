"""Checked options of an API model, and the endpoint they lead to: its address, its key, and the hiding of that key."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from suite.errors import UserError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

OPENAI_BASE_URL = "https://api.openai.com/v1"
_SHORTEST_SECRET = 8  # "EMPTY", "none" and other stand-ins are words that answers may rightly hold


class Settings(BaseModel):
    """Options of `suite.models.openai.load`, converted and within bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    base_url: str | None = None
    concurrency: int = Field(8, ge=1, le=1024)
    timeout_s: float = Field(60.0, gt=0, le=3600)
    max_retries: int = Field(6, ge=0, le=100)
    requests_per_minute: float | None = Field(None, gt=0)
    tokens_per_minute: float | None = Field(None, gt=0)
    reasoning_effort: str | None = None
    price: tuple[float, float] | None = None

    @field_validator("price", mode="before")
    @classmethod
    def _read_price(cls, value: object) -> object:
        parts = value.split(",") if isinstance(value, str) else value
        if parts is None:
            return None
        if not isinstance(parts, list | tuple) or len(parts) != 2:
            raise ValueError('expected "IN,OUT" in USD per million tokens, e.g. "0.25,2"')
        prices = tuple(float(part) for part in parts)
        if not all(price >= 0 for price in prices):
            raise ValueError("a price is not below 0")
        return prices

    @classmethod
    def checked(cls, **values: Any) -> Settings:
        """Settings from options as typed.

        Raises:
            UserError: names the first option that does not fit.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            name = first["loc"][0] if first["loc"] else "?"
            raise UserError(f"option {name} of openai models: {first['msg']} (got {first['input']!r})") from None


@dataclass(frozen=True)
class Endpoint:
    """Where requests go. The key is in no repr, and `redact` takes it out of what servers say."""

    base_url: str
    key: str = field(repr=False)
    is_keyless: bool = False

    @classmethod
    def from_environment(cls, base_url: str | None) -> Endpoint:
        """The endpoint at `base_url`, else at ``OPENAI_BASE_URL``, else OpenAI's, with the key of ``OPENAI_API_KEY``.

        Raises:
            UserError: the address is no plain http(s) URL, or OpenAI's own endpoint is meant and there is no key.
        """
        given = base_url or os.environ.get("OPENAI_BASE_URL") or ""
        key = os.environ.get("OPENAI_API_KEY", "").strip()
        if not given and not key:
            raise UserError(
                "OPENAI_API_KEY is not set; set it, or name a server that needs none (--base-url or OPENAI_BASE_URL)"
            )
        if not key.isascii() or not key.isprintable():
            raise UserError("OPENAI_API_KEY holds characters that no key has; set it again")
        return cls(_checked_url(given or OPENAI_BASE_URL), key or "no-key", is_keyless=not key)

    def client(self) -> AsyncOpenAI:
        """A client without time limit or retries of its own: both are this package's affair, in one place."""
        from openai import AsyncOpenAI, DefaultAioHttpClient

        # aiohttp reads and writes HTTP in C, and finds a free connection without looking at all of them
        http = DefaultAioHttpClient(timeout=None)
        return AsyncOpenAI(api_key=self.key, base_url=self.base_url, max_retries=0, timeout=None, http_client=http)

    def redact(self, value: Any) -> Any:
        """`value` (a string or JSON) with the key in any string replaced by ``[key]``.

        Raises:
            RecursionError: JSON nested more deeply than any protocol's.
        """
        if self.is_keyless or len(self.key) < _SHORTEST_SECRET:
            return value
        if isinstance(value, str):
            return value.replace(self.key, "[key]")
        if isinstance(value, list):
            return [self.redact(item) for item in value]
        if isinstance(value, dict):
            return {self.redact(name): self.redact(item) for name, item in value.items()}
        return value


def _checked_url(url: str) -> str:
    remedy = "expected an address such as http://127.0.0.1:8080/v1"
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise UserError(f"base URL: {remedy}") from None
    if parts.username or parts.password or parts.query or parts.fragment:
        # Not printed: what stands there is often a key.
        raise UserError(
            f"base URL: a user name, password or query does not belong there; {remedy}, key in OPENAI_API_KEY"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise UserError(f"base URL {url!r}: {remedy}")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
