"""A standby is watched like a primary, but what it has not replayed yet is never taken for news."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import PostgresServer, wheel_binaries
from exporter.demo.systems.schemas import APP, EXPORTER, create_empty
from tests.support.collection.exporter import UP, Exporting
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    Page,
    run,
    wait_for,
    write_config,
)
from tests.support.servers.frozen_processes import frozen
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.standby import PRIMARY_SETTINGS, Standby

LAG = "session_exporter_database_replica_lag_seconds"
LAST_SUCCESS = "session_exporter_collection_last_success_timestamp_seconds"
NAME = "watched"


@pytest.fixture(scope="module")
def primary(fast_folder: Path | None) -> Iterator[PostgresServer]:
    """Shared by this file: whoever stops it starts it again."""
    with QuickServer(wheel_binaries(18), settings=PRIMARY_SETTINGS, parent=fast_folder) as server:
        create_empty(server, NAME)
        yield server


@pytest.fixture(scope="module")
def follower(primary: PostgresServer, fast_folder: Path | None) -> Iterator[Standby]:
    with Standby(primary, parent=fast_folder) as server:
        yield server


@pytest.fixture
def standby(follower: Standby) -> Standby:
    """Shared by this file: it goes on to follow."""
    follower.wait_until_it_follows()
    return follower


@pytest.fixture
def own_standby(primary: PostgresServer, fast_folder: Path | None) -> Iterator[Standby]:
    """For a test that starts it again or promotes it."""
    with Standby(primary, parent=fast_folder) as server:
        server.wait_until_it_follows()
        yield server


def start_session(server: PostgresServer) -> None:
    with EmbeddedDatabase(server, NAME).connect(APP) as connection:
        connection.execute(
            "INSERT INTO conversations.conversation_sessions (session_id, user_id)"
            " VALUES (gen_random_uuid(), 'u')"
        )


def sessions(server: PostgresServer) -> int:
    with EmbeddedDatabase(server, NAME).connect() as connection:
        row = connection.execute(
            "SELECT count(*) FROM conversations.conversation_sessions WHERE is_active"
        ).fetchone()
    assert row is not None
    return int(row[0])


def config_for(
    server: PostgresServer, folder: Path, *, max_replica_lag: str = "30s", **keys: Any
) -> Path:
    dsn = EmbeddedDatabase(server, NAME).dsn_for(EXPORTER)
    database = {"dsn": dsn, **IMPATIENT, "max_replica_lag": max_replica_lag}
    source = {**CONVERSATIONS, "daily": None, **keys}
    return write_config(folder, {"replica": database}, {"chats": source})


def collected(page: Page) -> float:
    value = page.value(LAST_SUCCESS, source="chats", collector="active")
    assert value is not None
    return value


def counts(page: Page, expected: int) -> bool:
    return page.succeeds("chats") and page.value("sessions_active") == expected


def lag_of(page: Page) -> float:
    value = page.value(LAG, database="replica")
    assert value is not None
    return value


def test_a_standby_is_collected_and_tells_how_far_behind_it_is(
    primary: PostgresServer, standby: Standby, tmp_path: Path
) -> None:
    with Daemon(config_for(standby, tmp_path), folder=tmp_path) as daemon:
        page = daemon.wait_for_page(lambda page: page.succeeds("chats"), "it is collected")
        assert 0 <= lag_of(page) < 30
        before = sessions(primary)
        start_session(primary)
        page = daemon.wait_for_page(lambda page: counts(page, before + 1), "the row arrives")
        assert page.errors("chats") == set()
        assert page.value("session_exporter_database_up") == 1


def test_a_primary_has_no_lag(primary: PostgresServer, tmp_path: Path) -> None:
    with Daemon(config_for(primary, tmp_path), folder=tmp_path) as daemon:
        page = daemon.wait_for_page(lambda page: page.succeeds("chats"), "it is collected")
        assert page.values(LAG) == []


def test_what_lags_too_far_behind_is_a_failure_whose_old_values_vanish_until_it_catches_up(
    primary: PostgresServer, standby: Standby, tmp_path: Path
) -> None:
    config = config_for(standby, tmp_path, max_replica_lag="1s", stale_after="2s")
    with Daemon(config, folder=tmp_path) as daemon:
        start_session(primary)
        before = sessions(primary)
        daemon.wait_for_page(lambda page: counts(page, before), "it is collected")

        standby.ask("pg_wal_replay_pause()")
        paused = lambda: standby.ask("pg_get_wal_replay_pause_state()") == "paused"  # noqa: E731
        wait_for(paused, "replay is paused", every=0.1)
        start_session(primary)
        page = daemon.wait_for_page(lambda page: not page.succeeds("chats"), "it lags")
        # The new row is not there yet, and the old count may be served for stale_after only.
        assert page.values("sessions_active") in ([before], [])
        page = daemon.wait_for_page(
            lambda page: not page.values("sessions_active"), "old values vanish"
        )
        assert page.errors("chats") == {"lag"}
        assert lag_of(page) > 1
        assert page.value("session_exporter_database_up") == 1
        assert page.values("sessions_active_age_seconds_bucket") == []
        assert "behind its primary, more than max_replica_lag (1 s)" in daemon.log
        grown = lag_of(page)
        daemon.wait_for_page(lambda page: lag_of(page) > grown + 0.5, "the lag grows")

        standby.ask("pg_wal_replay_resume()")
        page = daemon.wait_for_page(lambda page: counts(page, before + 1), "it is well again")
        assert lag_of(page) < 1
        assert page.errors("chats") == {"lag"}


def test_an_idle_primary_is_not_lag(
    primary: PostgresServer, standby: Standby, tmp_path: Path
) -> None:
    """Frozen, it is wholly idle: its background writer would still write a record now and then."""
    idle = (
        "clock_timestamp() - pg_last_xact_replay_timestamp() > interval '2 s'"
        " AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')"
    )
    start_session(primary)
    standby.wait_until_it_follows()
    config = config_for(standby, tmp_path, max_replica_lag="1s")
    with frozen(primary), Daemon(config, folder=tmp_path) as daemon:
        wait_for(
            lambda: standby.ask(idle), "nothing happens for longer than max_replica_lag", every=0.1
        )
        first = daemon.wait_for_page(lambda page: page.succeeds("chats"), "it is collected")
        page = daemon.wait_for_page(
            lambda page: collected(page) > collected(first) + 2, "it is collected for two seconds"
        )
        assert lag_of(page) == 0
        assert page.errors("chats") == set()


@pytest.mark.slow  # an idle primary is judged by the same rule
def test_a_long_transaction_after_a_quiet_spell_is_not_lag(
    primary: PostgresServer, standby: Standby, tmp_path: Path
) -> None:
    """It writes all the time, so that something is always received and not replayed yet."""
    start_session(primary)
    standby.wait_until_it_follows()
    config = config_for(standby, tmp_path, max_replica_lag="1s")
    behind = "pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()"
    old = "clock_timestamp() - pg_last_xact_replay_timestamp() > interval '1 s'"
    with EmbeddedDatabase(primary, NAME).connect() as connection, connection.transaction():
        connection.execute("CREATE TABLE IF NOT EXISTS public.written (n) AS SELECT 1")
        wait_for(lambda: standby.ask(old), "the last commit is old", every=0.1)
        with Daemon(config, folder=tmp_path) as daemon:
            first = daemon.wait_for_page(lambda page: page.succeeds("chats"), "it is collected")
            seen_behind, until = 0, time.monotonic() + 1

            def has_seen_it_all() -> bool:
                nonlocal seen_behind
                connection.execute(
                    "INSERT INTO public.written SELECT n FROM generate_series(1, 20000) AS n"
                )
                seen_behind += bool(standby.ask(f"{behind} AND {old}"))
                is_over = time.monotonic() > until and seen_behind > 3
                return is_over and collected(daemon.scrape()) > collected(first) + 1

            wait_for(has_seen_it_all, "it looks like lag now and then", seconds=60)
            page = daemon.scrape()
            assert page.errors("chats") == set()
            assert lag_of(page) <= 1


@pytest.mark.slow  # one that has replayed nothing is judged by the same rule
def test_a_standby_that_receives_nothing_does_not_claim_to_be_up_to_date(
    primary: PostgresServer, standby: Standby, tmp_path: Path
) -> None:
    start_session(primary)
    standby.wait_until_it_follows()
    config = config_for(standby, tmp_path, max_replica_lag="1s", stale_after="2s")
    with Daemon(config, folder=tmp_path) as daemon:
        daemon.wait_for_page(lambda page: page.succeeds("chats"), "it is collected")
        primary.kill()
        try:
            gone = "NOT EXISTS (SELECT FROM pg_stat_wal_receiver)"
            wait_for(lambda: standby.ask(gone), "the receiver ends", every=0.1)
            page = daemon.wait_for_page(lambda page: not page.succeeds("chats"), "it lags")
            assert page.errors("chats") == {"lag"}
            assert lag_of(page) > 1
            page = daemon.wait_for_page(
                lambda page: not page.values("sessions_active"), "old values vanish"
            )
            assert lag_of(page) > 1
            assert page.value("session_exporter_database_up") == 1
        finally:
            primary.start()
        page = daemon.wait_for_page(lambda page: page.succeeds("chats"), "it is well again")
        assert page.errors("chats") == {"lag"}


def test_a_standby_of_which_nobody_knows_how_old_it_is_is_not_served(
    primary: PostgresServer, own_standby: Standby, tmp_path: Path
) -> None:
    """Started again without its primary, it replays no transaction that would tell."""
    for server in (primary, own_standby):
        with EmbeddedDatabase(server, "postgres").connect() as connection:
            connection.execute("CHECKPOINT")  # from where the restarted standby begins
        own_standby.wait_until_it_follows()
    primary.kill()
    try:
        own_standby.kill()
        own_standby.start()
        assert own_standby.ask("pg_last_xact_replay_timestamp() IS NULL")
        with Daemon(config_for(own_standby, tmp_path), folder=tmp_path) as daemon:
            page = daemon.wait_until_ready()
            assert page.errors("chats") == {"lag"}
            assert page.values(LAG) == []
            assert page.values("sessions_active") == []
            assert page.value("session_exporter_database_up") == 1
            assert "its lag is unknown" in daemon.log
    finally:
        primary.start()


def test_a_standby_that_has_replayed_nothing_since_its_start_is_not_served(
    primary: PostgresServer, own_standby: Standby, tmp_path: Path
) -> None:
    """It receives, but may not replay yet: how old its data is, is unknown."""
    for server in (primary, own_standby):
        with EmbeddedDatabase(server, "postgres").connect() as connection:
            connection.execute("CHECKPOINT")
        own_standby.wait_until_it_follows()
    with EmbeddedDatabase(own_standby, "postgres").connect() as connection:
        connection.execute("ALTER SYSTEM SET recovery_min_apply_delay = '10min'")
    own_standby.kill()
    own_standby.start()
    start_session(primary)
    behind = (
        "pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()"
        " AND pg_last_xact_replay_timestamp() IS NULL"
    )
    wait_for(lambda: own_standby.ask(behind), "it has received and not replayed", every=0.1)
    with Daemon(config_for(own_standby, tmp_path), folder=tmp_path) as daemon:
        page = daemon.wait_until_ready()
        assert page.errors("chats") == {"lag"}
        assert page.values("sessions_active") == []
        assert page.values(LAG) == []


def test_after_a_promotion_there_is_no_lag_any_more_and_collections_go_on(
    own_standby: Standby, tmp_path: Path
) -> None:
    with Daemon(config_for(own_standby, tmp_path), folder=tmp_path) as daemon:
        page = daemon.wait_for_page(lambda page: page.succeeds("chats"), "it is collected")
        assert page.values(LAG) != []
        assert own_standby.ask("pg_promote()")
        daemon.wait_for_page(
            lambda page: page.succeeds("chats") and not page.values(LAG), "it is no standby"
        )
        before = sessions(own_standby)
        start_session(own_standby)
        page = daemon.wait_for_page(lambda page: counts(page, before + 1), "it goes on")
        # For the moment of the promotion it is a standby that receives nothing any more.
        assert page.errors("chats") <= {"lag"}
        assert page.values(LAG) == []


def test_of_two_hosts_the_one_that_can_write_is_taken_also_after_a_failover(
    primary: PostgresServer, own_standby: Standby, tmp_path: Path
) -> None:
    """The standby comes first, and lives: it is not the one, until it is promoted."""
    before = sessions(primary)
    secret = f"user={EXPORTER} password={primary.passwords[EXPORTER]}"
    where = f"host=127.0.0.1,127.0.0.1 port={own_standby.port},{primary.port} dbname={NAME}"
    dsn = f"{where} target_session_attrs=read-write {secret}"
    database = {"dsn": dsn, **IMPATIENT}
    config = write_config(tmp_path, {"app": database}, {"chats": {**CONVERSATIONS, "daily": None}})
    try:
        with Exporting(config) as exporting:
            page = exporting.collect("active")
            assert counts(page, before)
            assert page.values(LAG) == []
            primary.kill()
            page = exporting.collect("active")
            assert not page.succeeds("chats")
            assert page.errors("chats") == {"connect"}
            assert page.value(UP) == 0
            failure = exporting.failure("chats")
            assert "session is read-only" in failure or "not accept" in failure
            assert primary.passwords[EXPORTER] not in exporting.log
            assert own_standby.ask("pg_promote()")
            start_session(own_standby)
            page = exporting.collect_until(
                lambda page: counts(page, before + 1), "the new primary is collected", "active"
            )
            assert page.errors("chats") == {"connect"}
            assert page.value(UP) == 1
            assert page.values(LAG) == []
            assert exporting.log.count("event=database_down") == 1
            assert exporting.log.count("event=database_up") == 1
    finally:
        primary.start()


def test_check_live_tells_a_standby_from_a_primary(
    primary: PostgresServer, standby: Standby, tmp_path: Path
) -> None:
    said = {}
    for server in (primary, standby):
        done = run("check", "--live", "-c", config_for(server, tmp_path), folder=tmp_path)
        said[server] = done.stdout
    assert "it is a primary" in said[primary]
    assert re.search(r"it is a standby, \d+\.\d s behind its primary: it can", said[standby])
    assert "standby" not in said[primary]
