"""A server that sends rows without an end takes neither the memory nor the time of the exporter."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from exporter.errors import ConnectFailed
from exporter.postgres import Database, Writer
from exporter.postgres.connections import received_bytes
from tests.support.collection import declarations

#: What this end may still have sent into the buffers of both systems.
MOST_BUFFERED = 64 * 2**20


def message(kind: bytes, content: bytes) -> bytes:
    """One of the protocol (PostgreSQL documentation, "Message Formats")."""
    return kind + struct.pack("!I", len(content) + 4) + content


GREETING = (
    message(b"R", struct.pack("!I", 0))
    + b"".join(
        message(b"S", setting)
        for setting in (b"server_version\x0018.0\x00", b"client_encoding\x00UTF8\x00")
    )
    + message(b"K", struct.pack("!II", 1, 1))
    + message(b"Z", b"I")
)
COLUMNS = message(b"T", struct.pack("!H", 1) + b"x\0" + struct.pack("!IHIhih", 0, 0, 25, -1, -1, 0))
#: One row, or one error, may have 1 GiB.
ENDLESS_ROW = b"D" + struct.pack("!IHI", 2**30, 1, 2**30 - 10)
ENDLESS_ERROR = b"E" + struct.pack("!I", 2**30)
ROWS = message(b"D", struct.pack("!HI", 1, 1000) + b"x" * 1000) * 60
#: What comes first, and what then comes again and again. The error comes instead of a greeting.
ANSWERS = {
    "rows": (COLUMNS, ROWS),
    "row": (COLUMNS + ENDLESS_ROW, b"x" * 2**16),
    "refusal": (message(b"R", struct.pack("!I", 0)) + ENDLESS_ERROR, b"x" * 2**16),
}


class Rogue:
    """Greets each client, and answers its first message without an end, or its connecting."""

    def __init__(self, answer: str, folder: Path | None) -> None:
        """In a folder it has a Unix socket, as PostgreSQL would have it."""
        self.sent = 0
        self._first, self._more = ANSWERS[answer]
        if folder is None:
            self._socket = socket.create_server(("127.0.0.1", 0))
            self.dsn = f"host=127.0.0.1 port={self._socket.getsockname()[1]}"
        else:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.bind(str(folder / ".s.PGSQL.5432"))
            self._socket.listen()
            self.dsn = f"host={folder} port=5432"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            if self._first[:1] == COLUMNS[:1]:
                connection.sendall(GREETING)
                connection.recv(65536)
            connection.sendall(self._first)
            while True:
                self.sent += connection.send(self._more)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture(params=ANSWERS)
def answer(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["TCP", "Unix"])
def rogue(request: pytest.FixtureRequest, answer: str, tmp_path: Path) -> Iterator[Rogue]:
    server = Rogue(answer, None if request.param == "TCP" else tmp_path)
    yield server
    server.close()


async def test_is_a_lost_connection_after_so_many_bytes(
    rogue: Rogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(received_bytes, "MOST_BYTES", 4 * 2**20)
    dsn = f"{rogue.dsn} user=any dbname=any sslmode=disable"
    database = Database(declarations.settings_of(dsn))
    try:
        with pytest.raises(ConnectFailed, match="sent more than 4 MiB in answer to one message"):
            await database.reader().read("SELECT 1")
        assert database.up is False
    finally:
        await database.close()
    assert rogue.sent < MOST_BUFFERED


@pytest.mark.parametrize("answer", ["rows", "row"], indirect=True)
async def test_so_it_is_for_what_closes_sessions(
    rogue: Rogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(received_bytes, "MOST_BYTES", 4 * 2**20)
    monkeypatch.setattr(received_bytes, "CHECK_EVERY", 0.005)
    settings = declarations.settings_of(f"{rogue.dsn} user=any dbname=any sslmode=disable")
    writer = Writer(settings, timezone="UTC")
    try:
        with pytest.raises(ConnectFailed, match="sent more than 4 MiB in answer to one message"):
            await writer.rows("SELECT 1")
    finally:
        await writer.close()
