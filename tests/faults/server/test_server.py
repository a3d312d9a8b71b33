"""A server that freezes in part, changes passwords, loses databases, is full, or is restarted."""

import asyncio
import collections
import contextlib
import gc
import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter import backoff
from exporter.config import DatabaseSettings
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import PostgresServer, wheel_binaries
from exporter.demo.systems.schemas import APP, EXPORTER, create_empty
from exporter.errors import SourceError
from exporter.postgres import Database
from exporter.postgres.connections import pool as connection_pool
from tests.support.collection.exporter import ERRORS, SKIPPED, UP, Exporting
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Page,
    wait_for,
    write_config,
)
from tests.support.servers.fresh_databases import drop_database
from tests.support.servers.frozen_processes import OURS, processes, stopped
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.statements import execute

TABLE = "conversations.conversation_sessions"
ACTIVE = "sessions_active"
SUCCESS = "session_exporter_collection_success"
SOURCE: dict[str, Any] = {**CONVERSATIONS, "daily": None}
#: Slow enough to be sent alone, on a connection of its own.
SLOW = {**SOURCE, "where": "(SELECT pg_sleep(0.06)) IS NOT NULL"}


_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def own_server(fast_folder: Path | None) -> Iterator[PostgresServer]:
    """A small server of this module's own: it is restarted, filled, and its roles are changed."""
    settings = {"max_connections": "20", "autovacuum": "off"}
    with QuickServer(wheel_binaries(18), settings=settings, parent=fast_folder) as server:
        yield server


@pytest.fixture
def victim(own_server: PostgresServer) -> EmbeddedDatabase:
    """A database of the test's own on it, with three active sessions."""
    return with_sessions(create_empty(own_server, f"victim_{next(_numbers)}"))


def with_sessions(database: EmbeddedDatabase) -> EmbeddedDatabase:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO conversations.conversation_sessions (session_id, user_id)"
            " SELECT gen_random_uuid(), 'somebody' FROM generate_series(1, 3)"
        )
    return database


def config_of(
    dsn: str,
    folder: Path,
    sources: int = 1,
    *,
    source: dict[str, Any] = SOURCE,
    **settings: Any,
) -> Path:
    names = [f"chats_{number}" for number in range(1, sources + 1)]
    return write_config(
        folder, {"app": {"dsn": dsn, **IMPATIENT, **settings}}, dict.fromkeys(names, source)
    )


def all_succeed(page: Page) -> bool:
    return all(page.values(SUCCESS))


def chats_succeed(page: Page) -> bool:
    return page.succeeds("chats_1")


@contextlib.contextmanager
def watched(database: EmbeddedDatabase) -> Iterator[list[int]]:
    """Count the exporter's processes all the time: how many there were, in the order of time."""
    counts: list[int] = []
    is_over = threading.Event()
    with database.connect() as connection:

        def watch() -> None:
            while not is_over.wait(0.01):
                counts.append(len(processes(connection)))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield counts
        finally:
            is_over.set()
            watcher.join()


@pytest.mark.slow  # frozen processes are counted in another one
def test_one_frozen_process_of_the_server_costs_one_collection_and_no_connection(
    victim: EmbeddedDatabase, tmp_path: Path
) -> None:
    dsn = victim.dsn_for(EXPORTER)
    config = config_of(dsn, tmp_path, sources=3, source=SLOW, max_connections=2)
    with (
        Exporting(config) as exporting,
        victim.connect() as connection,
        watched(victim) as counts,
    ):
        exporting.collect("active")  # the first time together, as nobody knows yet
        page = exporting.collect("active")
        assert all(page.succeeds(f"chats_{number}") for number in (1, 2, 3))
        first, _ = processes(connection)
        with stopped(first):
            began = time.monotonic()
            page = exporting.collect("active")
            assert 1.9 < time.monotonic() - began < 5  # the client's deadline
            failed = [n for n in (1, 2, 3) if not page.succeeds(f"chats_{n}")]
            assert len(failed) == 1
            for number in (1, 2, 3):
                assert page.values(ACTIVE, source=f"chats_{number}") == [3]
                errors = {"timeout"} if number in failed else set()
                assert page.errors(f"chats_{number}") == errors
            assert exporting.log.count("event=collection_failed") == 1
            assert "database_down" not in exporting.log  # it answers another question
            assert "Traceback" not in exporting.log
            # The place of the frozen one stays taken: all go on by the other connection.
            page = exporting.collect("active")
            assert all(page.succeeds(f"chats_{number}") for number in (1, 2, 3))
            assert page.value(UP) == 1
            assert len(processes(connection)) == 2
        wait_for(lambda: first not in processes(connection), "it goes when it wakes up")
        page = exporting.collect("active")
        assert all(page.succeeds(f"chats_{number}") for number in (1, 2, 3))
        assert sum(page.values(ERRORS)) == 1
    assert max(counts) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how the other end does")
def test_frozen_processes_are_never_replaced_by_more_than_the_config_allows(
    victim: EmbeddedDatabase, tmp_path: Path
) -> None:
    dsn = victim.dsn_for(EXPORTER)
    config = config_of(dsn, tmp_path, sources=3, source=SLOW, max_connections=2)
    with (
        Exporting(config) as exporting,
        victim.connect() as connection,
        watched(victim) as counts,
    ):
        exporting.collect("active")  # the first time together, as nobody knows yet
        exporting.collect("active")
        first, second = processes(connection)
        with stopped(first), stopped(second):
            page = exporting.collect_until(
                lambda page: page.values(SUCCESS, collector="active") == [0, 0, 0],
                "nothing can be collected",
                "active",
            )
            # Their statement_timeout has long passed, and still they are there: so it is said.
            exporting.collect_until(
                lambda _: "max_connections (2) are taken" in exporting.failure("chats_3"),
                "it says what is wrong",
                "active",
            )
            began = time.monotonic()
            page = exporting.collect("active")
            assert time.monotonic() - began < 1  # nobody waits for a place
            assert page.errors("chats_3") == {"timeout"}
            assert processes(connection) == [first, second]
        page = exporting.collect_until(
            lambda page: page.values(SUCCESS, collector="active") == [1, 1, 1],
            "it gets well when they wake up",
            "active",
        )
        assert page.value(UP) == 1
        assert first not in processes(connection)
        assert second not in processes(connection)
    assert max(counts) == 2


@pytest.mark.slow  # frozen processes are counted in the next one
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how the other end does")
def test_logins_that_hang_leave_no_more_processes_than_the_config_allows(
    victim: EmbeddedDatabase, tmp_path: Path
) -> None:
    """Every login reads the roles' settings, and somebody has locked them."""
    config = config_of(victim.dsn_for(EXPORTER), tmp_path, sources=2, max_connections=1)
    before = set(victim.server.processes())

    def logging_in() -> set[int]:
        return set(victim.server.processes()) - before - {locker.info.backend_pid}

    gc.collect()
    gc.disable()  # nothing may depend on when it comes by
    try:
        with victim.connect() as locker, locker.transaction(), Exporting(config) as exporting:
            locker.execute("LOCK TABLE pg_catalog.pg_db_role_setting")
            most = 0
            until = time.monotonic() + 5
            while time.monotonic() < until:
                exporting.end_backoff()
                page = exporting.collect("active")
                most = max(most, len(logging_in()))
                time.sleep(0.02)
            assert page.errors("chats_1") >= {"connect"}
            assert most == 1
            assert "max_connections (1) are taken" in exporting.failure("chats_2")
        with Exporting(config) as exporting:
            assert all_succeed(exporting.collect("active", "size"))
    finally:
        gc.enable()
    wait_for(lambda: not set(victim.server.processes()) - before, "nobody is left over")


def test_a_wrong_password_is_not_tried_again_while_another_connection_works(
    victim: EmbeddedDatabase, password_changed: str, tmp_path: Path
) -> None:
    config = config_of(victim.dsn_for(EXPORTER), tmp_path, sources=2, max_connections=2)
    with Exporting(config) as exporting, victim.connect() as connection:
        exporting.begin("active").result(10)
        _, *others = processes(connection)
        set_password(victim, password_changed)
        for other in others:
            connection.execute("SELECT pg_terminate_backend(%s)", (other,))
        with victim.connect() as holder, holder.transaction():
            holder.execute("LOCK TABLE conversations.conversation_sessions")
            exporting.collect("active")
            exporting.collect("active")
            page = exporting.collect("active")
        assert page.value(ERRORS, source="chats_1", reason="auth") in {0, 1}
        assert sum(page.values(ERRORS, reason="auth")) == 1
        assert exporting.seconds_of_backoff() > 50


def test_a_query_that_another_client_cancels_is_no_limit_of_ours(
    victim: EmbeddedDatabase, tmp_path: Path
) -> None:
    source = {**SOURCE, "where": "(SELECT pg_sleep(20)) IS NOT NULL"}
    config = config_of(victim.dsn_for(EXPORTER), tmp_path, source=source, statement_timeout="10s")
    with Exporting(config) as exporting, victim.connect() as connection:
        collecting = exporting.begin("active")
        cancel = (
            "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity"
            f" WHERE usename = '{EXPORTER}' AND wait_event = 'PgSleep'"
        )
        cancelled = 0
        while not collecting.done():  # in company, and alone
            cancelled += connection.execute(cancel.encode()).fetchall()[0][0]
            time.sleep(0.02)
        assert cancelled
        page = exporting.page()
        assert page.errors("chats_1") == {"timeout"}
        assert exporting.failure("chats_1").startswith("another client cancelled the query")
        assert page.value(UP) == 1


@pytest.fixture
def password_changed(victim: EmbeddedDatabase) -> Iterator[str]:
    """Call for a new password of the exporter's role; afterwards the old one is back."""
    old = victim.server.passwords[EXPORTER]
    yield "changed"
    set_password(victim, old)


def set_password(database: EmbeddedDatabase, password: str) -> None:
    with database.connect() as connection:
        connection.execute(f"ALTER ROLE {EXPORTER} PASSWORD '{password}'")


def terminate(connection: psycopg.Connection[Any]) -> None:
    """End the exporter's connections from the server's side."""
    connection.execute(OURS.replace(b"SELECT pid", b"SELECT pg_terminate_backend(pid)"))
    wait_for(lambda: not processes(connection), "they are gone")


async def test_a_connection_may_be_ended_at_any_moment_and_is_replaced_or_counted_as_lost(
    victim: EmbeddedDatabase,
) -> None:
    await end_connections(victim, times=40)


@pytest.mark.slow
async def test_a_connection_may_be_ended_five_hundred_times(victim: EmbeddedDatabase) -> None:
    await end_connections(victim, times=500)


async def end_connections(victim: EmbeddedDatabase, *, times: int) -> None:
    """Also between the last answer and the end of the transaction, when psycopg is not aware."""
    counting = f"SELECT count(*) FROM {TABLE}"
    ending = OURS.replace(b"SELECT pid", b"SELECT pg_terminate_backend(pid)")
    settings = DatabaseSettings(name="app", dsn=victim.dsn_for(EXPORTER))
    pool = Database(settings.model_copy(update={"connect_timeout": 2.0}))
    reasons: collections.Counter[str] = collections.Counter()
    killer = await psycopg.AsyncConnection.connect(victim.dsn, autocommit=True)
    try:
        for number in range(times):
            pool.pool.backoff.until = 0.0
            reading = asyncio.create_task(pool.reader().read(counting, counting))
            await asyncio.sleep(0.003 * (number % 50) / 50)
            await killer.execute(ending)
            try:
                await reading
                reasons["none"] += 1
            except SourceError as error:
                reasons[error.reason] += 1
                assert not pool.up
    finally:
        await killer.close()
        await pool.close()
    assert set(reasons) <= {"none", "connect"}, reasons
    assert reasons["none"] > 0.8 * times


def test_a_changed_password_is_an_auth_failure_and_no_reason_to_knock_again_soon(
    victim: EmbeddedDatabase, password_changed: str, tmp_path: Path
) -> None:
    config = config_of(victim.dsn_for(EXPORTER), tmp_path)
    with Exporting(config) as exporting, victim.connect() as connection:
        assert chats_succeed(exporting.collect("active"))
        set_password(victim, password_changed)
        page = exporting.collect("active")
        assert chats_succeed(page)  # who is in stays in
        terminate(connection)
        page = exporting.collect("active")
        assert not chats_succeed(page)
        assert page.errors("chats_1") == {"auth"}
        assert page.value(UP) == 0
        assert page.values(ACTIVE) == [3]  # until stale_after
        assert "password authentication failed" in exporting.failure("chats_1")
        assert victim.server.passwords[EXPORTER] not in exporting.log

        shortest, longest = backoff.AUTHENTICATION
        assert shortest - 5 < exporting.seconds_of_backoff() <= longest
        page = exporting.collect("active")
        assert page.value(SKIPPED, source="chats_1", reason="backoff") == 1
        assert page.value(ERRORS, source="chats_1", reason="auth") == 1
        exporting.end_backoff()
        page = exporting.collect("active")
        assert page.value(ERRORS, source="chats_1", reason="auth") == 2
        assert shortest - 5 < exporting.seconds_of_backoff() <= longest

        set_password(victim, victim.server.passwords[EXPORTER])
        exporting.end_backoff()
        page = exporting.collect("active")
        assert chats_succeed(page)
        assert page.value(UP) == 1


def test_a_new_password_is_read_from_its_file_at_the_next_connect(
    victim: EmbeddedDatabase, password_changed: str, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    old = victim.server.passwords[EXPORTER]
    secret.write_text(f"{old}\n")
    dsn = victim.server.dsn(victim.name, user=EXPORTER, password="")
    config = config_of(dsn, tmp_path, password_file=str(secret))
    with Exporting(config) as exporting, victim.connect() as connection:
        assert chats_succeed(exporting.collect("active"))
        # First the file, as it should be: nothing is noticed.
        secret.write_text(f"{password_changed}\n")
        set_password(victim, password_changed)
        terminate(connection)
        page = exporting.collect("active")
        assert chats_succeed(page)
        assert page.errors("chats_1") == set()
        # First the role: it fails until the file follows.
        set_password(victim, old)
        terminate(connection)
        page = exporting.collect("active")
        assert page.errors("chats_1") == {"auth"}
        assert page.value(UP) == 0
        secret.unlink()
        exporting.end_backoff()
        exporting.collect("active")
        assert "password_file: cannot read" in exporting.failure("chats_1")
        secret.write_text(old)
        exporting.end_backoff()
        page = exporting.collect("active")
        assert chats_succeed(page)
        assert page.value(UP) == 1
        assert old not in exporting.log
        assert password_changed not in exporting.log


def test_a_database_that_is_dropped_and_created_again(
    victim: EmbeddedDatabase, tmp_path: Path
) -> None:
    with Exporting(config_of(victim.dsn_for(EXPORTER), tmp_path)) as exporting:
        assert all_succeed(exporting.collect())
        drop_database(victim)
        page = exporting.collect()
        assert not any(page.values(SUCCESS))
        assert page.errors("chats_1") == {"connect"}
        assert page.value(UP) == 0
        assert page.values(ACTIVE) == [3]  # until stale_after
        assert f'database "{victim.name}" does not exist' in exporting.failure("chats_1")
        create_empty(victim.server, victim.name)
        page = exporting.collect_until(all_succeed, "it is collected again")
        assert page.values(ACTIVE) == [0]
        assert page.value(UP) == 1
        assert page.errors("chats_1") == {"connect"}


def test_a_server_without_a_free_connection(victim: EmbeddedDatabase, tmp_path: Path) -> None:
    with Exporting(config_of(victim.dsn_for(EXPORTER), tmp_path)) as exporting:
        with contextlib.ExitStack() as others:
            with contextlib.suppress(psycopg.OperationalError):
                while True:
                    others.enter_context(victim.connect(APP))
            page = exporting.collect("active")
            assert not chats_succeed(page)
            assert page.errors("chats_1") == {"connect"}
            assert page.value(UP) == 0
            assert page.values(ACTIVE) == []
            failure = exporting.failure("chats_1")
            assert "remaining connection slots are reserved" in failure or "too many" in failure
        page = exporting.collect_until(chats_succeed, "there is room again", "active")
        assert page.values(ACTIVE) == [3]
        assert page.value(UP) == 1
        assert page.errors("chats_1") == {"connect"}


@pytest.mark.quick("role")
@pytest.mark.parametrize("limited", ["role", "database"])
def test_a_connection_limit_is_asked_again_soon(
    victim: EmbeddedDatabase, tmp_path: Path, limited: str
) -> None:
    """It is no matter of who we are: the others may be gone in a second."""
    what = f"ROLE {EXPORTER}" if limited == "role" else f"DATABASE {victim.name}"
    with Exporting(config_of(victim.dsn_for(EXPORTER), tmp_path)) as exporting:
        with victim.connect() as connection:
            connection.execute(f"ALTER {what} CONNECTION LIMIT 0".encode())
            try:
                page = exporting.collect("active")
                assert page.errors("chats_1") == {"connect"}
                assert page.value(UP) == 0
                assert f"too many connections for {limited}" in exporting.failure("chats_1")
                assert exporting.seconds_of_backoff() <= backoff.CONNECT[0]
            finally:
                connection.execute(f"ALTER {what} CONNECTION LIMIT -1".encode())
        page = exporting.collect_until(chats_succeed, "there is room again", "active")
        assert page.value(UP) == 1
        assert page.errors("chats_1") == {"connect"}


@pytest.mark.quick("role")
@pytest.mark.parametrize("limited", ["role", "database"])
def test_with_fewer_connections_than_the_config_allows_all_are_collected_by_those(
    victim: EmbeddedDatabase, tmp_path: Path, limited: str
) -> None:
    what = f"ROLE {EXPORTER}" if limited == "role" else f"DATABASE {victim.name}"
    config = config_of(victim.dsn_for(EXPORTER), tmp_path, 4, source=SLOW, max_connections=3)
    execute(victim, f"ALTER {what} CONNECTION LIMIT 1")
    try:
        with Exporting(config) as exporting:
            for _ in range(4):
                page = exporting.collect()
                assert all_succeed(page), exporting.log
                assert page.value(UP) == 1
            assert sum(page.values(ERRORS)) + sum(page.values(SKIPPED)) == 0
            assert exporting.log.count("event=connections_limited") == 1
            assert f"too many connections for {limited}" in exporting.log
            assert "database_down" not in exporting.log
    finally:
        execute(victim, f"ALTER {what} CONNECTION LIMIT -1")


def test_connections_that_the_server_gives_again_are_used(
    victim: EmbeddedDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_pool, "RECHECK_AFTER", 0.1)
    config = config_of(victim.dsn_for(EXPORTER), tmp_path, 4, source=SLOW, max_connections=3)
    execute(victim, f"ALTER ROLE {EXPORTER} CONNECTION LIMIT 1")
    try:
        with Exporting(config) as exporting:
            exporting.collect()
            assert all_succeed(exporting.collect())
            execute(victim, f"ALTER ROLE {EXPORTER} CONNECTION LIMIT -1")
            page = exporting.collect_until(
                lambda _: "event=connections_not_limited" in exporting.log, "it has another one"
            )
            assert sum(page.values(ERRORS)) == 0
    finally:
        execute(victim, f"ALTER ROLE {EXPORTER} CONNECTION LIMIT -1")


def test_a_role_that_may_not_connect_lacks_a_right_and_does_not_knock_again_soon(
    victim: EmbeddedDatabase, tmp_path: Path
) -> None:
    with Exporting(config_of(victim.dsn_for(EXPORTER), tmp_path)) as exporting:
        with victim.connect() as connection:
            connection.execute(f"REVOKE CONNECT ON DATABASE {victim.name} FROM {EXPORTER}, public")
            page = exporting.collect("active")
            assert page.errors("chats_1") == {"permission"}
            assert page.value(UP) == 0
            assert "permission denied for database" in exporting.failure("chats_1")
            assert exporting.seconds_of_backoff() > backoff.AUTHENTICATION[0] - 5
            connection.execute(f"GRANT CONNECT ON DATABASE {victim.name} TO {EXPORTER}")
        exporting.end_backoff()
        page = exporting.collect("active")
        assert chats_succeed(page)
        assert page.value(UP) == 1


def test_what_cannot_be_known_while_nobody_can_connect_is_not_said_any_more(
    victim: EmbeddedDatabase, tmp_path: Path
) -> None:
    """`active` makes the attempts; `daily` is told what came of them."""
    source = {**CONVERSATIONS, "daily": {"days": 1, "every": "1s", "timeout": "1s"}}
    app = {"dsn": victim.dsn_for(EXPORTER), **IMPATIENT}
    config = write_config(tmp_path, {"app": app}, {"chats_1": source})
    with Exporting(config) as exporting:
        with victim.connect() as connection:
            connection.execute(f"ALTER TABLE {TABLE} RENAME is_active TO act".encode())
            exporting.collect("active", "daily")
            assert "no column is_active" in exporting.failure("chats_1", "daily")
            connection.execute(f"ALTER TABLE {TABLE} RENAME act TO is_active".encode())
            connection.execute(f"REVOKE CONNECT ON DATABASE {victim.name} FROM {EXPORTER}, public")
            terminate(connection)
            exporting.collect("active")
            page = exporting.collect("daily")
            assert page.value(SKIPPED, source="chats_1", reason="backoff") == 1
            for collector in ("active", "daily"):
                failure = exporting.failure("chats_1", collector)
                assert "permission denied for database" in failure
            connection.execute(f"GRANT CONNECT ON DATABASE {victim.name} TO {EXPORTER}")
        exporting.end_backoff()
        assert all_succeed(exporting.collect())


def test_a_fast_restart_between_two_collections_is_not_even_noticed(
    victim: EmbeddedDatabase, tmp_path: Path
) -> None:
    with Exporting(config_of(victim.dsn_for(EXPORTER), tmp_path)) as exporting:
        assert all_succeed(exporting.collect())
        os.kill(victim.server.processes()[0], signal.SIGINT)  # as `pg_ctl restart` does
        wait_for(lambda: not victim.server.running, "it shuts down")
        victim.server.start()
        page = exporting.collect()
        assert all_succeed(page)
        assert page.errors("chats_1") == set()
        assert "database_down" not in exporting.log
        assert sum(page.values(SKIPPED)) == 0
        assert page.value(UP) == 1
        assert page.values(ACTIVE) == [3]


def test_a_collection_while_the_server_restarts_is_one_failed_connect(
    victim: EmbeddedDatabase, tmp_path: Path
) -> None:
    with Exporting(config_of(victim.dsn_for(EXPORTER), tmp_path)) as exporting:
        assert all_succeed(exporting.collect())
        os.kill(victim.server.processes()[0], signal.SIGINT)
        wait_for(lambda: not victim.server.running, "it shuts down")
        page = exporting.collect("active")
        assert page.errors("chats_1") == {"connect"}
        assert page.value(ERRORS, source="chats_1", reason="connect") == 1
        assert page.value(UP) == 0
        victim.server.start()
        page = exporting.collect_until(chats_succeed, "it is back", "active")
        assert page.value(UP) == 1
        assert page.value(ERRORS, source="chats_1", reason="connect") == 1
