"""An answer that nobody reads is given up, and one that is read slowly is not."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from exporter.daemon.http import protocol as http_protocol
from exporter.daemon.http.connections import (
    NOT_READ,
    REASONS,
    TOO_LARGE,
    Connection,
    HttpConnections,
)
from exporter.daemon.http.protocol import LimitedProtocol
from exporter.daemon.process import limited_protocol, listen

#: More than the buffers of two sockets take.
PAGE = bytes(40 * 2**20)
GET = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


async def page(request: Request) -> Response:
    """Of so many bytes as the query asks for."""
    return Response(PAGE[: int(request.query_params.get("bytes", len(PAGE)))])


@asynccontextmanager
async def serving(
    connections: HttpConnections, page: Callable[[Request], Awaitable[Response]] = page
) -> AsyncIterator[int]:
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
            # What the kernel had taken is given up too: the rest does not come before the end.
            with pytest.raises(ConnectionResetError):
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


class Watched(HttpConnections):
    """Keeps each connection for the test."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[LimitedProtocol] = []

    def add(self, connection: Connection, client: str) -> None:
        assert isinstance(connection, LimitedProtocol)
        self.seen.append(connection)
        super().add(connection, client)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0.01)


async def test_the_rest_of_an_answer_that_nobody_reads_is_given_up_however_small(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_protocol, "ANSWER_SECONDS", 0.2)
    connections = Watched()
    small = b"GET /?bytes=1000 HTTP/1.1\r\nHost: a\r\n\r\n"
    async with serving(connections) as port:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.connect(("127.0.0.1", port))
            await until(lambda: connections.seen)
            (connection,) = connections.seen
            # Fill what the system takes: what is left of the last answer is less than 1,000 bytes.
            connection.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_SNDBUF, 4096
            )
            while connections.count:
                if connection.is_idle:
                    client.sendall(small)
                await asyncio.sleep(0.001)
                assert connection.unread < 2000
    assert connections.rejected == dict.fromkeys(REASONS, 0) | {NOT_READ: 1}


async def test_a_pipelined_answer_is_made_when_the_one_before_it_has_been_read() -> None:
    connections, asked = Watched(), []

    async def counted(request: Request) -> Response:
        asked.append(request)
        return await page(request)

    async with serving(connections, counted) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET.replace(b"Connection: close\r\n", b"") + GET)
        await until(lambda: connections.seen and connections.seen[0].is_stuck)
        await asyncio.sleep(0.1)
        assert len(asked) == 1
        assert (await reader.read()).count(b"HTTP/1.1 200 OK") == 2
        assert len(asked) == 2
        writer.close()


async def test_no_answer_is_made_for_who_is_gone() -> None:
    connections, asked = Watched(), []

    async def counted(request: Request) -> Response:
        asked.append(request)
        return await page(request)

    async with serving(connections, counted) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET.replace(b"Connection: close\r\n", b"") * 4)
        await until(lambda: connections.seen and connections.seen[0].is_stuck)
        connections.seen[0].evict()
        await until(lambda: not connections.count)
        await until(lambda: not connections.seen[0].tasks)
        assert len(asked) == 1
        writer.close()


async def test_a_reset_leaves_no_timer_behind() -> None:
    connections = Watched()
    async with serving(connections) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /?bytes=10 HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(bytes(10))
        (connection,) = connections.seen
        await until(lambda: connection.timeout_keep_alive_task)
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        writer.transport.abort()
        await until(lambda: not connections.count)
        assert connection.timeout_keep_alive_task is None


async def test_a_body_is_not_kept() -> None:
    connections = Watched()
    head = b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n"
    async with serving(connections) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + bytes(20_000))
        await until(lambda: connections.seen and connections.seen[0].is_stuck)
        assert connections.seen[0].cycle.body == b""
        writer.transport.abort()


@pytest.mark.parametrize("pieces", [1, 7])
async def test_a_request_has_as_many_bytes_as_are_promised_and_not_one_more(pieces: int) -> None:
    begin, end = b"GET /?bytes=3 HTTP/1.1\r\nHost: a\r\nA: ", b"\r\nConnection: close\r\n\r\n"
    connections = HttpConnections()
    async with serving(connections) as port:
        for size, status in ((0, b"200 OK"), (1, b"431 Request Header Fields Too Large")):
            filling = b"a" * (http_protocol.MOST_BYTES + size - len(begin) - len(end))
            request = begin + filling + end
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            step = len(request) // pieces + 1
            for start in range(0, len(request), step):
                writer.write(request[start : start + step])
                await asyncio.sleep(0)
            answer = await reader.readline()
            assert answer == b"HTTP/1.1 " + status + b"\r\n"
            writer.close()
    assert connections.rejected[TOO_LARGE] == 1
