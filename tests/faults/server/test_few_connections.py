"""A server that gives the role, or the database, fewer connections than the config allows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import PostgresServer, wheel_binaries
from exporter.demo.systems.schemas import EXPORTER, create_empty
from exporter.postgres.connections import shared_limit
from exporter.recovery.audit.installation import audit_script
from tests.support.collection.exporter import ERRORS, UP, Exporting
from tests.support.processes.session_exporter import write_config
from tests.support.servers.fresh_databases import drop_database
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.statements import execute, rows

FAILED = "sessions_recovery_failed_total"
#: When recovery has written last what it has seen.
LAST_RUN = "SELECT max(until) FROM session_exporter.observation"

SOURCE: dict[str, Any] = {
    "table": "public.chat",
    "active": "is_open",
    "started_at": "started",
    "last_seen_at": "seen",
    "id": "id",
    "orphaned_after": "1h",
    "recovery": {"mode": "auto", "set": {"is_open": False}},
}


@pytest.fixture(scope="module")
def own_server(fast_folder: Path | None) -> Iterator[PostgresServer]:
    settings = {"max_connections": "20", "autovacuum": "off"}
    with QuickServer(wheel_binaries(18), settings=settings, parent=fast_folder) as server:
        yield server


@pytest.fixture
def chats(own_server: PostgresServer) -> Iterator[EmbeddedDatabase]:
    """Sessions that the role of collection may close too, over one connection."""
    database = create_empty(own_server, "few_connections")
    execute(
        database,
        audit_script(),
        "CREATE TABLE public.chat (id int PRIMARY KEY, is_open bool NOT NULL,"
        " started timestamptz NOT NULL, seen timestamptz)",
        "INSERT INTO public.chat SELECT n, true, now() - interval '1 day', now()"
        " FROM generate_series(1, 10) AS n",
        f"GRANT USAGE ON SCHEMA session_exporter TO {EXPORTER}",
        f"GRANT ALL ON ALL TABLES IN SCHEMA session_exporter, public TO {EXPORTER}",
        f"GRANT ALL ON ALL FUNCTIONS IN SCHEMA session_exporter TO {EXPORTER}",
        f"ALTER ROLE {EXPORTER} CONNECTION LIMIT 1",
    )
    yield database
    execute(database, f"ALTER ROLE {EXPORTER} CONNECTION LIMIT -1")
    drop_database(database)


def config_of(database: EmbeddedDatabase, folder: Path, sources: int) -> Path:
    dsn = database.dsn_for(EXPORTER)
    # The same connection string for both, as written where one role does everything.
    source = SOURCE | {"recovery": {**SOURCE["recovery"], "dsn": dsn}}
    return write_config(
        folder, {"app": {"dsn": dsn}}, {f"chats_{n}": source for n in range(sources)}
    )


@pytest.mark.quick("1")
@pytest.mark.parametrize("sources", [1, 3])
def test_collection_and_recovery_take_turns_where_the_role_has_one_connection(
    chats: EmbeddedDatabase, tmp_path: Path, sources: int
) -> None:
    with Exporting(config_of(chats, tmp_path, sources)) as exporting:
        written = []
        for _ in range(4):
            page = exporting.run()
            assert sum(page.values(ERRORS)) + sum(page.values(FAILED)) == 0, exporting.log
            assert page.value(UP) == 1
            written += rows(chats, LAST_RUN)
        assert None not in {at for (at,) in written}, exporting.log
        assert exporting.log.count("event=connections_limited") == 1
        assert "database_down" not in exporting.log


def test_a_connection_that_is_idle_is_given_to_recovery_at_once(
    chats: EmbeddedDatabase, tmp_path: Path
) -> None:
    with Exporting(config_of(chats, tmp_path, 1)) as exporting:
        exporting.collect()  # keeps its connection
        page = exporting.run()
        assert sum(page.values(FAILED)) == 0, exporting.log
        assert rows(chats, LAST_RUN) != [(None,)]


def test_connections_are_kept_again_when_the_server_gives_them(
    chats: EmbeddedDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_limit, "RECHECK_AFTER", 0.1)
    with Exporting(config_of(chats, tmp_path, 1)) as exporting:
        exporting.run()
        execute(chats, f"ALTER ROLE {EXPORTER} CONNECTION LIMIT -1")
        for _ in range(20):
            exporting.run()
            if "connections_not_limited" in exporting.log:
                break
        exporting.run()
        used = f"SELECT count(*) > 1 FROM pg_stat_activity WHERE usename = '{EXPORTER}'"
        assert rows(chats, used) == [(True,)], exporting.log
