"""ConnectionSlots: the limit of connections to a database, which also holds while it hangs."""

import asyncio
from collections import deque
from collections.abc import Sequence

from exporter.errors import NoAnswer
from exporter.postgres.connections.abandoned_socket import AbandonedSocket

#: How often an abandoned backend is checked, in seconds.
CHECK_EVERY = 1.0


class ConnectionSlots:
    """Slots for connections, granted in the order of asking; for one event loop."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = size
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._abandoned: set[asyncio.Task[None]] = set()
        self._held = 0

    async def acquire(self) -> None:
        """Wait for a slot. Raises NoAnswer when stuck backends hold all, as they may for days."""
        if self._held == self._size:
            raise self._all_held()
        if self._free:
            self._free -= 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.release()
            raise

    def release(self) -> None:
        """Give a slot to the request that has waited longest, if there is one."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1

    def abandon(self, seconds: float, sockets: Sequence[AbandonedSocket]) -> None:
        """Release a slot and close its sockets, after `seconds` and once no backend holds one."""
        task = asyncio.create_task(self._until_gone(seconds, sockets))

        def gone(task: asyncio.Task[None]) -> None:
            self._abandoned.discard(task)
            for each in sockets:
                each.close()
            self.release()

        self._abandoned.add(task)
        task.add_done_callback(gone)

    async def close(self) -> None:
        for task in self._abandoned:
            task.cancel()
        await asyncio.gather(*self._abandoned, return_exceptions=True)

    async def _until_gone(self, seconds: float, sockets: Sequence[AbandonedSocket]) -> None:
        def is_held() -> bool:
            return any(each.is_held for each in sockets)

        await asyncio.sleep(seconds)
        if not is_held():
            return
        self._held += 1
        try:
            while self._held == self._size and self._waiting:
                waiter = self._waiting.popleft()
                if not waiter.done():
                    waiter.set_exception(self._all_held())
            while is_held():  # noqa: ASYNC110 - the kernel has to be asked
                await asyncio.sleep(CHECK_EVERY)
        finally:
            self._held -= 1

    def _all_held(self) -> NoAnswer:
        return NoAnswer(
            f"all connections of max_connections ({self._size}) are taken by backends of the "
            "server that stopped answering and have not ended since; find them in "
            "pg_stat_activity by application_name, and check what blocks them on their host"
        )
