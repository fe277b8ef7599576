"""How fast requests may leave: even pacing below a rate a minute, and a number under way that a 429 halves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Pacer:
    """Spreads amounts (requests, tokens) evenly, so that no minute holds more than the rate allows.

    Even distances instead of a bucket: a bucket lets a whole minute's worth go at once, and as much again in the
    same minute while it refills, which servers answer with 429.
    """

    def __init__(self, per_minute: float | None) -> None:
        self._seconds_each = 60.0 / per_minute if per_minute else 0.0
        self._free_at = 0.0

    async def take(self, amount: float = 1.0) -> None:
        """Waits until `amount` may be spent."""
        if not self._seconds_each:
            return
        now = asyncio.get_running_loop().time()
        start = max(now, self._free_at)
        self._free_at = start + amount * self._seconds_each
        await asyncio.sleep(start - now)

    def correct(self, difference: float) -> None:
        """Accounts for `difference` more (or, negative, fewer) spent than was taken."""
        self._free_at += difference * self._seconds_each


class Throttle:
    """Lets at most `limit` calls run at once; `slow_down` halves that, each success brings a part of it back."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.limit = float(most)
        self._running = 0
        self._turn = asyncio.Event()
        self._lowered_at = 0.0
        self._paused_until = 0.0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Waits for a place and holds it for the block."""
        clock = asyncio.get_running_loop().time
        while True:
            if (pause := self._paused_until - clock()) > 0:
                await asyncio.sleep(pause)
            elif self._running >= int(self.limit):
                self._turn.clear()
                await self._turn.wait()
            else:
                break
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            self._turn.set()

    def slow_down(self, began: float, pause_s: float) -> None:
        """A call that began at `began` (loop clock) met a 429: halve, and start nothing for `pause_s` seconds.

        One burst of 429s halves once: calls that began before the last halving say nothing about the new limit.
        """
        now = asyncio.get_running_loop().time()
        self._paused_until = max(self._paused_until, now + pause_s)
        if began >= self._lowered_at:
            self.limit = max(1.0, self.limit / 2)
            self._lowered_at = now

    def speed_up(self) -> None:
        """A call succeeded: about one place more after as many successes as there are places."""
        self.limit = min(float(self._most), self.limit + 1.0 / self.limit)
