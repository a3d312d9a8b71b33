"""Behind PgBouncer in transaction mode, with fewer server connections than there are collections.

PgBouncer is Debian's package. Without it these tests are skipped, and in CI they fail.
"""

import contextlib
import time
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from tests.support.collection.exporter import Exporting
from tests.support.processes.daemons import last_success
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    Page,
    wait_for,
    write_config,
)
from tests.support.servers.pgbouncer import (
    POOL_SIZE,
    Client,
    PgBouncer,
    settings_in_the_pool,
    settings_of,
)

SOURCES: dict[str, dict[str, Any]] = {
    "conversations": CONVERSATIONS,
    "coaching": {
        **CONVERSATIONS,
        "table": "coaching.roleplay_sessions",
        "active": "status = 'in_progress'",
        "started_at": "started_at",
        "ended_at": "ended_at",
        "duration": None,
        "id": "id",
    },
    "training": {
        **CONVERSATIONS,
        "table": "training.roleplay_sessions",
        "active": '"completedAt" IS NULL',
        "started_at": "createdAt",
        "ended_at": "completedAt",
        "duration": "duration",
        "id": "id",
        "timestamps_in": "America/New_York",
    },
}


def config_for(bouncer: PgBouncer, folder: Path, **settings: Any) -> Path:
    pooled = {"dsn": bouncer.dsn(), **IMPATIENT, "max_connections": 4, **settings}
    return write_config(folder, {"pooled": pooled}, SOURCES)


def all_succeed(page: Page) -> bool:
    return all(
        page.succeeds(source, collector=collector)
        for source in SOURCES
        for collector in ("active", "daily", "size")
    )


def oldest_success(page: Page, collector: str) -> float:
    name = "session_exporter_collection_last_success_timestamp_seconds"
    values = page.values(name, collector=collector)
    assert len(values) == len(SOURCES)
    return min(values)


def server_connections(direct: Client) -> list[str]:
    """Their states."""
    rows = direct.execute(
        b"SELECT state FROM pg_stat_activity"
        b" WHERE datname = current_database() AND usename = 'session_exporter'"
    )
    return [row[0] for row in rows]


def test_collects_through_two_server_connections_and_leaves_no_setting_on_them(
    database: EmbeddedDatabase, bouncer: PgBouncer, tmp_path: Path
) -> None:
    with database.connect(EXPORTER) as client:
        usual = settings_of(client)
    assert usual["TimeZone"] == "Asia/Kathmandu"
    assert usual["transaction_read_only"] == "off"
    with (
        Daemon(config_for(bouncer, tmp_path), folder=tmp_path) as daemon,
        database.connect() as direct,
        bouncer.connect() as first,
        bouncer.connect() as second,
    ):
        page = daemon.wait_for_page(all_succeed, "all are collected")
        until = {each: oldest_success(page, each) + 2 for each in ("active", "daily")}
        deadline = time.monotonic() + 60
        while any(oldest_success(page, each) < until[each] for each in until):
            assert time.monotonic() < deadline, daemon.log
            assert settings_in_the_pool(first, second) == [usual, usual]
            assert len(server_connections(direct)) <= POOL_SIZE
            page = daemon.scrape()
        assert all_succeed(page)
        assert [page.errors(source) for source in SOURCES] == [set()] * len(SOURCES)
        assert page.value("session_exporter_database_up") == 1


@pytest.mark.slow  # the one of settings looks at what is left behind, too
def test_a_collection_that_fails_half_way_leaves_nothing_behind_either(
    database: EmbeddedDatabase, bouncer: PgBouncer, tmp_path: Path
) -> None:
    with database.connect(EXPORTER) as client:
        usual = settings_of(client)
    with (
        Daemon(config_for(bouncer, tmp_path), folder=tmp_path) as daemon,
        database.connect() as direct,
        bouncer.connect() as first,
        bouncer.connect() as second,
    ):
        daemon.wait_for_page(all_succeed, "all are collected")
        with direct.transaction():
            direct.execute("LOCK conversations.conversation_sessions")
            page = daemon.wait_for_page(
                lambda page: not page.succeeds("conversations"), "the table is locked"
            )
            assert page.errors("conversations") == {"lock"}
            assert settings_in_the_pool(first, second) == [usual, usual]
        daemon.wait_for_page(all_succeed, "all are collected again")
    idle = lambda: set(server_connections(direct)) <= {"idle"}  # noqa: E731
    with database.connect() as direct:
        wait_for(idle, "nothing is left in a transaction")


def test_gets_well_after_pgbouncer_was_killed_and_started_again(
    bouncer: PgBouncer, tmp_path: Path
) -> None:
    with Daemon(config_for(bouncer, tmp_path), folder=tmp_path) as daemon:
        daemon.wait_for_page(all_succeed, "all are collected")
        bouncer.kill()
        page = daemon.wait_for_page(
            lambda page: page.value("session_exporter_database_up") == 0, "it is gone"
        )
        assert page.errors("conversations") <= {"connect"}
        bouncer.start()
        page = daemon.wait_for_page(all_succeed, "all are collected again", seconds=60)
        assert page.value("session_exporter_database_up") == 1
        assert [page.errors(source) - {"connect"} for source in SOURCES] == [set()] * len(SOURCES)


#: A query of three seconds, with time enough by our own limits.
SLOW: dict[str, Any] = {
    **CONVERSATIONS,
    "where": "(SELECT pg_sleep(3)) IS NOT NULL",
    "daily": None,
}


def with_settings(bouncer: PgBouncer, settings: str) -> None:
    """Start it again with these lines of config."""
    bouncer.kill()
    bouncer.settings = settings
    bouncer.start()


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        ("query_timeout = 1", "query_timeout"),
        ("query_wait_timeout = 1\ndefault_pool_size = 1", "query_wait_timeout"),
    ],
)
def test_a_deadline_of_pgbouncer_is_a_timeout_with_its_name(
    bouncer: PgBouncer, tmp_path: Path, *, settings: str, setting: str
) -> None:
    with_settings(bouncer, settings)
    app = {"dsn": bouncer.dsn(), **IMPATIENT, "statement_timeout": "20s", "max_connections": 2}
    slow = SLOW if setting == "query_timeout" else {**SLOW, "where": None}
    config = write_config(tmp_path, {"pooled": app}, {"slow": slow})
    with contextlib.ExitStack() as stack:
        if slow is not SLOW:  # another client keeps the only server connection
            stack.enter_context(stack.enter_context(bouncer.connect()).transaction())
        exporting = stack.enter_context(Exporting(config))
        page = exporting.collect("active")
        assert page.errors("slow") == {"timeout"}
        assert f"PgBouncer ended the connection at its {setting}" in exporting.failure("slow")
        assert "database_down" not in exporting.log


def test_connections_that_pgbouncer_does_not_keep_are_replaced_unnoticed(
    bouncer: PgBouncer, tmp_path: Path
) -> None:
    with_settings(bouncer, "client_idle_timeout = 1\nserver_lifetime = 1\nserver_idle_timeout = 1")
    app = {"dsn": bouncer.dsn(), **IMPATIENT}
    idle = {**CONVERSATIONS, "every": "2s", "daily": None}
    with Daemon(write_config(tmp_path, {"pooled": app}, {"idle": idle}), folder=tmp_path) as daemon:
        first = daemon.wait_for_page(lambda page: page.succeeds("idle"), "it is collected")
        page = daemon.wait_for_page(
            lambda page: last_success(page, "idle") > last_success(first, "idle") + 5,
            "it is collected again and again",
        )
        assert page.errors("idle") == set()
        assert page.value("session_exporter_database_up") == 1
        assert "database_down" not in daemon.log


def test_a_wrong_password_is_an_authentication_failure(bouncer: PgBouncer, tmp_path: Path) -> None:
    config = config_for(bouncer, tmp_path, dsn=bouncer.dsn("wrong"))
    with Daemon(config, folder=tmp_path) as daemon:
        page = daemon.wait_until_ready()
        assert set().union(*(page.errors(source) for source in SOURCES)) == {"auth"}
