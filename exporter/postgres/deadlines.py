"""Deadlines: how long a statement may take on the server, and how much longer the client waits.

The server's own are set per transaction, by collection/begin.sql and recovery/close/begin.sql.
"""

import asyncio
from collections.abc import Callable

#: How much longer than the server's own deadline the client waits before it hangs up.
CLIENT_GRACE_SECONDS = 1.0

#: Of a statement of recovery, and of its locks: as in recovery/close/begin.sql.
STATEMENT_SECONDS = 2.0
LOCK_SECONDS = 0.25


def limit_lock_timeout(lock_timeout: float, statement_timeout: float) -> float:
    """A lock timeout below the statement's: otherwise a locked table looks like a slow query."""
    return min(lock_timeout, statement_timeout / 2)


class Deadline:
    """The client's deadline for an answer. Needs a running event loop.

    `hang_up` has to shut the socket down: if the task were cancelled instead, psycopg would wait
    for up to ten more seconds on a server that does not answer.
    """

    def __init__(self, seconds: float, hang_up: Callable[[], None]) -> None:
        self.seconds = seconds
        self.has_passed = False
        self._hang_up = hang_up
        self._timer: asyncio.TimerHandle | None = None

    def restart(self) -> None:
        self.cancel()
        self._timer = asyncio.get_running_loop().call_later(self.seconds, self._pass)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _pass(self) -> None:
        self.has_passed = True
        self._hang_up()
