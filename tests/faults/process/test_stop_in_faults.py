"""SIGTERM in the middle of each fault that test_stop.py does not have: it ends as it should."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import PostgresServer, wheel_binaries
from exporter.demo.systems.schemas import APP, EXPORTER, create_empty
from tests.support.collection.exporter import ERRORS, SKIPPED
from tests.support.network.proxy import Mode, Proxy
from tests.support.processes.daemons import TABLE, assert_stops, daemon_on, wait_until_silent
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    wait_for,
    write_config,
)
from tests.support.processes.wall_clock import WallClock, wait_for_step
from tests.support.servers.frozen_processes import processes, stopped
from tests.support.servers.pgbouncer import PgBouncer
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.standby import PRIMARY_SETTINGS, Standby

#: A running daemon for which something is wrong at the moment.
Fault = Callable[[EmbeddedDatabase, Path], AbstractContextManager[Daemon]]


@pytest.fixture(scope="module")
def own_server(fast_folder: Path | None) -> Iterator[PostgresServer]:
    settings = {**PRIMARY_SETTINGS, "max_connections": "20"}
    with QuickServer(wheel_binaries(18), settings=settings, parent=fast_folder) as server:
        create_empty(server, "victim")
        yield server


@pytest.fixture
def victim(own_server: PostgresServer) -> EmbeddedDatabase:
    """Shared by this file: each fault mends what it has broken."""
    return EmbeddedDatabase(own_server, "victim")


def wait_for_error(daemon: Daemon, reason: str) -> None:
    daemon.wait_for_page(
        lambda page: page.value(ERRORS, source="chats", reason=reason), f"it fails: {reason}"
    )


@contextlib.contextmanager
def collecting(dsn: str, folder: Path, **settings: Any) -> Iterator[Daemon]:
    with daemon_on(dsn, folder, **settings) as daemon:
        daemon.wait_for_page(lambda page: page.succeeds("chats"), "it is collected")
        yield daemon


@contextlib.contextmanager
def restarting_server(victim: EmbeddedDatabase, folder: Path) -> Iterator[Daemon]:
    with collecting(victim.dsn_for(EXPORTER), folder) as daemon:
        victim.server.kill()
        wait_for_error(daemon, "connect")
        starting = threading.Thread(target=victim.server.start)
        starting.start()
        try:
            yield daemon
        finally:
            starting.join()


@contextlib.contextmanager
def frozen_backend(victim: EmbeddedDatabase, folder: Path) -> Iterator[Daemon]:
    with (
        collecting(victim.dsn_for(EXPORTER), folder, max_connections=1) as daemon,
        victim.connect() as connection,
    ):
        (backend,) = processes(connection)
        with stopped(backend):
            wait_until_silent(daemon)
            yield daemon


@contextlib.contextmanager
def trickling_network(victim: EmbeddedDatabase, folder: Path) -> Iterator[Daemon]:
    with (
        Proxy(victim.server.port) as proxy,
        collecting(proxy.dsn(victim.dsn_for(EXPORTER)), folder) as daemon,
    ):
        proxy.mode = Mode.TRICKLE
        wait_until_silent(daemon)
        yield daemon


@contextlib.contextmanager
def broken(
    victim: EmbeddedDatabase, folder: Path, reason: str, harm: str, repair: str
) -> Iterator[Daemon]:
    with (
        collecting(victim.dsn_for(EXPORTER), folder) as daemon,
        victim.connect() as connection,
    ):
        connection.execute(harm.encode())
        try:
            wait_for_error(daemon, reason)
            yield daemon
        finally:
            connection.execute(repair.encode())


def table_gone(victim: EmbeddedDatabase, folder: Path) -> AbstractContextManager[Daemon]:
    return broken(
        victim,
        folder,
        "schema",
        f"ALTER TABLE {TABLE} RENAME TO away",
        "ALTER TABLE conversations.away RENAME TO conversation_sessions",
    )


def rights_revoked(victim: EmbeddedDatabase, folder: Path) -> AbstractContextManager[Daemon]:
    return broken(
        victim,
        folder,
        "permission",
        f"REVOKE SELECT ON {TABLE} FROM {EXPORTER}",
        f"GRANT SELECT ON {TABLE} TO {EXPORTER}",
    )


@contextlib.contextmanager
def wrong_password(victim: EmbeddedDatabase, folder: Path) -> Iterator[Daemon]:
    dsn = victim.server.dsn(victim.name, user=EXPORTER, password="wrong")
    with daemon_on(dsn, folder) as daemon:
        wait_for_error(daemon, "auth")
        daemon.wait_for_page(lambda page: page.value(SKIPPED, reason="backoff"), "it waits")
        yield daemon


@contextlib.contextmanager
def full_server(victim: EmbeddedDatabase, folder: Path) -> Iterator[Daemon]:
    with contextlib.ExitStack() as others:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                others.enter_context(victim.connect(APP))
        with daemon_on(victim.dsn_for(EXPORTER), folder) as daemon:
            wait_for_error(daemon, "connect")
            yield daemon


@contextlib.contextmanager
def lagging_replica(victim: EmbeddedDatabase, folder: Path) -> Iterator[Daemon]:
    with Standby(victim.server, parent=victim.server.folder.parent) as standby:
        standby.wait_until_it_follows()
        dsn = EmbeddedDatabase(standby, victim.name).dsn_for(EXPORTER)
        with collecting(dsn, folder, max_replica_lag="1s") as daemon:
            standby.ask("pg_wal_replay_pause()")
            paused = lambda: standby.ask("pg_get_wal_replay_pause_state()") == "paused"  # noqa: E731
            wait_for(paused, "replay is paused")
            with victim.connect() as connection:
                connection.execute("CREATE TABLE wal (); DROP TABLE wal")
            wait_for_error(daemon, "lag")
            yield daemon


@contextlib.contextmanager
def just_after_a_standstill(victim: EmbeddedDatabase, folder: Path) -> Iterator[Daemon]:
    """It is told to stop while it stands still, and finds that first of all."""
    with collecting(victim.dsn_for(EXPORTER), folder) as daemon:
        pid = daemon.process.pid
        os.kill(pid, signal.SIGSTOP)
        state = Path(f"/proc/{pid}/stat")
        if state.exists():
            wait_for(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", "it stops")
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGCONT)
        yield daemon


FAULTS: list[Fault] = [
    restarting_server,
    frozen_backend,
    trickling_network,
    table_gone,
    rights_revoked,
    wrong_password,
    full_server,
    lagging_replica,
    just_after_a_standstill,
]


@pytest.mark.quick("restarting_server", "frozen_backend", "trickling_network")
@pytest.mark.parametrize("fault", FAULTS, ids=[fault.__name__ for fault in FAULTS])
def test_in_the_middle_of(fault: Fault, victim: EmbeddedDatabase, tmp_path: Path) -> None:
    with fault(victim, tmp_path) as daemon:
        assert_stops(daemon, seconds=7)


def test_while_pgbouncer_is_gone(bouncer: PgBouncer, tmp_path: Path) -> None:
    with collecting(bouncer.dsn(), tmp_path) as daemon:
        bouncer.kill()
        wait_for_error(daemon, "connect")
        assert_stops(daemon, seconds=7)


@pytest.mark.slow  # that a step of the clock harms nothing is in test_clock
@pytest.mark.parametrize("hours", [1, -1])
def test_right_after_the_clock_was_stepped(
    victim: EmbeddedDatabase, wall_clock: WallClock, tmp_path: Path, hours: int
) -> None:
    app = {"dsn": victim.dsn_for(EXPORTER), **IMPATIENT}
    source = {**CONVERSATIONS, "daily": None}
    config = write_config(tmp_path, {"app": app}, {"chats": source})
    with Daemon(config, folder=tmp_path, environ=wall_clock.environ) as daemon:
        daemon.wait_for_page(lambda page: page.succeeds("chats"), "it is collected")
        wall_clock.set(hours * 3600)
        wait_for_step(daemon, 1)
        assert_stops(daemon, seconds=7)
