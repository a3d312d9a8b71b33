"""Sources of one database that are due together share a message, and no fault of another."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.postgres import Database
from exporter.postgres.read_queue import MOST_TOGETHER
from tests.support.collection import declarations
from tests.support.collection.exporter import Exporting
from tests.support.network.proxy import Mode, Proxy
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    wait_for,
    write_config,
)
from tests.support.servers.frozen_processes import processes, stopped
from tests.support.servers.pgbouncer import PgBouncer

TABLE = "conversations.conversation_sessions"
SOURCE: dict[str, Any] = {**CONVERSATIONS, "daily": None}
SOURCES = [f"chats_{number}" for number in range(1, 7)]
VICTIM, OTHERS = SOURCES[2], [*SOURCES[:2], *SOURCES[3:]]


def config_of(dsn: str, folder: Path, **victim: Any) -> Path:
    """Six sources on one table; the third one has something of its own."""
    sources = dict.fromkeys(SOURCES, SOURCE) | {VICTIM: {**SOURCE, **victim}}
    return write_config(folder, {"app": {"dsn": dsn, **IMPATIENT}}, sources)


def begun(requests: list[bytes]) -> list[int]:
    """How many transactions each piece that was sent begins."""
    return [data.count(b"BEGIN ISOLATION LEVEL") for data in requests]


@pytest.fixture
def proxy(database: EmbeddedDatabase) -> Iterator[Proxy]:
    with Proxy(database.server.port) as proxy:
        yield proxy


def test_all_that_are_due_together_are_sent_at_once(
    database: EmbeddedDatabase, proxy: Proxy, tmp_path: Path
) -> None:
    with Exporting(config_of(proxy.dsn(database.dsn_for(EXPORTER)), tmp_path)) as exporting:
        exporting.collect("active")
        proxy.requests.clear()
        page = exporting.collect("active")
        assert all(page.succeeds(source) for source in SOURCES)
        assert begun(proxy.requests) == [len(SOURCES)]
        assert proxy.requests[0][5:].startswith(b"/* chats_1 active, chats_2 active, ")


def test_the_tables_of_all_that_are_bound_together_are_looked_up_at_once(
    database: EmbeddedDatabase, proxy: Proxy, tmp_path: Path
) -> None:
    with Exporting(config_of(proxy.dsn(database.dsn_for(EXPORTER)), tmp_path)) as exporting:
        page = exporting.collect("active")
        assert all(page.succeeds(source) for source in SOURCES)
        looked_up, *others = [count for count in begun(proxy.requests) if count]
        assert looked_up == 1
        assert others == [len(SOURCES)] * 2
        (lookup,) = [data for data in proxy.requests if b"pg_attribute" in data]
        assert lookup[5:].startswith(b"/* chats_1 active, chats_2 active, ")


async def test_a_read_is_one_piece_and_one_round_trip(
    database: EmbeddedDatabase, proxy: Proxy
) -> None:
    pool = Database(declarations.settings_of(proxy.dsn(database.dsn_for(EXPORTER))))
    try:
        reader = pool.reader("chats")
        await reader.read("SELECT 1")
        proxy.requests.clear()
        results = await reader.read("SELECT 1", "SELECT 2, 3")
        assert [result.rows for result in results] == [[(1,)], [(2, 3)]]
        assert begun(proxy.requests) == [1]
    finally:
        await pool.close()


async def test_more_than_a_message_holds_are_sent_in_several(
    database: EmbeddedDatabase, proxy: Proxy
) -> None:
    pool = Database(declarations.settings_of(proxy.dsn(database.dsn_for(EXPORTER))))

    try:
        await pool.reader("first").value("SELECT 1")
        proxy.requests.clear()
        readers = [pool.reader(str(number)) for number in range(2 * MOST_TOGETHER + 3)]
        values = await asyncio.gather(
            *(reader.value(f"SELECT {number}") for number, reader in enumerate(readers))
        )
        assert values == list(range(2 * MOST_TOGETHER + 3))
        assert sum(begun(proxy.requests)) == len(readers)
        assert sum(data.startswith(b"Q") for data in proxy.requests) == 3
    finally:
        await pool.close()


@pytest.mark.parametrize(
    ("victim", "reason"),
    [
        ({"table": "conversations.gone"}, "schema"),
        ({"where": "user_id::int > 0"}, "data"),
        ({"active": "is_active AND nonsense(session_id)"}, "schema"),
        ({"where": "(SELECT pg_sleep(60)) IS NOT NULL"}, "timeout"),
    ],
    ids=["no table", "bad data", "no function", "for ever"],
)
def test_what_fails_fails_alone_and_the_others_in_the_message_do_not(
    database: EmbeddedDatabase, tmp_path: Path, victim: dict[str, Any], reason: str
) -> None:
    with database.connect() as connection:
        connection.execute(
            f"INSERT INTO {TABLE} (session_id, user_id) VALUES (gen_random_uuid(), 'x')".encode()
        )
    with Exporting(config_of(database.dsn_for(EXPORTER), tmp_path, **victim)) as exporting:
        for _ in range(2):
            page = exporting.collect("active")
            assert all(page.succeeds(source) for source in OTHERS), exporting.log
            assert page.errors(VICTIM) == {reason}
            assert [page.errors(source) for source in OTHERS] == [set()] * len(OTHERS)


def test_a_locked_table_delays_the_others_in_its_message_by_a_moment(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    victim = {
        "table": "coaching.roleplay_sessions",
        "active": "status = 'in_progress'",
        "started_at": "started_at",
        "ended_at": None,
        "duration": None,
        "id": None,
    }
    config = config_of(database.dsn_for(EXPORTER), tmp_path, **victim)
    with Exporting(config) as exporting, database.connect() as connection:
        page = exporting.collect("active")
        assert all(page.succeeds(source) for source in SOURCES)
        with connection.transaction():
            connection.execute("LOCK coaching.roleplay_sessions")
            page = exporting.collect("active")
            assert page.errors(VICTIM) == {"lock"}
            assert [page.errors(source) for source in OTHERS] == [set()] * len(OTHERS)
            assert all(page.succeeds(source) for source in OTHERS)
        page = exporting.collect("active")
        assert all(page.succeeds(source) for source in SOURCES)


def test_a_table_whose_lookup_waits_for_a_lock_does_not_fail_those_looked_up_with_it(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    with database.connect() as connection:
        # To print the expression of a virtual column PostgreSQL locks its table.
        connection.execute("""
            CREATE TABLE public.held (
                session_id bigint PRIMARY KEY, is_active boolean, session_start timestamptz,
                doubled bigint GENERATED ALWAYS AS (session_id * 2) VIRTUAL
            )
        """)
        connection.execute("GRANT SELECT ON public.held TO PUBLIC")
    victim = {"table": "public.held", "ended_at": None, "duration": None}
    config = config_of(database.dsn_for(EXPORTER), tmp_path, **victim)
    with Exporting(config) as exporting, database.connect() as connection:
        with connection.transaction():
            connection.execute("LOCK public.held")
            page = exporting.collect("active")
            assert page.errors(VICTIM) == {"lock"}
            assert all(page.succeeds(source) for source in OTHERS)
            assert [page.errors(source) for source in OTHERS] == [set()] * len(OTHERS)
        page = exporting.collect("active")
        assert all(page.succeeds(source) for source in SOURCES)


def test_each_mistake_in_a_shared_message_is_reported_with_its_own_key(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    mistakes = {
        "chats_1": {"where": "s.nonsense = 1"},
        "chats_2": {"active": "s.is_active AND no_such_function(s.user_id)"},
        "chats_3": {"ended_at": "s.session_end + true"},
        "chats_4": {"duration": "s.duration_seconds * nonsense"},
        "chats_5": {"where": "s.user_id = AND"},  # found before anything is executed
    }
    sources = dict.fromkeys(SOURCES, SOURCE) | {
        name: {**SOURCE, **mistake} for name, mistake in mistakes.items()
    }
    config = write_config(
        tmp_path, {"app": {"dsn": database.dsn_for(EXPORTER), **IMPATIENT}}, sources
    )
    with Exporting(config) as exporting:
        for _ in range(2):
            page = exporting.collect("active")
            for name, mistake in mistakes.items():
                (key,) = mistake
                assert exporting.failure(name).startswith(f"{key}: "), exporting.failure(name)
                assert page.errors(name) == {"schema"}
            assert page.succeeds("chats_6")


def test_a_frozen_process_costs_those_in_its_message_no_collection(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    with (
        Exporting(config_of(database.dsn_for(EXPORTER), tmp_path)) as exporting,
        database.connect() as connection,
    ):
        exporting.collect("active")
        only, *others = processes(connection)
        for other in others:  # on a busy machine, where not all were due in one moment
            connection.execute("SELECT pg_terminate_backend(%s, 10000)", (other,))
        with stopped(only):
            began = time.monotonic()
            page = exporting.collect("active")
            # All of them wait for as long as one message may take, and are then sent again.
            assert time.monotonic() - began < 5
            assert all(page.succeeds(source) for source in SOURCES)
            assert "event=collection_failed" not in exporting.log
        page = exporting.collect("active")
        assert all(page.succeeds(source) for source in SOURCES)


@pytest.mark.slow  # test_server has frozen processes
def test_a_database_whose_only_connection_is_frozen_counts_as_down(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    settings = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT, "max_connections": 1}
    config = write_config(tmp_path, {"app": settings}, dict.fromkeys(SOURCES, SOURCE))
    with Exporting(config) as exporting, database.connect() as connection:
        exporting.collect("active")
        (only,) = processes(connection)
        with stopped(only):
            page = exporting.collect_until(
                lambda page: not any(page.succeeds(source) for source in SOURCES),
                "all places are taken",
                "active",
            )
            assert page.value("session_exporter_database_up") == 0
        page = exporting.collect_until(
            lambda page: all(page.succeeds(source) for source in SOURCES), "all go on", "active"
        )
        assert page.value("session_exporter_database_up") == 1


def test_a_process_that_is_ended_costs_those_in_its_message_nothing(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    """The statement of one of them ends its own process, as one does that makes it crash."""
    with database.connect() as connection:
        connection.execute(
            "CREATE FUNCTION public.crash() RETURNS boolean LANGUAGE sql SECURITY DEFINER"
            " AS 'SELECT pg_terminate_backend(pg_backend_pid())'"
        )
        connection.execute(
            f"INSERT INTO {TABLE} (session_id, user_id) VALUES (gen_random_uuid(), 'x')".encode()
        )
    config = config_of(database.dsn_for(EXPORTER), tmp_path, where="public.crash()")
    with Exporting(config) as exporting:
        page = exporting.collect("active")
        assert all(page.succeeds(source) for source in OTHERS), exporting.log
        assert page.errors(VICTIM) == {"connect"}


def test_a_message_that_vanishes_is_sent_again_by_another_connection(
    database: EmbeddedDatabase, proxy: Proxy, tmp_path: Path
) -> None:
    with Exporting(config_of(proxy.dsn(database.dsn_for(EXPORTER)), tmp_path)) as exporting:
        exporting.collect("active")
        proxy.mode = Mode.SWALLOW_ANSWERS
        running = exporting.begin("active")
        page = exporting.page()
        running.result(60)
        page = exporting.page()
        assert not any(page.succeeds(source) for source in SOURCES)
        proxy.mode = Mode.PASS
        exporting.collect_until(
            lambda page: all(page.succeeds(source) for source in SOURCES), "all go on", "active"
        )


async def test_in_a_shared_message_the_time_of_each_is_its_own(database: EmbeddedDatabase) -> None:
    pool = Database(declarations.settings_of(database.dsn_for(EXPORTER)))
    try:
        await pool.reader("first").value("SELECT 1")
        quick, slow, last = (pool.reader(name) for name in ("quick", "slow", "last"))
        await asyncio.gather(
            quick.value("SELECT 1"),
            slow.value("SELECT pg_sleep(0.1)"),
            last.value("SELECT 1"),
        )
        assert 0.1 <= slow.seconds < 0.25
        assert max(quick.seconds, last.seconds) < slow.seconds / 2
    finally:
        await pool.close()


async def test_statements_that_take_long_together_are_waited_for(
    database: EmbeddedDatabase,
) -> None:
    """Each of them ends within statement_timeout, and the server answers after the last one."""
    pool = Database(declarations.settings_of(database.dsn_for(EXPORTER)))
    try:
        results = await pool.reader(timeout=1.0).read(*["SELECT 1 FROM pg_sleep(0.8)"] * 3)
        assert [result.rows for result in results] == [[(1,)]] * 3
    finally:
        await pool.close()


async def test_now_stands_still_in_a_whole_message(database: EmbeddedDatabase) -> None:
    """So ages are taken from clock_timestamp()."""
    pool = Database(declarations.settings_of(database.dsn_for(EXPORTER)))
    try:
        await pool.reader("first").value("SELECT 1")
        _, stands_still = await asyncio.gather(
            pool.reader("slow").value("SELECT pg_sleep(0.1)"),
            pool.reader("later").value("SELECT now() < clock_timestamp() - interval '0.1 s'"),
        )
        assert stands_still
    finally:
        await pool.close()


def test_a_client_that_dies_between_an_error_and_its_rollback_leaves_no_transaction(
    database: EmbeddedDatabase, bouncer: PgBouncer, tmp_path: Path
) -> None:
    with Proxy(bouncer.port) as proxy, database.connect() as direct:
        proxy.withheld = b"ROLLBACK"
        dsn = bouncer.dsn().replace(f":{bouncer.port}/", f":{proxy.port}/")
        config = write_config(
            tmp_path,
            {"app": {"dsn": dsn, **IMPATIENT, "statement_timeout": "20s"}},
            {"chats": {**SOURCE, "where": "user_id::int > 0"}},
        )
        direct.execute(
            f"INSERT INTO {TABLE} (session_id, user_id) VALUES (gen_random_uuid(), 'x')".encode()
        )

        def states() -> list[str]:
            rows = direct.execute(
                b"SELECT state FROM pg_stat_activity WHERE usename = 'session_exporter'"
            )
            return [state for (state,) in rows]

        with Daemon(config, folder=tmp_path) as daemon:
            wait_for(
                lambda: "idle in transaction (aborted)" in states(),
                "the server waits for a ROLLBACK",
                details=lambda: daemon.log,
            )
            daemon.process.kill()
            daemon.process.wait()
            wait_for(lambda: set(states()) <= {"idle"}, "the transaction is gone")
