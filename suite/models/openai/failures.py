"""What can go wrong with one call, under the names of `suite.task.Failure`, and which of it a second try may mend."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from suite.task import Failure

_RETRIED_STATUS = {408, 409, 429}
_DETAIL_CHARACTERS = 300
OUT_OF_CREDIT = "insufficient_quota"  # a 429 by which waiting helps nothing
_TOO_LONG = re.compile(
    r"context.?(length|window|size)|maximum context|prompt is too long|exceed_context_size|too many (input )?tokens",
    re.IGNORECASE,
)


class CallFailed(Exception):
    """One call failed; `detail` is one redacted line.

    Attributes:
        failure: the name under which a run counts it.
        is_transient: another attempt may succeed.
        status: the HTTP status, if there was an answer.
        said: the server's whole message, redacted, for finding out what it minds.
        parameter: the parameter that it names as the culprit, if it names one.
        code: the server's own short name of the error, if it gave one.
        retry_after_s: how long the server asked to wait.
    """

    def __init__(
        self,
        failure: Failure,
        detail: str,
        *,
        is_transient: bool = False,
        status: int | None = None,
        said: str = "",
        parameter: str = "",
        code: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{failure}: {detail}")
        self.failure = failure
        self.detail = one_line(detail)
        self.is_transient = is_transient
        self.status = status
        self.said = said
        self.parameter = parameter
        self.code = code
        self.retry_after_s = retry_after_s


def refused(status: int, body: Any, headers: Mapping[str, str]) -> CallFailed:
    """The failure for an answer with status 4xx or 5xx.

    Args:
        body: the redacted ``error`` object of the answer, or its text where it is no JSON.
        headers: of the answer; ``Retry-After`` is read for 429 and 503.
    """
    fields = body if isinstance(body, dict) else {}
    complaints = fields.get("detail")
    parameter = fields.get("param")
    if isinstance(fields.get("message"), str):
        said = fields["message"]
    elif isinstance(complaints, list) and complaints and isinstance(complaints[0], dict):  # FastAPI's validation
        where = complaints[0].get("loc")
        parameter = where[-1] if isinstance(where, list) and where else None
        said = f"{parameter}: {complaints[0].get('msg')}"
    else:
        said = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, default=str)
    code = " ".join(fields[name] for name in ("code", "type") if isinstance(fields.get(name), str))
    return CallFailed(
        _failure_of(status, f"{code} {said}"),
        f"HTTP {status}: {said}",
        is_transient=(status in _RETRIED_STATUS or status >= 500) and OUT_OF_CREDIT not in code,
        status=status,
        said=said,
        parameter=parameter if isinstance(parameter, str) else "",
        code=code,
        retry_after_s=retry_after_s(headers.get("retry-after")) if status in (429, 503) else None,
    )


def retry_after_s(value: str | None) -> float | None:
    """Seconds to wait by a ``Retry-After`` header (a number of seconds or an HTTP date); None if it says neither."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def one_line(text: str) -> str:
    """`text` on one printable line of at most 300 characters."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * _DETAIL_CHARACTERS]).split())
    return words if len(words) <= _DETAIL_CHARACTERS else words[: _DETAIL_CHARACTERS - 3] + "..."


def _failure_of(status: int, said: str) -> Failure:
    if status == 429:
        return "rate_limit"
    if status == 408:
        return "timeout"
    if status == 409 or status >= 500:
        return "server_error"
    if status in (400, 413, 422) and _TOO_LONG.search(said):
        return "context_length"
    return "client_error"
