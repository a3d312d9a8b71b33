"""Hop: which connections stay on this machine."""

import socket
from dataclasses import dataclass

import pytest
from psycopg import pq

from exporter.postgres.connections.address.hop import Hop, _is_loopback, hop_of


@dataclass
class Open:
    """Of a connection of libpq what is asked: its socket, and whether TLS is used."""

    socket: int
    ssl_in_use: bool = False


def test_libpq_tells_what_is_asked_of_it() -> None:
    assert {"socket", "ssl_in_use"} <= set(dir(pq.PGconn))


def test_a_unix_socket_is_on_this_machine() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        hop = hop_of(Open(ours.fileno()))  # type: ignore[arg-type]
        assert hop == Hop("a Unix socket", is_local=True, is_encrypted=False)
        ours.send(b"x")  # it is still open
        assert theirs.recv(1) == b"x"


@pytest.mark.parametrize("is_encrypted", [False, True])
def test_loopback_is_on_this_machine(is_encrypted: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with socket.create_connection(listening.getsockname()) as ours:
            hop = hop_of(Open(ours.fileno(), is_encrypted))  # type: ignore[arg-type]
        assert hop == Hop("127.0.0.1", is_local=True, is_encrypted=is_encrypted)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_has_many_addresses(address: str) -> None:
    assert _is_loopback(address)


@pytest.mark.parametrize("address", ["10.0.0.1", "fe80::1%eth0", "2001:db8::1", "::ffff:10.0.0.1"])
def test_other_addresses_are_not_loopback(address: str) -> None:
    assert not _is_loopback(address)
