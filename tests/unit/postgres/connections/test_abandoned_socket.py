"""Hanging up works below libpq, and tells whether the other end has noticed."""

import os
import socket
import sys
from collections.abc import Iterator

import pytest

from exporter.postgres.connections.abandoned_socket import AbandonedSocket
from tests.support.processes.session_exporter import wait_for


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Ours and the server's."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ours = socket.create_connection(listening.getsockname())
        theirs, _ = listening.accept()
        with ours, theirs:
            yield ours, theirs


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how the other end does")
def test_is_held_until_the_other_end_closes(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    left = AbandonedSocket(ours.fileno())
    try:
        assert left.was_connected
        assert ours.recv(1) == b""  # libpq notices at once
        wait_for(lambda: left.is_held, "the other end has heard of it")
        theirs.close()
        wait_for(lambda: not left.is_held, "it is gone")
    finally:
        left.close()


def test_shuts_down_although_no_descriptor_is_left(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more(_: int) -> int:
        raise OSError(24, "Too many open files")

    ours, theirs = ends
    monkeypatch.setattr(os, "dup", no_more)
    with pytest.raises(OSError, match="Too many"):
        AbandonedSocket(ours.fileno())
    assert theirs.recv(1) == b""
    assert ours.fileno() >= 0


def test_a_connection_that_never_came_about_leaves_nothing() -> None:
    with socket.socket() as ours:
        ours.setblocking(False)
        left = AbandonedSocket(ours.fileno())
        assert left.was_connected == (sys.platform != "linux")
        left.close()
