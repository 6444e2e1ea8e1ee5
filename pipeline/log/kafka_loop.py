"""An event loop on a thread of its own: the client library wants one, and pipeline threads and several event loops want the client."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")
END_SECONDS: Final = 3.0


class LoopThread:
    """`submit` and `call` from any thread but its own."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._closing = threading.Lock()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, T]) -> "concurrent.futures.Future[T]":
        """Raises RuntimeError after close."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            work.close()
            raise

    def call(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Its result; raises TimeoutError after `timeout` seconds, when it is cancelled."""
        future = self.submit(work)
        try:
            return future.result(timeout)
        except concurrent.futures.CancelledError as error:
            raise TimeoutError("the loop was closed") from error
        except TimeoutError:
            future.cancel()
            raise

    def close(self) -> None:
        """Cancel what still runs, then end the thread. Safe to repeat."""
        with self._closing:
            if self._loop.is_closed():
                return
            with contextlib.suppress(TimeoutError, concurrent.futures.CancelledError):
                self.call(_cancel_all(), END_SECONDS)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)  # transports say goodbye in the next turn
