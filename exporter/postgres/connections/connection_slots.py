"""ConnectionSlots: the limit of connections to a database, which also holds while it hangs.

Users that share slots take one each at a time, and slow users leave one slot to the others: a
statement that hangs for one user does not prevent the others from connecting.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from exporter.errors import NoAnswer
from exporter.postgres.connections.abandoned_socket import AbandonedSocket
from exporter.postgres.connections.connector import Connection

#: How often an abandoned backend is checked, in seconds.
CHECK_EVERY = 1.0

#: A user that keeps a slot for this time, in seconds, is slow, and counts as slow for the second
#: time: its next statements may be fast, and a later one hang again.
SLOW_SECONDS = 1.0
SLOW_FOR = 300.0


class ConnectionSlots:
    """Slots for connections, granted in the order of requests; for one event loop."""

    def __init__(self, size: int, key: str = "max_connections") -> None:
        """`key` is the setting that limits them."""
        self._size = size
        self._key = key
        self._free = size
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()
        self._abandoned: set[asyncio.Task[None]] = set()
        self._held = 0
        #: Slots for which the server permits no connection now, and the timer that ends that.
        self._withheld: set[asyncio.TimerHandle] = set()
        #: Since when each user has a slot, by its name; users without a name are not distinguished.
        self._users: dict[str, float] = {}
        #: Until when each slow user counts as slow.
        self._slow: dict[str, float] = {}
        #: Users whose slot is held by a stuck backend.
        self._stuck: set[str] = set()
        self._idle: list[list[Connection]] = []

    @property
    def open(self) -> int:
        """Connections that are open or being opened, including abandoned ones."""
        taken = self._size - self._free - len(self._withheld)
        return min(taken + self._idle_count, self._size)

    @property
    def _idle_count(self) -> int:
        return sum(map(len, self._idle))

    def add_idle(self, connections: list[Connection]) -> None:
        """Count these idle connections of one connection string as open; the set changes."""
        self._idle.append(connections)

    def remove_idle(self, connections: list[Connection]) -> None:
        """Stop counting these, whose connection string is no longer used."""
        self._idle = [each for each in self._idle if each is not connections]

    async def make_room(self) -> None:
        """Close idle connections until one may be opened in a slot that was acquired."""
        while self._idle_count > self._free:
            most = max(self._idle, key=len)
            await most.pop(0).close()

    async def acquire(self, user: str = "") -> None:
        """Wait for a slot. Raises NoAnswer when stuck backends hold all, as they may for days."""
        if self._held == self._size:
            raise self._all_held()
        if user in self._stuck:
            raise self._stuck_user(user)
        if self._may_have_one(user):
            self._grant(user)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((user, waiter))
        try:
            await waiter
        except BaseException:
            if (user, waiter) in self._waiting:
                self._waiting.remove((user, waiter))
            else:  # cancelled in the moment of the grant
                self.release(user)
            raise

    def release(self, user: str = "") -> None:
        """Give a slot to the request that has waited longest, of those that may have one."""
        self._free += 1
        self.dismiss(user)

    def dismiss(self, user: str) -> None:
        """Permit a user another slot after its own is free or abandoned."""
        if user:
            now = asyncio.get_running_loop().time()
            if now - self._users.pop(user) >= SLOW_SECONDS:
                self._slow[user] = now + SLOW_FOR
        self._hand_out()

    def withhold(self, seconds: float, user: str = "") -> None:
        """Return a slot that stays unused for this time, in seconds."""

        def end() -> None:
            self._withheld.discard(timer)
            self.release()

        timer = asyncio.get_running_loop().call_later(seconds, end)
        self._withheld.add(timer)
        self.dismiss(user)

    def abandon(self, seconds: float, sockets: Sequence[AbandonedSocket], user: str = "") -> None:
        """Release a slot and close its sockets, after `seconds` and once no backend holds one."""
        task = asyncio.create_task(self._until_gone(seconds, sockets, user))

        def gone(task: asyncio.Task[None]) -> None:
            self._abandoned.discard(task)
            for each in sockets:
                each.close()
            self.release(user)

        self._abandoned.add(task)
        task.add_done_callback(gone)

    async def close(self) -> None:
        for timer in self._withheld:
            timer.cancel()
        for task in self._abandoned:
            task.cancel()
        await asyncio.gather(*self._abandoned, return_exceptions=True)

    def _may_have_one(self, user: str) -> bool:
        if not self._free or not user:
            return self._free > 0
        if user in self._users:
            return False
        now = asyncio.get_running_loop().time()
        slow = {each for each, until in self._slow.items() if now < until}
        taken = slow & self._users.keys() - self._stuck
        return user not in slow or len(taken) < max(self._size - self._held - 1, 1)

    def _grant(self, user: str) -> None:
        self._free -= 1
        if user:
            self._users[user] = asyncio.get_running_loop().time()

    def _hand_out(self) -> None:
        for user, waiter in list(self._waiting):
            if not self._free:
                return
            if not waiter.done() and self._may_have_one(user):
                self._waiting.remove((user, waiter))
                self._grant(user)
                waiter.set_result(None)

    async def _until_gone(
        self, seconds: float, sockets: Sequence[AbandonedSocket], user: str
    ) -> None:
        def is_held() -> bool:
            return any(each.is_held for each in sockets)

        await asyncio.sleep(seconds)
        if not is_held():
            return
        self._held += 1
        if user:
            self._stuck.add(user)
        try:
            self._refuse_waiting()
            self._hand_out()
            while is_held():  # noqa: ASYNC110 - the kernel has to be asked
                await asyncio.sleep(CHECK_EVERY)
        finally:
            self._held -= 1
            self._stuck.discard(user)

    def _refuse_waiting(self) -> None:
        """Fail the requests that wait for slots of stuck backends."""
        for user, waiter in self._waiting:
            if waiter.done():
                continue
            if self._held == self._size:
                waiter.set_exception(self._all_held())
            elif user in self._stuck:
                waiter.set_exception(self._stuck_user(user))

    def _all_held(self) -> NoAnswer:
        return NoAnswer(f"all connections of {self._key} ({self._size}) are taken by {_STUCK}")

    def _stuck_user(self, user: str) -> NoAnswer:
        return NoAnswer(f"the connection that {user} may have is taken by {_STUCK}")


_STUCK = (
    "backends of the server that stopped answering and have not ended since; find them in "
    "pg_stat_activity by application_name, and check what blocks them on their host"
)
