"""A server on loopback that answers each path as the test says, and what it was sent."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

from tests.support.processes.background import Background

Raw = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Answering:
    """`answers` by target: a JSON value, a status with headers and a body, or what writes bytes."""

    answers: dict[str, object] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    """Of each request the head, and behind it the body."""
    port: int = 0

    def url(self, target: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{target}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lengths = [line for line in head.split("\r\n") if line.lower().startswith("content-length")]
        length = int(lengths[0].partition(":")[2]) if lengths else 0
        self.requests.append(head + (await reader.readexactly(length)).decode())
        answer = self.answers.get(head.split(" ")[1], (404, {}, b""))
        if callable(answer):
            await answer(writer)
        else:
            status, headers, body = answer if isinstance(answer, tuple) else (200, {}, answer)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            fields = {"Content-Length": len(content), "Connection": "close", **headers}
            text = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
            writer.write(f"HTTP/1.1 {status} x\r\n{text}\r\n".encode() + content)
        await writer.drain()


@asynccontextmanager
async def answering(**answers: object) -> AsyncIterator[Answering]:
    """Answers by the names of the targets without their slash."""
    server = Answering({f"/{name}": answer for name, answer in answers.items()})
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=2**20)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


@contextmanager
def serving(**answers: object) -> Iterator[Answering]:
    """The same beside the test, which may change the answers."""
    with Background() as background:
        context = answering(**answers)
        server = background.wait(context.__aenter__())
        try:
            yield server
        finally:
            background.wait(context.__aexit__(None, None, None))
