"""One database that is frozen, locked, slow or gone changes nothing for the others."""

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER, create_empty
from tests.support.processes.daemons import last_success
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    Page,
    wait_for,
    write_config,
)
from tests.support.servers.frozen_processes import frozen
from tests.support.servers.quick_server import QuickServer

ERRORS = "session_exporter_collection_errors_total"

#: What the client waits for longer than the server's own statement_timeout, in seconds.
GRACE = 1.0


@pytest.fixture
def victim(database: EmbeddedDatabase, fast_folder: Path | None) -> Iterator[EmbeddedDatabase]:
    """A database on a server of its own, to do harm to."""
    with QuickServer(database.server.binaries, parent=fast_folder) as server:
        yield create_empty(server, "victim")


def two_databases(
    healthy: EmbeddedDatabase, victim: EmbeddedDatabase, folder: Path, **settings: Any
) -> Path:
    return write_config(
        folder,
        {
            "healthy": {"dsn": healthy.dsn_for(EXPORTER), **IMPATIENT},
            "victim": {"dsn": victim.dsn_for(EXPORTER), **IMPATIENT, **settings},
        },
        {
            "healthy": {**CONVERSATIONS, "database": "healthy"},
            "victim": {**CONVERSATIONS, "daily": None, "database": "victim"},
        },
    )


def both_succeed(page: Page) -> bool:
    return page.succeeds("healthy") and page.succeeds("victim")


def test_a_frozen_database_delays_neither_another_one_nor_a_scrape(
    database: EmbeddedDatabase, victim: EmbeddedDatabase, tmp_path: Path
) -> None:
    with Daemon(two_databases(database, victim, tmp_path), folder=tmp_path) as daemon:
        daemon.wait_until_ready()
        before = daemon.wait_for_page(both_succeed, "both are collected")
        with frozen(victim.server):
            gaps, answers = list[float](), list[float]()
            seen, at = last_success(before, "healthy"), time.monotonic()
            deadline = at + 60
            page = before
            while page.succeeds("victim") or len(gaps) < 4:
                asked = time.monotonic()
                assert asked < deadline, daemon.log
                page = daemon.scrape()
                answers.append(time.monotonic() - asked)
                for path in ("/", "/-/healthy", "/-/ready"):
                    asked = time.monotonic()
                    assert daemon.get(path).status == 200
                    answers.append(time.monotonic() - asked)
                if (now := last_success(page, "healthy")) > seen:
                    gaps.append(time.monotonic() - at)
                    seen, at = now, time.monotonic()
                time.sleep(0.05)
        # Collected every 250 ms; one round on the frozen one takes two seconds or more. A busy
        # machine makes some wait, and a frozen database would make all.
        assert median(gaps) < 1.9
        assert median(answers) < 1
        assert page.errors("healthy") == set()
        assert page.succeeds("healthy")
        assert page.errors("victim") <= {"connect", "timeout"}
        assert page.values("sessions_active", source="victim") == [0]  # until stale_after
        assert page.value("session_exporter_database_up", database="healthy") == 1


@pytest.mark.slow  # test_stop has a query of a frozen server
def test_hangs_up_on_a_frozen_server_at_the_deadline(
    database: EmbeddedDatabase, victim: EmbeddedDatabase, tmp_path: Path
) -> None:
    with Daemon(two_databases(database, victim, tmp_path), folder=tmp_path) as daemon:
        daemon.wait_for_page(both_succeed, "both are collected")
        with frozen(victim.server):
            began = time.monotonic()
            daemon.wait_for_page(
                lambda page: "timeout" in page.errors("victim"), "it is given up on"
            )
            took = time.monotonic() - began
        # statement_timeout for each statement of a message, and the grace; to cancel a query
        # instead takes ten seconds more.
        assert 1 + GRACE - 0.25 < took < 1 + GRACE + 8
        assert re.search(r"did not answer within \d+ s; the connection was dropped", daemon.log)


@pytest.mark.slow  # test_stop has a query of a frozen server
def test_sigterm_while_a_server_is_frozen_exits_0_in_seconds(
    database: EmbeddedDatabase, victim: EmbeddedDatabase, tmp_path: Path
) -> None:
    config = two_databases(database, victim, tmp_path, statement_timeout="60s")
    with Daemon(config, folder=tmp_path) as daemon:
        before = daemon.wait_for_page(both_succeed, "both are collected")
        with frozen(victim.server):
            # Longer than two intervals without a success: a collection is under way.
            daemon.wait_for_page(
                lambda page: (
                    last_success(page, "healthy") > last_success(before, "healthy") + 1
                    and last_success(page, "victim") < last_success(page, "healthy") - 0.5
                ),
                "a collection hangs",
            )
            assert daemon.stop(seconds=9) == 0
        assert daemon.log.rstrip().endswith("event=stopped")


@pytest.mark.slow
def test_sigterm_while_connecting_to_a_frozen_server_exits_0_in_seconds(
    database: EmbeddedDatabase, victim: EmbeddedDatabase, tmp_path: Path
) -> None:
    config = two_databases(database, victim, tmp_path, connect_timeout="60s")
    with frozen(victim.server), Daemon(config, folder=tmp_path) as daemon:
        daemon.wait_for_page(lambda page: page.succeeds("healthy"), "the other one is collected")
        assert daemon.get("/-/ready").status == 503
        assert daemon.stop(seconds=9) == 0


def test_a_locked_table_is_reported_as_locked_and_the_others_are_collected(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    app = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT, "lock_timeout": "100ms"}
    transcripts: dict[str, Any] = {
        "table": "coaching.transcripts",
        "active": "status = 'processing'",
        "started_at": "created_at",
        "orphaned_after": "10m",
        "every": "250ms",
    }
    sources = {"locked": CONVERSATIONS, "free": transcripts}
    config = write_config(tmp_path, {"app": app}, sources)
    with Daemon(config, folder=tmp_path) as daemon, database.connect() as connection:
        daemon.wait_for_page(
            lambda page: page.succeeds("locked") and page.succeeds("free"), "both are collected"
        )
        with connection.transaction():
            connection.execute("LOCK conversations.conversation_sessions")
            page = daemon.wait_for_page(lambda page: not page.succeeds("locked"), "it is locked")
            assert page.errors("locked") == {"lock"}
            assert page.succeeds("free")
            assert page.values("sessions_active", source="locked") == [0]  # until stale_after
            again = daemon.wait_for_page(
                lambda now: last_success(now, "free") > last_success(page, "free"), "free goes on"
            )
            assert again.errors("free") == set()
        page = daemon.wait_for_page(lambda page: page.succeeds("locked"), "the lock is gone")
        assert page.errors("locked") == {"lock"}
        assert page.value("session_exporter_database_up") == 1


@pytest.mark.slow  # a transaction that the server ends is in this file
def test_a_slow_query_is_ended_by_the_server_and_counted_as_timeout(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO conversations.conversation_sessions (session_id, user_id)"
            " VALUES (gen_random_uuid(), 'slow')"
        )
    app = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT}
    slow = {**CONVERSATIONS, "where": "pg_sleep(20) IS NOT NULL", "daily": None}
    config = write_config(tmp_path, {"app": app}, {"slow": slow, "quick": CONVERSATIONS})
    with Daemon(config, folder=tmp_path) as daemon:
        page = daemon.wait_until_ready()
        assert page.errors("slow") == {"timeout"}
        assert not page.succeeds("slow")
        assert page.succeeds("quick")
        assert page.values("sessions_active", source="slow") == []
        assert page.value("session_exporter_database_up") == 1
        assert "statement timeout" in daemon.get("/").text
        # 5 % of the time at most: after a second in the database, nineteen without it.
        interval = page.value(
            "session_exporter_collection_interval_seconds", source="slow", collector="active"
        )
        assert interval is not None
        assert interval >= 20


def test_a_transaction_that_the_server_ends_is_counted_as_timeout_and_costs_no_other_source(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO conversations.conversation_sessions (session_id, user_id)"
            " VALUES (gen_random_uuid(), 'slow')"
        )
        connection.execute(
            f"ALTER ROLE {EXPORTER} IN DATABASE {database.name} SET transaction_timeout = '600ms'"
        )
    app = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT}
    slow = {**CONVERSATIONS, "where": "pg_sleep(20) IS NOT NULL", "daily": None}
    config = write_config(tmp_path, {"app": app}, {"slow": slow, "quick": CONVERSATIONS})
    with Daemon(config, folder=tmp_path) as daemon:
        page = daemon.wait_until_ready()
        assert page.errors("slow") == {"timeout"}
        assert page.succeeds("quick")
        assert page.value("session_exporter_database_up") == 1
        assert "database app ended the connection at its transaction_timeout" in daemon.log
        assert "database_down" not in daemon.log


def test_a_connection_that_the_server_does_not_keep_idle_is_replaced_unnoticed(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    with database.connect() as connection:
        connection.execute(
            f"ALTER ROLE {EXPORTER} IN DATABASE {database.name} SET idle_session_timeout = '100ms'"
        )
    app = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT}
    config = write_config(tmp_path, {"app": app}, {"quick": {**CONVERSATIONS, "every": "300ms"}})
    with Daemon(config, folder=tmp_path) as daemon:
        first = daemon.wait_until_ready()
        page = daemon.wait_for_page(
            lambda page: last_success(page, "quick") > last_success(first, "quick") + 2,
            "it is collected again and again",
        )
        assert page.errors("quick") == set()
        assert "database_down" not in daemon.log


@pytest.mark.slow  # test_server has restarts, test_daemon a server that is down at first
def test_recovers_from_a_killed_and_restarted_server_without_a_restart(
    database: EmbeddedDatabase, victim: EmbeddedDatabase, tmp_path: Path
) -> None:
    with Daemon(two_databases(database, victim, tmp_path), folder=tmp_path) as daemon:
        daemon.wait_for_page(both_succeed, "both are collected")
        victim.server.kill()
        page = daemon.wait_for_page(
            lambda page: page.errors("victim") and not page.succeeds("victim"), "it is gone"
        )
        assert page.errors("victim") == {"connect"}
        assert page.value("session_exporter_database_up", database="victim") == 0
        assert page.value("session_exporter_database_up", database="healthy") == 1
        assert page.succeeds("healthy")

        victim.server.start()
        page = daemon.wait_for_page(both_succeed, "the restarted one is collected again")
        assert page.value("session_exporter_database_up", database="victim") == 1
        assert page.errors("victim") == {"connect"}
        assert page.errors("healthy") == set()


@pytest.mark.slow  # test_server has a real restart, and connections that are ended at any moment
def test_a_restart_between_two_collections_is_not_even_noticed(
    database: EmbeddedDatabase, victim: EmbeddedDatabase, tmp_path: Path
) -> None:
    """A dead idle connection is replaced within the same collection."""
    with (
        Daemon(two_databases(database, victim, tmp_path), folder=tmp_path) as daemon,
        victim.connect() as connection,
    ):
        before = daemon.wait_for_page(both_succeed, "both are collected")
        terminate = (
            b"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            b" WHERE application_name = 'session-exporter' AND state = 'idle'"
            b" AND query <> ''"  # one that is lost before its first query is not made up for
        )

        def terminated() -> int:
            row = connection.execute(terminate).fetchone()
            assert row is not None
            return int(row[0])

        wait_for(terminated, "an idle connection is ended")
        page = daemon.wait_for_page(
            lambda page: last_success(page, "victim") > last_success(before, "victim") + 1,
            "it is collected again",
        )
        assert page.errors("victim") == set()
        assert "database_down" not in daemon.log
        assert "database_up" not in daemon.log


@pytest.mark.quick("3")
@pytest.mark.parametrize("budget", [1, 3])
def test_never_has_more_connections_than_the_config_allows(
    database: EmbeddedDatabase, tmp_path: Path, budget: int
) -> None:
    app = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT, "max_connections": budget}
    sources = {
        f"source_{number}": {
            **CONVERSATIONS,
            "where": f"pg_sleep(0.0{number}) IS NOT NULL",
        }
        for number in range(1, 9)
    }
    config = write_config(tmp_path, {"app": app}, sources)
    with contextlib.closing(psycopg.connect(database.dsn, autocommit=True)) as connection:
        connection.execute(
            "INSERT INTO conversations.conversation_sessions (session_id, user_id)"
            " VALUES (gen_random_uuid(), 'slow')"
        )

        def connections() -> int:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE application_name = 'session-exporter' AND datname = current_database()"
            ).fetchone()
            assert row is not None
            return int(row[0])

        seen = set()

        def has_seen_all() -> bool:
            seen.add(connections())
            return max(seen) >= budget

        with Daemon(config, folder=tmp_path) as daemon:
            wait_for(has_seen_all, "the budget is used up", every=0.005)
            until = time.monotonic() + 1.5
            while time.monotonic() < until:
                seen.add(connections())
                time.sleep(0.005)
            page = daemon.wait_until_ready()
            assert all(page.succeeds(source) for source in sources)
    assert max(seen) == budget


@pytest.mark.slow  # test_server has frozen processes and logins that hang
def test_a_frozen_server_gets_no_more_connections_than_the_config_allows(
    database: EmbeddedDatabase, victim: EmbeddedDatabase, tmp_path: Path
) -> None:
    """What was hung up on counts until its own statement_timeout has ended it."""
    config = two_databases(database, victim, tmp_path, max_connections=2)
    with Daemon(config, folder=tmp_path) as daemon:
        daemon.wait_for_page(both_succeed, "both are collected")
        with frozen(victim.server):
            daemon.wait_for_page(
                lambda page: (
                    page.value(ERRORS, source="victim", reason="connect")
                    # With both connections hung up on there is no place to try it from.
                    or (page.value(ERRORS, source="victim", reason="timeout") or 0) > 2
                ),
                "it was hung up on, and tried to connect again",
                seconds=60,
            )
        ours = (
            b"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'session-exporter'"
            b" AND state IS NOT NULL"
        )
        with victim.connect() as connection:
            until = time.monotonic() + 1
            while time.monotonic() < until:
                row = connection.execute(ours).fetchone()
                assert row is not None
                assert row[0] <= 2
                time.sleep(0.01)
