"""Several statements in one round trip, with a deadline for each answer."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from exporter.database.connecting import Connection


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of one statement, and the type OID of each column."""

    rows: list[tuple[Any, ...]]
    types: tuple[int, ...]


class Pipeline:
    """One transaction on one connection. `hang_up` is called when an answer is not there in time.

    It has to shut the socket down: to cancel the task instead would have psycopg wait for up to ten
    seconds more on a server that does not answer.
    """

    def __init__(
        self, connection: Connection, deadline: float, hang_up: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._deadline = deadline
        self._hang_up = hang_up
        #: Whether the deadline has passed, and whether an answer had come before.
        self.is_hung_up = False
        self.has_answered = False

    async def run(self, begin: str, statements: Sequence[str]) -> list[Result]:
        """Send `begin`, the statements and COMMIT at once; return the results of the statements.

        Raises psycopg.Error, also after hanging up.
        """
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._deadline, self._give_up)
        results = []
        try:
            async with self._connection.pipeline():
                await self._connection.execute(begin.encode())
                cursors = [await self._connection.execute(text.encode()) for text in statements]
                await self._connection.execute(b"COMMIT")
                for cursor in cursors:
                    results.append(await _result(cursor))
                    self.has_answered = True
                    timer.cancel()
                    timer = loop.call_later(self._deadline, self._give_up)
        finally:
            timer.cancel()
        return results

    def _give_up(self) -> None:
        self.is_hung_up = True
        self._hang_up()


async def _result(cursor: psycopg.AsyncCursor[tuple[Any, ...]]) -> Result:
    """Wait for the rows of a statement in a pipeline; all but BEGIN and COMMIT give some."""
    rows = await cursor.fetchall()
    return Result(rows, tuple(column.type_code for column in cursor.description or ()))
