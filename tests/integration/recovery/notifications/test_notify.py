"""`recovery.notify`: whoever listens hears of each recovered session, if it was recovered."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import wheel_binaries
from exporter.errors import ConfigError
from exporter.recovery.audit.installation import audit_script
from tests.support.recovery.webhooks import orphan, prepare, recover, visits
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.statements import execute
from tests.support.servers.versions import SETTINGS

Connection = psycopg.Connection[tuple[Any, ...]]
CHANNEL = "Recovered"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return visits(tmp_path, f"notify: {CHANNEL}")


def heard(listener: Connection) -> list[dict[str, Any]]:
    """What has arrived by now: it comes with the listener's next statement at the latest."""
    listener.execute("SELECT 1")
    return [json.loads(each.payload) for each in listener.notifies(timeout=0)]


def listening(database: EmbeddedDatabase) -> Connection:
    connection = database.connect()
    connection.execute(f'LISTEN "{CHANNEL}"')
    return connection


def fill_queue(connection: Connection) -> None:
    """NOTIFY until PostgreSQL refuses."""
    for n in range(100):
        connection.execute("SELECT pg_notify('other', repeat('x', 7900) || %s)", [n])


async def test_whoever_listens_hears_of_each_session_once(
    any_database: EmbeddedDatabase, source: Source
) -> None:
    prepare(any_database, "one", "two", "three")
    with listening(any_database) as listener:
        outcome = await recover(any_database, source, batch=2)
        found = heard(listener)
        rows = listener.execute(
            "SELECT session[1], number FROM session_exporter.recovery ORDER BY number"
        )
        assert {each["session"] for each in found} == {"one", "two", "three"}
        assert [(each["session"], each["number"]) for each in found] == rows.fetchall()
        assert {(each["run"], each["source"]) for each in found} == {(str(outcome.run), "visits")}
        await recover(any_database, source)
        assert heard(listener) == []


async def test_nobody_hears_of_a_recovery_that_was_taken_back(
    database: EmbeddedDatabase, source: Source
) -> None:
    prepare(database, "good", "bad")
    with database.connect() as connection, listening(database) as listener:
        connection.execute("""\
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.id = 'bad' THEN RAISE 'not this one' USING ERRCODE = '23514'; END IF;
                RETURN NULL;
            END $$;
            CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON visits
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
        """)
        # It fails at COMMIT, after NOTIFY: with both in one transaction, and then with each alone.
        outcome = await recover(database, source)
        assert list(outcome.refused) == ["bad"]
        assert [each["session"] for each in heard(listener)] == ["good"]


async def test_nobody_is_told_unless_a_channel_is_declared(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(database, "one")
    with listening(database) as listener:
        assert len((await recover(database, visits(tmp_path))).recovered) == 1
        assert heard(listener) == []


@pytest.mark.quick("session0", "session3")
@pytest.mark.parametrize(
    "session", ["x" * 20_000, "x" * 7900, "\x01" * 2000, "é" * 4000, '"' * 5000]
)
async def test_an_id_that_does_not_fit_is_looked_up_by_its_number(
    any_database: EmbeddedDatabase, source: Source, session: str
) -> None:
    prepare(any_database, session)
    with listening(any_database) as listener:
        assert len((await recover(any_database, source)).recovered) == 1
        (found,) = heard(listener)
        assert found["session"] is None
        row = listener.execute(
            "SELECT session[1] FROM session_exporter.recovery WHERE number = %s",
            [found["number"]],
        ).fetchone()
        assert row == (session,)


@pytest.mark.parametrize("session", ["x" * 6990, "é\\\"'\n{}%s"])
async def test_an_id_that_fits_arrives_as_it_is(
    database: EmbeddedDatabase, source: Source, session: str
) -> None:
    prepare(database, session)
    with listening(database) as listener:
        await recover(database, source)
        assert [each["session"] for each in heard(listener)] == [session]


async def test_a_listener_that_reads_nothing_any_more_does_not_stop_recovery(
    tmp_path: Path, fast_folder: Path | None, source: Source
) -> None:
    settings = {**SETTINGS, "max_notify_queue_pages": "64"}  # the least, instead of 8 GB
    with QuickServer(wheel_binaries(18), settings=settings, parent=fast_folder) as server:
        database = EmbeddedDatabase(server, "postgres")
        execute(database, audit_script())
        prepare(database, "one")
        with listening(database) as stuck, database.connect() as filling:
            stuck.execute("BEGIN")
            with pytest.raises(psycopg.Error, match="queue"):
                fill_queue(filling)
            assert len((await recover(database, source)).recovered) == 1
            stuck.execute("COMMIT")
            assert heard(stuck) == []
            orphan(database, "two")
            await recover(database, source)
            assert [each["session"] for each in heard(stuck)] == ["two"]


def test_a_channel_name_that_postgresql_would_refuse_is_a_mistake_in_the_config(
    tmp_path: Path,
) -> None:
    visits(tmp_path, f"notify: {'x' * 63}")
    with pytest.raises(ConfigError, match=r"recovery\.notify: expected the name of a channel"):
        visits(tmp_path, f"notify: {'x' * 64}")
