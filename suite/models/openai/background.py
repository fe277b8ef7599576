"""An event loop in a thread of its own, so that ordinary code (and a notebook's own loop) can stream async work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")
Item = TypeVar("Item")

_CLOSING_S = 5.0  # a look-up of a host name cannot be cancelled; the thread is then left to end by itself


class Background:
    """A context that runs coroutines elsewhere; leaving it cancels all of them and closes what `enter` opened."""

    def __enter__(self) -> Background:
        self._loop = asyncio.new_event_loop()
        self._contexts = AsyncExitStack()
        self._thread = Thread(target=self._loop.run_forever, name="unreason-api", daemon=True)
        self._thread.start()
        return self

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Starts `work` and returns at once."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, awaited; raises what it raises."""
        return self.start(work).result()

    def enter(self, context: AbstractAsyncContextManager[T]) -> T:
        """Enters `context`, to be left when this one is."""
        return self.run(self._contexts.enter_async_context(context))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.start(self._shut_down()).result(timeout=_CLOSING_S)
        except TimeoutError:
            pass
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_CLOSING_S)
            if not self._thread.is_alive():
                self._loop.close()

    async def _shut_down(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._contexts.aclose()


def stream(
    background: Background, work: Callable[[Item], Coroutine[Any, Any, T]], items: Iterable[Item], window: int
) -> Iterator[T]:
    """Results of `work` on `items`, as they come; `items` is advanced by the caller's thread, at most `window` ahead.

    Raises:
        Exception: what one piece of work raises, after the results that came before it.
    """
    finished: SimpleQueue[Future[T]] = SimpleQueue()
    waiting = 0
    for item in items:
        background.start(work(item)).add_done_callback(finished.put)
        waiting += 1
        while waiting and (waiting >= window or not finished.empty()):
            yield finished.get().result()
            waiting -= 1
    while waiting:
        yield finished.get().result()
        waiting -= 1
