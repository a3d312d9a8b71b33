"""TLS in front of a server that has none: the wheel's PostgreSQL is built without it.

To a client it looks like a server with `ssl = on` (PostgreSQL documentation, "SSL Session
Encryption" in the chapter on the protocol).
"""

import asyncio
import contextlib
import ssl
from pathlib import Path
from typing import Self

from tests.support.processes.background import Background

#: A key and its certificate, and another certificate, each for 127.0.0.1 and until 2119; made by
#: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500
#: -subj /CN=server -addext subjectAltName=IP:127.0.0.1 -keyout server.key -out server.crt
FOLDER = Path(__file__).with_name("tls")
KEY, CERTIFICATE, OTHER_CERTIFICATE = (
    FOLDER / name for name in ("server.key", "server.crt", "other.crt")
)

SSL_REQUEST = bytes.fromhex("00000008 04d2162f")


class Gateway:
    """Takes encrypted connections alone, and passes what is in them on, while in the `with` block.

    `encrypted` counts the handshakes that came to an end.
    """

    def __init__(self, server_port: int) -> None:
        self.encrypted = 0
        self.port = 0
        self._server_port = server_port
        self._background = Background()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(CERTIFICATE, KEY)
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._background.__enter__()
        self._background.wait(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._background.wait(self._close())
        self._background.__exit__()

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._begin, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled is a handshake that a client gave up.
        failures = (OSError, EOFError, asyncio.CancelledError)
        with contextlib.closing(writer), contextlib.suppress(*failures):
            while await reader.readexactly(8) != SSL_REQUEST:
                writer.write(b"N")  # to a request for encryption by GSSAPI, which comes first
            writer.write(b"S")
            await writer.start_tls(self._context)
            self.encrypted += 1
            behind, ahead = await asyncio.open_connection("127.0.0.1", self._server_port)
            with contextlib.closing(ahead):
                await asyncio.gather(_pass(reader, ahead), _pass(behind, writer))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(16 * 1024):
        writer.write(data)
        await writer.drain()
    writer.close()
