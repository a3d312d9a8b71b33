"""At most so many connections to a database, whatever happens."""

import asyncio
from collections import deque
from collections.abc import Callable

from exporter.errors import NoAnswer

#: How often a backend that we hung up on is looked after, in seconds.
LOOK_EVERY = 1.0


class ConnectionSlots:
    """Places for connections, given out in the order of asking.

    Needs a running event loop, and is used from its thread alone.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = size
        self._waiting: deque[asyncio.Future[bool]] = deque()
        self._lost: set[asyncio.Task[None]] = set()
        self._held = 0

    async def take(self) -> None:
        """Wait for a place.

        Raises NoAnswer when backends that are stuck have all of them: that can last for days.
        """
        if self._free:
            self._free -= 1
            return
        if self._held < self._size:
            waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                if await waiter:
                    return
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled() and waiter.result():
                    self.give_back()
                raise
        raise NoAnswer(
            f"all connections of max_connections ({self._size}) are taken by backends of the "
            "server that stopped answering and have not ended since; find them in "
            "pg_stat_activity by application_name, and see what holds them up on their host",
            is_silent=True,
        )

    def give_back(self) -> None:
        """Let the next one have a place."""
        if not self._answer_one(has_place=True):
            self._free += 1

    def lose(self, seconds: float, is_held: Callable[[], bool], forget: Callable[[], None]) -> None:
        """Keep a place taken for so long, and then while it `is_held`; `forget` at the end."""
        task = asyncio.create_task(self._until_gone(seconds, is_held))

        def gone(task: asyncio.Task[None]) -> None:
            self._lost.discard(task)
            forget()
            self.give_back()

        self._lost.add(task)
        task.add_done_callback(gone)

    async def close(self) -> None:
        """Look after lost places no longer."""
        for task in self._lost:
            task.cancel()
        await asyncio.gather(*self._lost, return_exceptions=True)

    async def _until_gone(self, seconds: float, is_held: Callable[[], bool]) -> None:
        await asyncio.sleep(seconds)
        if not is_held():
            return
        self._held += 1
        try:
            if self._held == self._size:
                while self._answer_one(has_place=False):
                    pass
            while is_held():  # noqa: ASYNC110 - the kernel has to be asked
                await asyncio.sleep(LOOK_EVERY)
        finally:
            self._held -= 1

    def _answer_one(self, *, has_place: bool) -> bool:
        """Answer the one that has waited longest, if there is one."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(has_place)
                return True
        return False
