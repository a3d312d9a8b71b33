"""ReceivedBytes: ends an answer that does not end. libpq keeps all of it until the last row."""

import socket
import struct
import sys

import psycopg
from psycopg.pq.abc import PGconn

#: Of the answer to one message, in bytes. The longest list that a person may want has fewer.
MOST_BYTES = 64 * 2**20

#: So often data arrives before anything is counted: nearly every answer is complete by then.
UNCOUNTED = 3

#: Where TCP_INFO has tcpi_bytes_received (linux/include/uapi/linux/tcp.h), a u64.
_OFFSET = 128


class ReceivedBytes:
    """Those of one message. Unknown through a Unix socket, and on systems other than Linux."""

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn = pgconn
        self._arrivals = 0
        self._before = 0

    def check(self) -> None:
        """Note that data has arrived; raises OperationalError where it is more than MOST_BYTES."""
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
