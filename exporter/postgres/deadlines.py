"""Deadline: how much longer than the server's own deadlines the client waits for an answer.

The server's own are set per transaction, by collection/begin.sql and recovery/close/begin.sql.
"""

import asyncio
from collections.abc import Callable

#: How much longer than the server's own deadline the client waits before it hangs up.
CLIENT_GRACE_SECONDS = 1.0


class Deadline:
    """The client's deadline for an answer: starts at each `with`, and ends after it.

    `hang_up` has to shut the socket down: if the task were cancelled instead, psycopg would wait
    for up to ten more seconds on a server that does not answer.
    """

    def __init__(self, seconds: float, hang_up: Callable[[], None]) -> None:
        self.seconds = seconds
        self.has_passed = False
        self._hang_up = hang_up

    def __enter__(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self.seconds, self._pass)

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _pass(self) -> None:
        self.has_passed = True
        self._hang_up()
