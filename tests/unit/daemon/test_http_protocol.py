"""An answer that nobody reads is given up, and one that is read slowly is not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from exporter.daemon import http_protocol
from exporter.daemon.http_connections import NOT_READ, HttpConnections
from exporter.daemon.process import limited_protocol, listen

#: More than the buffers of two sockets take.
PAGE = bytes(40 * 2**20)
GET = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


async def page(_request: Request) -> Response:
    return Response(PAGE)


@asynccontextmanager
async def serving(connections: HttpConnections) -> AsyncIterator[int]:
    """A server with this page, within the bounds; gives its port."""
    sock = listen("127.0.0.1", 0)
    app = Starlette(routes=[Route("/", page)])
    protocol = limited_protocol(connections)
    config = uvicorn.Config(app, http=protocol, log_config=None, lifespan="off", ws="none")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[sock])
    try:
        yield sock.getsockname()[1]
    finally:
        await server.shutdown(sockets=[sock])


async def test_an_answer_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "ANSWER_SECONDS", 0.2)
    connections = HttpConnections()
    async with serving(connections) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        async with asyncio.timeout(30):
            while connections.count or not connections.rejected[NOT_READ]:  # noqa: ASYNC110 - a count is no event
                await asyncio.sleep(0.01)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(len(PAGE))
        writer.close()


async def test_an_answer_that_is_read_slowly_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "ANSWER_SECONDS", 30.0)
    connections = HttpConnections()
    async with serving(connections) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await asyncio.sleep(0.3)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert await reader.readexactly(len(PAGE)) == PAGE
        writer.close()
    assert not any(connections.rejected.values())
