"""ReceivedBytes: limits the size of an answer, all of which libpq keeps until the last row."""

import socket
import struct
import sys

import psycopg
from psycopg.pq.abc import PGconn

#: Maximum size of the answer to one message, in bytes; the longest useful list is smaller.
MOST_BYTES = 64 * 2**20

#: The number of arrivals before counting begins: nearly every answer is complete by then.
UNCOUNTED = 3

#: Where TCP_INFO has tcpi_bytes_received (linux/include/uapi/linux/tcp.h), a u64.
_OFFSET = 128


class ReceivedBytes:
    """The bytes of one message; unknown through a Unix socket, and on systems other than Linux."""

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn = pgconn
        self._arrivals = 0
        self._before = 0

    def check(self) -> None:
        """Count arrived data; raises OperationalError beyond MOST_BYTES."""
        self._arrivals += 1
        if self._arrivals < UNCOUNTED:
            return
        received = _received(self._pgconn.socket)
        if self._arrivals == UNCOUNTED:
            self._before = received
        elif received - self._before > MOST_BYTES:
            raise psycopg.OperationalError(
                f"the server sent more than {MOST_BYTES // 2**20} MiB in answer to one message"
            )


def _received(descriptor: int) -> int:
    """The bytes that were received on a socket since it was connected; 0 where it is unknown."""
    if not sys.platform.startswith("linux"):
        return 0
    libpq = socket.socket(fileno=descriptor)
    try:
        if libpq.family == socket.AF_UNIX:
            return 0
        info = libpq.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _OFFSET + 8)
    finally:
        libpq.detach()
    found = struct.unpack_from("=Q", info, _OFFSET) if len(info) == _OFFSET + 8 else (0,)
    return int(found[0])
