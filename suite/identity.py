"""Canonical JSON and digests: the one definition of when two things are the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no white space and raw UTF-8: equal values give equal text.

    Raises:
        ValueError: for NaN and infinities, which JSON cannot hold.
        TypeError: for values that JSON cannot hold.
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def digest(value: Any, length: int = 32) -> str:
    """The first `length` hexadecimal digits of the SHA-256 of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:length]


def digest_rows(rows: Iterable[Any], length: int = 64) -> str:
    """SHA-256 over the *sorted* canonical JSON lines of `rows`: the hash of a data set, whatever its order."""
    total = hashlib.sha256()
    for line in sorted(canonical_json(row) for row in rows):
        total.update(line.encode() + b"\n")
    return total.hexdigest()[:length]
