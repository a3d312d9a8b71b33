"""ReceivedBytes: limits the size of an answer, all of which libpq keeps until the last row."""

import asyncio
import resource
import socket
import struct
import sys
from pathlib import Path

import psycopg
from psycopg.pq import ConnStatus
from psycopg.pq.abc import PGconn

from exporter.postgres.connections.abandoned_socket import AbandonedSocket, hang_up

#: Of the answer to one message, in bytes. The longest list that a person may want has fewer.
MOST_BYTES = 64 * 2**20

#: How often an answer is looked at that psycopg waits for, in seconds.
CHECK_EVERY = 0.1

#: So often data arrives before anything is counted: nearly every answer is complete by then.
UNCOUNTED = 3

#: Where TCP_INFO has tcpi_bytes_received (linux/include/uapi/linux/tcp.h), a u64.
_OFFSET = 128


#: The memory of this process: total, resident and shared pages (proc_pid_statm(5)).
_STATM = Path("/proc/self/statm")


class ReceivedBytes:
    """Those of one message. Unknown on systems other than Linux.

    Of a Unix socket the system counts none. What comes through one is counted by how much memory
    this process takes meanwhile: libpq keeps it, and nothing else here grows by as much.
    """

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
            raise psycopg.OperationalError(too_much())


class AnswerLimit:
    """The same where psycopg waits for the answer: looks at it now and then, inside each `with`.

    What is too much ends with the socket.
    """

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn = pgconn
        self.is_exceeded = False

    def __enter__(self) -> None:
        self._before = _received(self._pgconn.socket)
        self._wait()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(CHECK_EVERY, self._check)

    def _check(self) -> None:
        if self._pgconn.status != ConnStatus.OK:
            return  # it was lost, and has no socket
        if _received(self._pgconn.socket) - self._before > MOST_BYTES:
            self.is_exceeded = True
            hang_up(self._pgconn, AbandonedSocket.close)
        else:
            self._wait()


def too_much() -> str:
    """What is wrong with a server that sends more."""
    return f"the server sent more than {MOST_BYTES // 2**20} MiB in answer to one message"


def _received(descriptor: int) -> int:
    """The bytes that were received on a socket since some moment; 0 where it is unknown."""
    if not sys.platform.startswith("linux"):
        return 0
    libpq = socket.socket(fileno=descriptor)
    try:
        if libpq.family == socket.AF_UNIX:
            return int(_STATM.read_bytes().split()[1]) * resource.getpagesize()
        info = libpq.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _OFFSET + 8)
    finally:
        libpq.detach()
    found = struct.unpack_from("=Q", info, _OFFSET) if len(info) == _OFFSET + 8 else (0,)
    return int(found[0])
