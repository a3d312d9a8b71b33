"""Work that may hang for as long as it likes: a name server, a file on a network."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Wait for `work`, which runs in a thread of its own; cancelling only stops the waiting.

    The event loop's own threads are few, and those that hang would keep others from their work and
    the process from its end. This one the process does not wait for.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(result)  # type: ignore[arg-type] # None only where T may be None
        else:
            done.set_exception(error)

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as caught:  # noqa: BLE001 - it is raised where it is waited for
            error = caught
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            return  # the loop has ended in the meantime

    threading.Thread(target=run, daemon=True).start()
    return await done
