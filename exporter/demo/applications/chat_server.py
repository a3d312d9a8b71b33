"""A chat server that owns its conversations and finalises the memory of those that were closed.

`python -m exporter.demo.applications.chat_server --dsn DSN --sessions 18`. Each start is an owner
of its own in conversations.servers. It hears on a channel of sessions that the exporter has closed,
of any server: the one that held them may be dead.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

from exporter.demo.applications import Connection

CHANNEL = "sessions_recovered"

REPORT = """
    INSERT INTO conversations.servers (server_id) VALUES (%s)
    ON CONFLICT (server_id) DO UPDATE SET seen_at = now()
"""
START = """
    WITH session AS (
        INSERT INTO conversations.conversation_sessions (session_id, user_id, server_id)
        VALUES (%s, %s, %s)
        RETURNING session_id
    )
    INSERT INTO conversations.memories (session_id) SELECT session_id FROM session
"""
FINALISE = "UPDATE conversations.memories SET finalised = finalised + 1 WHERE session_id = %s"
MISSED = """
    SELECT m.session_id
    FROM conversations.memories AS m
    JOIN conversations.conversation_sessions AS s USING (session_id)
    WHERE m.finalised = 0 AND NOT s.is_active
"""
END_OWN = """
    UPDATE conversations.conversation_sessions
    SET is_active = false, session_end = now(), ended_at = now(),
        duration_seconds = extract(epoch FROM now() - session_start)
    WHERE is_active AND server_id = %s
    RETURNING session_id
"""
LEAVE = "DELETE FROM conversations.servers WHERE server_id = %s"


class ChatServer:
    """One start of a server, with the connection over which it writes."""

    def __init__(self, connection: Connection) -> None:
        self.id = str(uuid4())
        self._connection = connection

    async def report(self) -> None:
        """Write that it lives."""
        await self._connection.execute(REPORT, (self.id,))

    async def open(self, user_id: str) -> UUID:
        """Open a conversation of its own, and return its id."""
        session_id = uuid4()
        await self._connection.execute(START, (session_id, user_id, self.id))
        return session_id

    async def finalise(self, session_id: str) -> None:
        """Finalise the memory of a conversation that has ended; once more does no harm."""
        await self._connection.execute(FINALISE, (session_id,))

    async def finalise_missed(self) -> None:
        """Finalise conversations that ended without a listener: notifications are not kept."""
        cursor = await self._connection.execute(MISSED)
        for (session_id,) in await cursor.fetchall():
            await self.finalise(session_id)

    async def close_all(self) -> None:
        """End its own conversations as on a planned stop, and leave."""
        cursor = await self._connection.execute(END_OWN, (self.id,))
        for (session_id,) in await cursor.fetchall():
            await self.finalise(session_id)
        await self._connection.execute(LEAVE, (self.id,))


async def run(dsn: str, channel: str, sessions: int, every: float) -> None:
    """Serve until SIGINT or SIGTERM; a report is written `every` so many seconds."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with _connected(dsn) as connection, _connected(dsn) as listener:
        server = ChatServer(connection)
        await server.report()
        for each in range(sessions):
            await server.open(f"user-{each:04}")
        _say(event="started", server=server.id)
        work = [
            asyncio.create_task(_report(server, every)),
            asyncio.create_task(_listen(server, listener, channel)),
            asyncio.create_task(_wait_for(stopping)),
        ]
        done, pending = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        await asyncio.gather(*done)  # raises what went wrong
        await server.close_all()


async def _wait_for(event: asyncio.Event) -> None:
    await event.wait()


async def _report(server: ChatServer, every: float) -> None:
    while True:
        await server.report()
        await asyncio.sleep(every)


async def _listen(server: ChatServer, listener: Connection, channel: str) -> None:
    await listener.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
    await server.finalise_missed()
    async for notification in listener.notifies():
        session_id = json.loads(notification.payload)["session"]
        await server.finalise(session_id)
        _say(event="finalised", session=session_id)


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[Connection]:
    connection = await psycopg.AsyncConnection.connect(
        dsn, autocommit=True, application_name="chat-server", connect_timeout=5
    )
    async with connection:
        yield connection


def _say(**event: str) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run as a program; each event is a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--channel", default=CHANNEL)
    parser.add_argument("--sessions", type=int, default=18)
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two reports")
    options = parser.parse_args()
    asyncio.run(run(options.dsn, options.channel, options.sessions, options.every))


if __name__ == "__main__":
    main()
