import json
from pathlib import Path

import psycopg
import pytest

from exporter.demo import setup
from exporter.demo.roles import RECOVERY
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import PostgresServer, wheel_binaries
from exporter.demo.systems.schemas import APP, EXPORTER, SYSTEMS, WATCHED, create_empty
from tests.support.servers.fresh_databases import drop_database
from tests.support.servers.quick_server import QuickServer


@pytest.mark.parametrize("table", WATCHED, ids=".".join)
def test_the_exporters_role_reads_what_is_watched(
    database: EmbeddedDatabase, table: tuple[str, str]
) -> None:
    with database.connect(EXPORTER) as connection:
        query = psycopg.sql.SQL("SELECT * FROM {}").format(psycopg.sql.Identifier(*table))
        assert connection.execute(query).fetchall() == []


@pytest.mark.quick("UPDATE conv", "coaching.profiles", "public.mine", "ROLE another")
@pytest.mark.parametrize(
    "statement",
    [
        b"SELECT * FROM coaching.profiles",
        b"UPDATE conversations.conversation_sessions SET is_active = false",
        b"DELETE FROM training.roleplay_sessions",
        b"INSERT INTO coaching.transcripts (id, status) VALUES (gen_random_uuid(), 'done')",
        b"SELECT * FROM coaching.roleplay_sessions FOR UPDATE",
        b"CREATE TABLE conversations.mine (id int)",
        b"CREATE TABLE public.mine (id int)",
        b"CREATE ROLE another",
    ],
)
def test_the_exporters_role_can_do_nothing_else(
    any_database: EmbeddedDatabase, statement: bytes
) -> None:
    with (
        any_database.connect(EXPORTER) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_only_the_two_roles_get_into_the_demos_database(server: PostgresServer) -> None:
    database = create_empty(server, "closed_to_others")
    try:
        with database.connect() as connection:
            connection.execute("CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(server.dsn(database.name, "stranger", "stranger"))
        for role in (APP, EXPORTER):
            database.connect(role).close()
    finally:
        with database.connect() as connection:
            connection.execute("DROP ROLE IF EXISTS stranger")
        drop_database(database)


def test_the_applications_own_their_tables_and_are_no_superuser(
    any_database: EmbeddedDatabase,
) -> None:
    with any_database.connect() as connection:
        owners = connection.execute(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = ANY(%s)", (list(SYSTEMS),)
        ).fetchall()
        rights = connection.execute(
            "SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = ANY(%s)",
            ([APP, EXPORTER],),
        ).fetchall()
    assert owners == [(APP,)]
    assert rights == [(False, False)] * 2


def test_the_demo_is_set_up_in_one_call(server: PostgresServer) -> None:
    demo = setup.create(server, "demo_in_one_call")
    try:
        with psycopg.connect(demo.exporter_dsn) as connection:
            who, count = connection.execute(
                "SELECT current_user, (SELECT count(*) FROM training.roleplay_sessions) > 0"
            ).fetchall()[0]
        assert (who, count) == (EXPORTER, True)
        with psycopg.connect(demo.recovery_dsn, autocommit=True) as connection:
            assert connection.execute("SELECT current_user").fetchall() == [(RECOVERY,)]
            connection.execute("UPDATE coaching.transcripts SET status = status")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("UPDATE coaching.transcripts SET content = NULL")
        with (
            psycopg.connect(demo.exporter_dsn) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("UPDATE coaching.transcripts SET status = 'failed'")
        with psycopg.connect(demo.app_dsn) as connection:
            assert connection.execute("SELECT current_user").fetchall() == [(APP,)]
    finally:
        drop_database(EmbeddedDatabase(server, demo.name))


READS = {
    "conversations": b"""
        SELECT session_start, session_end, ended_at, session_id
        FROM conversations.conversation_sessions WHERE is_active
    """,
    "coaching": b"""
        SELECT started_at, ended_at, id
        FROM coaching.roleplay_sessions WHERE status = 'in_progress'
    """,
    "transcripts": b"""
        SELECT created_at, updated_at, id FROM coaching.transcripts WHERE status = 'processing'
    """,
    "training": b"""
        SELECT "createdAt", messages
        FROM training.roleplay_sessions WHERE "completedAt" IS NULL
    """,
}


@pytest.mark.parametrize("source", READS)
def test_active_rows_are_read_through_their_index(
    any_database: EmbeddedDatabase, source: str
) -> None:
    with any_database.connect() as connection:
        connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        (plans,) = connection.execute(b"EXPLAIN (FORMAT JSON) " + READS[source]).fetchall()[0]
    plan = plans[0]["Plan"]
    assert plan["Node Type"] == "Index Scan", json.dumps(plan, indent=2)
    assert "Filter" not in plan


@pytest.mark.slow  # test_demo starts one from nothing
def test_a_server_that_was_stopped_can_be_set_up_again(fast_folder: Path | None) -> None:
    own = QuickServer(wheel_binaries(), parent=fast_folder)
    for _ in range(2):
        with own:
            psycopg.connect(setup.create(own).exporter_dsn).close()
