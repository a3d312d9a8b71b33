"""Shuts down the connection to a server that does not answer, and watches its other end."""

import contextlib
import os
import socket
import sys
from collections.abc import Callable

import psycopg
from psycopg.pq.abc import PGconn

#: Of TCP_INFO, from linux/include/net/tcp_states.h: both ends are open (ESTABLISHED); the other end
#: has acknowledged that we hung up, and has not hung up itself (FIN_WAIT2).
_ESTABLISHED = 1
_FIN_WAIT2 = 5

#: A vanished host closes nothing: it is probed after 10 s, and abandoned 15 s later.
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}


class AbandonedSocket:
    """A socket that is shut down but not closed, so that the kernel reports its other end."""

    def __init__(self, descriptor: int) -> None:
        """Shut the socket down below libpq, which then notices at once that the peer is gone.

        Raises OSError when there is no such socket, or no descriptor left to watch it with, after
        it was shut down.
        """
        libpq = socket.socket(fileno=descriptor)
        try:
            state = _state(libpq)
            with contextlib.suppress(OSError):
                libpq.shutdown(socket.SHUT_RDWR)
        finally:
            libpq.detach()
        #: Whether there was a backend at the other end, or it is unknown.
        self.was_connected = state in {None, _ESTABLISHED}
        self._socket = socket.socket(fileno=os.dup(descriptor))
        # Not through a Unix socket, not on macOS.
        with contextlib.suppress(OSError, AttributeError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in _KEEPALIVE.items():
                self._socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    @property
    def is_held(self) -> bool:
        """Whether a backend that does nothing still has its end of the connection.

        False where it is unknown: through a Unix socket, on systems other than Linux, and while no
        packet gets through.
        """
        return _state(self._socket) == _FIN_WAIT2

    def close(self) -> None:
        self._socket.close()


#: What takes an abandoned socket.
Abandon = Callable[[AbandonedSocket], None]


def hang_up(pgconn: PGconn, abandoned: Abandon = AbandonedSocket.close) -> None:
    """Shut down the socket of a connection; `abandoned` gets it where there was a backend."""
    with contextlib.suppress(psycopg.Error, OSError):
        left = AbandonedSocket(pgconn.socket)
        if left.was_connected:
            abandoned(left)
        else:
            left.close()


def _state(sock: socket.socket) -> int | None:
    """The state of a TCP connection; None where it is unknown."""
    if not sys.platform.startswith("linux") or sock.family == socket.AF_UNIX:
        return None
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    except OSError:
        return None
