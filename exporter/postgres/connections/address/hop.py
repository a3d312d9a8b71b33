"""Hop: the connection from here to the server, or to a pooler before it."""

import ipaddress
import socket
from collections.abc import Iterable
from typing import NamedTuple

from psycopg import pq


class Hop(NamedTuple):
    """The properties of a connection by libpq and the system."""

    address: str
    is_local: bool
    """Whether it does not leave this machine."""
    is_encrypted: bool
    """By TLS."""


def hop_of(pgconn: pq.abc.PGconn) -> Hop:
    """The hop of an open connection."""
    with socket.socket(fileno=socket.dup(pgconn.socket)) as sock:
        if sock.family == socket.AF_UNIX:
            return Hop("a Unix socket", is_local=True, is_encrypted=False)
        address, here = sock.getpeername()[0], sock.getsockname()[0]
    is_local = address == here or _is_loopback(address)
    return Hop(address, is_local=is_local, is_encrypted=bool(pgconn.ssl_in_use))


def _is_loopback(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])  # fe80::1%eth0
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


def is_behind_pooler(connections: Iterable[pq.abc.PGconn], backend_pid: int) -> bool:
    """Whether a read ran in another backend than those that libpq connected to.

    A pooler sends a client its own backend key (PgBouncer, client.c), because each transaction may
    use another connection to the server.
    """
    known = {each.backend_pid for each in connections}
    return bool(known) and backend_pid not in known
