"""Servers that close idle connections: no answer is lost, because none is kept until the next."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from exporter.clock import Clock
from exporter.config.evidence import ListSource
from exporter.evidence.answers import StoreAnswer
from exporter.evidence.asking.lists import ListClient

pytestmark = pytest.mark.slow  # it waits until connections are idle

CLOCK = Clock(monotonic=lambda: 7.0, wall=lambda: 0.0)


@dataclass
class ClosingServer:
    """Keeps a connection for its next request, and resets it when that comes after `idle` s."""

    idle: float
    connections: int = 0
    reused: int = 0
    reset: int = 0
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        clock, answered_at = asyncio.get_running_loop().time, 0.0
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                if answered_at and clock() - answered_at >= self.idle:
                    self.reset += 1  # what a server does that has just closed it
                    writer.transport.abort()
                    return
                self.reused += bool(answered_at)
                page = {"items": [{"id": "b"}]} if "page=2" in head else None
                body = json.dumps(page or {"items": [{"id": "a"}], "next": "page=2"}).encode()
                length = f"Content-Length: {len(body)}\r\n"
                writer.write(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode() + body)
                await writer.drain()
                answered_at = clock()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def closing_server(idle: float) -> AsyncIterator[ClosingServer]:
    server = ClosingServer(idle)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/calls"
    async with listening:
        yield server


async def test_an_answer_goes_over_a_connection_of_its_own_that_all_its_pages_share() -> None:
    async with closing_server(idle=1.5) as server:
        settings = {
            "name": "calls",
            "urls": {"app": server.url},
            "items": "items",
            "request": {"next_page": "next"},
            "timeout": "30s",
        }
        client = ListClient(ListSource.model_validate(settings), CLOCK)
        try:
            for _ in range(2):
                answer = (await client.ask()).stores["app"]
                assert isinstance(answer, StoreAnswer), answer
                assert set(answer.sessions) == {"a", "b"}
                await asyncio.sleep(2.0)  # one that is kept is reset by now
        finally:
            await client.close()
    assert server.reset == 0
    assert server.connections >= 2
    assert server.reused >= 1
