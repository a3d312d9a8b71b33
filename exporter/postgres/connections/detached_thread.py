"""Threads for work that may hang for any length of time: a name server, a file on a network."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T], *, timeout: float | None = None) -> T:
    """Run `work` in a separate thread and wait for it; cancelling stops the waiting alone.

    The event loop's own threads are few, and those that hang would block other work and the end of
    the process, which does not wait for this one. Raises what `work` raises, and TimeoutError when
    it takes longer than `timeout` seconds.
    """
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            done.set_result(work())
        except Exception as error:  # noqa: BLE001 - raised again where it is awaited
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    async with asyncio.timeout(timeout):
        return await asyncio.wrap_future(done)
