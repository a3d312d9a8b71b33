"""The table behind the calls, for a server that has one."""

import logging
from typing import Any, Self

import psycopg

logger = logging.getLogger(__name__)

BEGIN = """
    INSERT INTO practice_calls.calls (id, stream_id, client, started_at, server_id)
    VALUES (%s, %s, %s, to_timestamp(%s), %s)
"""
END = """
    UPDATE practice_calls.calls SET state = 'ended', ended_at = now()
    WHERE id = %s AND state = 'active'
"""

REPORT = """
    INSERT INTO practice_calls.servers (id, seen_at) VALUES (%s, now())
    ON CONFLICT (id) DO UPDATE SET seen_at = now()
"""


class CallTable:
    """Writes the beginning and the end of calls; a call goes on where that fails."""

    def __init__(self, dsn: str, server_id: str) -> None:
        self._dsn = dsn
        self._server_id = server_id
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None

    async def __aenter__(self) -> Self:
        self._connection = await psycopg.AsyncConnection.connect(
            self._dsn, autocommit=True, application_name="practice-calls", connect_timeout=5
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._connection:
            await self._connection.close()

    async def begin(self, call_id: str, stream_id: str, client: str, started_at: float) -> None:
        """Write an active call. `started_at` is a Unix timestamp."""
        await self._execute(BEGIN, call_id, stream_id, client, started_at, self._server_id)

    async def end(self, call_id: str) -> None:
        """Write that a call has ended."""
        await self._execute(END, call_id)

    async def report(self) -> None:
        """Write that the server lives."""
        await self._execute(REPORT, self._server_id)

    async def _execute(self, statement: str, *values: object) -> None:
        if self._connection is None:
            return
        try:
            await self._connection.execute(statement, values)
        except psycopg.Error as error:
            logger.warning("the table of calls was not written: %s", error)
