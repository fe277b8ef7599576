"""Canonical JSON and digests: the one definition of when two things are the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from heapq import merge
from tempfile import TemporaryFile
from typing import Any

_HELD = 16 * 2**20  # bytes of lines that are sorted in memory


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
    """SHA-256 over the *sorted* canonical JSON lines of `rows`: the hash of a data set, whatever its order.

    Rows may be a stream of any length: what is held of them at once is bounded.
    """
    total = hashlib.sha256()
    for line in _in_order(canonical_json(row).encode() + b"\n" for row in rows):
        total.update(line)
    return total.hexdigest()[:length]


def _in_order(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines sorted; beyond `_HELD` bytes, sorted parts wait in temporary files to be merged."""
    with ExitStack() as files:
        parts, held, size = [], [], 0
        for line in lines:
            held.append(line)
            size += len(line)
            if size > _HELD:
                part = files.enter_context(TemporaryFile())
                part.writelines(sorted(held))
                part.seek(0)
                parts.append(part)
                held, size = [], 0
        yield from merge(*parts, sorted(held))
