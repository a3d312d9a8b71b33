"""What the tests of telling share: orphaned visits, their recovery, and a receiver over HTTP."""

import asyncio
import json
import math
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exporter import sessions
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database, Writer
from exporter.recovery.close.candidates import Outcome
from exporter.recovery.rule.binding import bind_rule
from tests.support.collection.declarations import settings_of, source_of
from tests.support.recovery.close_runs import all_candidates, close_found

VISITS = """\
CREATE TABLE visits (
    id text PRIMARY KEY,
    active boolean NOT NULL DEFAULT true,
    started timestamptz NOT NULL DEFAULT now() - interval '3 hours',
    ended timestamptz,
    price numeric NOT NULL DEFAULT 1.10
);
"""

SOURCE = """\
visits:
  table: visits
  active: active
  started_at: started
  ended_at: ended
  id: id
  orphaned_after: 2h
  recovery:
    end_at: now
    set: {active: false, ended: "{end}", price: s.price + 1}
"""


def prepare(database: EmbeddedDatabase, *ids: str) -> None:
    """Make visits that are orphaned, where the audit is."""
    with database.connect() as connection:
        connection.execute(VISITS)
    orphan(database, *ids)


def orphan(database: EmbeddedDatabase, *ids: str) -> None:
    """Add visits that are orphaned."""
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO visits (id) VALUES (%s)", [(each,) for each in ids])


def visits(folder: Path, *lines: str) -> Source:
    """The source, with more lines below `recovery`."""
    return source_of(folder, SOURCE + "".join(f"    {line}\n" for line in lines))


def writer_of(database: EmbeddedDatabase, source: Source) -> Writer:
    """A connection that may write, to be closed."""
    return Writer(settings_of(database.dsn), timezone=sessions.time_zone(source))


async def recover(database: EmbeddedDatabase, source: Source, *, batch: int = 50) -> Outcome:
    """Recover all orphans by hand."""
    connections = Database(settings_of(database.dsn))
    writer = writer_of(database, source)
    try:
        reader = connections.reader(timezone=sessions.time_zone(source))
        rule = await bind_rule(reader, source)
        candidates = await all_candidates(reader, rule, with_backlog=False)
        return await close_found(writer, rule, candidates, batch=batch)
    finally:
        await writer.close()
        await connections.close()


@dataclass(frozen=True)
class Request:
    """What a receiver was sent. Header names are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def answer(status: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", "Content-Length: 0", *headers, "", ""]
    return "\r\n".join(lines).encode()


@dataclass
class Receiver:
    """An HTTP server on 127.0.0.1 that keeps what it was sent."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    """What the next requests are answered; 204 once it is empty."""
    is_hung: bool = False
    """Whether the next requests are not answered at all."""
    hangs_after: float = math.inf
    """How many requests are answered before none is any more."""
    gate: asyncio.Event | None = None
    """What has to be set before the next requests are answered."""
    headers: tuple[str, ...] = ()
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def sessions(self) -> list[str]:
        return sorted(request.json["session"] for request in self.requests)

    async def arrived(self, count: int) -> None:
        """Wait until that many requests have come."""
        async with asyncio.timeout(20), self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await _read(reader):
            async with self._arrived:
                self.requests.append(request)
                self._arrived.notify_all()
            if self.is_hung or len(self.requests) > self.hangs_after:
                await reader.read()  # until it hangs up
                return
            if self.gate is not None:
                await self.gate.wait()
            status = self.statuses.pop(0) if self.statuses else 204
            writer.write(answer(status, *self.headers))
            await writer.drain()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers["content-length"]))
    return Request(first.split(" ")[1], headers, body)


@asynccontextmanager
async def receiver(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Serve until the block is left."""
    served = Receiver()
    async with serving(served.serve, tls) as port:
        served.port = port
        yield served


@asynccontextmanager
async def serving(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Talk to whoever connects, and leave no connection open; gives the port."""
    talks = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.current_task())
        try:
            await talk(reader, writer)
        except (OSError, asyncio.CancelledError):
            return
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in filter(None, talks):
            task.cancel()
        await asyncio.gather(*filter(None, talks), return_exceptions=True)
