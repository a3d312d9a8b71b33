"""SIGTERM in the middle of whatever hangs: the process ends in seconds, and as it should."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER, create_empty
from tests.support.collection.exporter import SKIPPED
from tests.support.network.proxy import Mode, Proxy, blackhole
from tests.support.processes.daemons import TABLE, assert_stops, daemon_on, wait_until_silent
from tests.support.processes.session_exporter import (
    wait_for,
)
from tests.support.servers.frozen_processes import frozen
from tests.support.servers.quick_server import QuickServer

SOCKETS = Path("/proc/net/tcp")


@pytest.fixture
def session(database: EmbeddedDatabase) -> None:
    """There is one row, for the queries that take their time over each."""
    with database.connect() as connection:
        connection.execute(
            f"INSERT INTO {TABLE} (session_id, user_id) VALUES (gen_random_uuid(), 'x')".encode()
        )


@pytest.fixture
def victim(database: EmbeddedDatabase, fast_folder: Path | None) -> Iterator[EmbeddedDatabase]:
    """A database on a server of its own, to be frozen."""
    with QuickServer(database.server.binaries, parent=fast_folder) as server:
        yield create_empty(server, "victim")


def waits_for(connection: psycopg.Connection[Any], what: str) -> bool:
    """Whether the exporter's process of the server waits for something."""
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'session-exporter'"
        " AND datname = current_database() AND %s IN (wait_event, wait_event_type)",
        (what,),
    ).fetchone()
    assert row is not None
    return bool(row[0])


def assert_nobody_left(connection: psycopg.Connection[Any]) -> None:
    def nobody() -> bool:
        row = connection.execute(
            b"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'session-exporter'"
            b" AND datname = current_database()"
        ).fetchone()
        return row == (0,)

    wait_for(nobody, "the server has no connection of the exporter", seconds=5)


@pytest.mark.usefixtures("session")
def test_in_a_slow_query(database: EmbeddedDatabase, tmp_path: Path) -> None:
    """The query may end: it takes less than a second more."""
    slow = "pg_sleep(0.7) IS NOT NULL"
    with (
        database.connect() as connection,
        daemon_on(database.dsn_for(EXPORTER), tmp_path, where=slow) as daemon,
    ):
        wait_for(lambda: waits_for(connection, "PgSleep"), "a query runs")
        assert_stops(daemon, seconds=5)
        assert_nobody_left(connection)


@pytest.mark.usefixtures("session")
def test_in_a_query_that_takes_longer_than_anybody_waits(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    """It is given up on after five seconds, and so is it by the server: it is cancelled."""
    slow = "pg_sleep(60) IS NOT NULL"
    with (
        database.connect() as connection,
        daemon_on(
            database.dsn_for(EXPORTER), tmp_path, where=slow, statement_timeout="60s"
        ) as daemon,
    ):
        wait_for(lambda: waits_for(connection, "PgSleep"), "a query runs")
        assert_stops(daemon, seconds=9)
        assert_nobody_left(connection)


def test_in_a_wait_for_a_lock(database: EmbeddedDatabase, tmp_path: Path) -> None:
    with (
        database.connect() as connection,
        database.connect() as observer,
        daemon_on(database.dsn_for(EXPORTER), tmp_path, lock_timeout="900ms") as daemon,
    ):
        daemon.wait_for_page(lambda page: page.succeeds("chats"), "it is collected")
        with connection.transaction():
            connection.execute(f"LOCK {TABLE}".encode())
            wait_for(lambda: waits_for(observer, "Lock"), "it waits for the lock")
            assert_stops(daemon, seconds=5)
            assert_nobody_left(observer)


def test_in_a_query_of_a_frozen_server(victim: EmbeddedDatabase, tmp_path: Path) -> None:
    with daemon_on(victim.dsn_for(EXPORTER), tmp_path) as daemon:
        daemon.wait_for_page(lambda page: page.succeeds("chats"), "it is collected")
        with frozen(victim.server):
            wait_until_silent(daemon)
            assert_stops(daemon, seconds=7)
        with victim.connect() as connection:
            assert_nobody_left(connection)


@pytest.mark.slow  # a query of a frozen server is stopped in the same way
def test_in_a_query_whose_bytes_are_swallowed(database: EmbeddedDatabase, tmp_path: Path) -> None:
    with (
        Proxy(database.server.port) as proxy,
        daemon_on(proxy.dsn(database.dsn_for(EXPORTER)), tmp_path) as daemon,
    ):
        daemon.wait_for_page(lambda page: page.succeeds("chats"), "it is collected")
        proxy.mode = Mode.SWALLOW
        wait_until_silent(daemon)
        assert_stops(daemon, seconds=7)


def test_in_a_greeting_that_is_swallowed(database: EmbeddedDatabase, tmp_path: Path) -> None:
    with Proxy(database.server.port) as proxy:
        proxy.mode = Mode.SWALLOW
        with daemon_on(proxy.dsn(database.dsn_for(EXPORTER)), tmp_path) as daemon:
            wait_for(lambda: proxy.accepted, "it connects")
            assert_stops(daemon, seconds=7)


def connecting_to(port: int) -> int:
    """How many sockets have sent a SYN (02) to this port of 127.0.0.1 and got no answer."""
    return SOCKETS.read_text().count(f" 0100007F:{port:04X} 02 ")


@pytest.mark.skipif(not SOCKETS.exists(), reason="only Linux lists its sockets there")
def test_while_connecting_to_a_black_hole(tmp_path: Path) -> None:
    with blackhole() as port:
        others = connecting_to(port)
        dsn = f"postgresql://nobody@127.0.0.1:{port}/nowhere"
        with daemon_on(dsn, tmp_path) as daemon:
            wait_for(lambda: connecting_to(port) > others, "it connects")
            assert_stops(daemon, seconds=7)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_between_two_attempts_to_connect(
    database: EmbeddedDatabase, tmp_path: Path, number: signal.Signals
) -> None:
    with Proxy(database.server.port) as proxy:
        proxy.refuse()
        with daemon_on(proxy.dsn(database.dsn_for(EXPORTER)), tmp_path) as daemon:
            daemon.wait_for_page(
                lambda page: page.value(SKIPPED, reason="backoff"), "it waits before it tries again"
            )
            began = time.monotonic()
            assert daemon.stop(number) == 0
            assert time.monotonic() - began < 3
            assert daemon.log.rstrip().endswith("event=stopped")


@pytest.mark.slow  # a black hole is left in the same way
@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0,
    reason="only root on Linux can give a process a name server of its own",
)
def test_while_a_name_server_does_not_answer(tmp_path: Path) -> None:
    """Threads that wait for it would keep the process for as long as they do."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.77", 53))
        silent.settimeout(20)
        resolver = tmp_path / "resolv.conf"
        resolver.write_text("nameserver 127.0.0.77\noptions timeout:30 attempts:5\n")
        # A mount that nobody else sees.
        mounted = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        within: list[str | Path] = ["unshare", "--mount", "sh", "-c", mounted, resolver]
        with daemon_on("postgresql://nobody@db.invalid/x", tmp_path, within=within) as daemon:
            silent.recv(512)
            assert_stops(daemon, seconds=9)
