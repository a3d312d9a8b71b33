"""A network that fails on request: a TCP proxy on a free loopback port in front of a server."""

import asyncio
import contextlib
import itertools
import socket
import struct
from collections.abc import Iterator
from enum import Enum
from typing import Any, Self

from tests.support.processes.background import Background

#: More connections than this at once are reset: an exporter must never need as many.
MOST_CONNECTIONS = 50

#: A message of several collections arrives as one piece.
CHUNK = 64 * 1024
TRICKLE_SECONDS = 0.02  # between two bytes


class Mode(Enum):
    """What becomes of the bytes of every connection, old or new."""

    PASS = "they arrive"
    SWALLOW = "they vanish on both ways"
    SWALLOW_REQUESTS = "they vanish on the way to the server"
    SWALLOW_ANSWERS = "they vanish on the way to the client"
    TRICKLE = "they arrive, but each takes its time"

    @property
    def ways(self) -> tuple[bool, bool]:
        """Whether bytes vanish on the way to the server, and on the way back."""
        both = self is Mode.SWALLOW
        return both or self is Mode.SWALLOW_REQUESTS, both or self is Mode.SWALLOW_ANSWERS


class Proxy:
    """Works from entering to leaving the `with` block; `mode` can be set at any time.

    A connection that has lost a byte never carries one again: anything else would be a broken
    stream, which no network makes. That one side has hung up arrives when bytes do again.
    """

    def __init__(self, server_port: int) -> None:
        self.mode = Mode.PASS
        self.accepted = 0
        #: What clients have sent and the server has got, piece by piece.
        self.requests: list[bytes] = []
        #: A piece with this in it vanishes, and with it all that the connection carries later.
        self.withheld: bytes | None = None
        self._server_port = server_port
        self._background = Background()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        # Holds the port, without listening, while connections are refused.
        self._holder = _bound(0)
        self.port = int(self._holder.getsockname()[1])

    def __enter__(self) -> Self:
        self._background.__enter__()
        self.accept()
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()
        self._background.__exit__()
        self._holder.close()

    def dsn(self, dsn: str) -> str:
        """The same way in, but through the proxy."""
        direct = f"@127.0.0.1:{self._server_port}/"
        assert direct in dsn
        return dsn.replace(direct, f"@127.0.0.1:{self.port}/")

    def reset(self) -> None:
        """End all connections with a TCP RST; new ones are accepted."""
        self._background.wait(self._reset())

    def refuse(self) -> None:
        """Reset all connections and refuse new ones."""
        self._background.wait(self._refuse())

    def accept(self) -> None:
        """Undo refuse()."""
        if self._server is None:
            self._background.wait(self._accept())

    async def _accept(self) -> None:
        self._server = await asyncio.start_server(self._begin, sock=_bound(self.port))

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._reset()

    async def _reset(self) -> None:
        for writer in list(self._writers):
            _reset(writer)
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _begin(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if len(self._connections) >= MOST_CONNECTIONS:
            _reset(client)
            return
        task = asyncio.create_task(self._serve(reader, client))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Carry both ways until either ends, or this is cancelled."""
        writers = {client}
        self._writers.add(client)
        try:
            answers, server = await asyncio.open_connection("127.0.0.1", self._server_port)
            writers.add(server)
            self._writers.add(server)
            ways = [
                asyncio.create_task(self._carry(reader, server, way=0)),
                asyncio.create_task(self._carry(answers, client, way=1)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in ways:
                    task.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            _reset(client)  # the server does not take the connection
        finally:
            self._writers -= writers
            for writer in writers:
                writer.close()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, way: int
    ) -> None:
        has_lost = False
        with contextlib.suppress(OSError):
            while True:
                data = await reader.read(CHUNK)
                has_lost = has_lost or self.mode.ways[way] or self._withholds(data)
                while has_lost and not data and self.mode.ways[way]:  # noqa: ASYNC110 - set by a test
                    await asyncio.sleep(TRICKLE_SECONDS)
                if not data:
                    return
                if not has_lost:
                    if way == 0:
                        self.requests.append(data)
                    await self._deliver(data, writer)

    def _withholds(self, data: bytes) -> bool:
        return self.withheld is not None and self.withheld in data

    async def _deliver(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        for position in itertools.count():
            if self.mode is not Mode.TRICKLE:
                writer.write(data[position:])
                break
            writer.write(data[position : position + 1])
            if position + 1 == len(data):
                break
            await asyncio.sleep(TRICKLE_SECONDS)
        await writer.drain()


def _bound(port: int) -> socket.socket:
    """Several sockets may have one port; connections go to the one that listens, if any does."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    return sock


def _reset(writer: asyncio.StreamWriter) -> None:
    sock: Any = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextlib.contextmanager
def blackhole() -> Iterator[int]:
    """A port on which connecting never ends: its queue is full, so that SYNs are dropped."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])
