"""Processes of a server that are stopped where they are: their sockets stay open and silent."""

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any

import psycopg

from exporter.demo.server.server import PostgresServer


@contextlib.contextmanager
def frozen(server: PostgresServer) -> Iterator[None]:
    """Stop every process of a server where it is: its sockets stay open and silent.

    The first process first, so that it starts no more; and again, for those it had just started.
    """
    stopped: set[int] = set()
    while rest := set(server.processes()) - stopped:
        for pid in sorted(rest, key=server.processes()[:1].__contains__, reverse=True):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        stopped |= rest
    try:
        yield
    finally:
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


OURS = b"""
SELECT pid FROM pg_stat_activity
WHERE application_name = 'session-exporter' AND datname = current_database()
ORDER BY backend_start
"""


def processes(connection: psycopg.Connection[Any]) -> list[int]:
    """The exporter's processes of the server."""
    return [pid for (pid,) in connection.execute(OURS)]


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Freeze one process; inside an idle one nobody waits for a lock that it holds."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
