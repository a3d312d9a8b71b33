"""Deadlines: the time of a statement on the server, and the longer time of the client.

The server's own are set per transaction, by collection/begin.sql and recovery/close/begin.sql.
"""

import asyncio

from psycopg.pq.abc import PGconn

from exporter.postgres.connections.abandoned_socket import Abandon, AbandonedSocket, hang_up

#: How much longer than the server's deadline the client waits before it shuts the connection down.
CLIENT_GRACE_SECONDS = 1.0

#: The deadlines of a statement of recovery and of its locks, as in recovery/close/begin.sql.
STATEMENT_SECONDS = 2.0
LOCK_SECONDS = 0.25


def limit_lock_timeout(lock_timeout: float, statement_timeout: float) -> float:
    """A lock timeout below the statement's: otherwise a locked table looks like a slow query."""
    return min(lock_timeout, statement_timeout / 2)


class Deadline:
    """The client's deadline for an answer: starts at each `with`, and ends after it.

    When it passes, the socket is shut down: if the task were cancelled instead, psycopg would wait
    for up to ten more seconds on a server that does not answer.
    """

    def __init__(
        self, seconds: float, pgconn: PGconn, abandoned: Abandon = AbandonedSocket.close
    ) -> None:
        self.has_passed = False
        self._seconds = seconds
        self._pgconn = pgconn
        self._abandoned = abandoned

    def __enter__(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._pass)

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _pass(self) -> None:
        self.has_passed = True
        hang_up(self._pgconn, self._abandoned)
