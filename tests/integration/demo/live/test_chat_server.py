"""Chat servers that own their conversations: they report, stop, die and hear of closed ones."""

import json
from pathlib import Path

import psycopg
import pytest

from exporter.demo.applications.chat_server import CHANNEL
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems import schemas
from exporter.demo.systems.schemas import APP
from tests.support.processes.applications import CHATS, Application
from tests.support.processes.session_exporter import wait_for
from tests.support.servers.statements import rows

pytestmark = pytest.mark.slow

ACTIVE = """
    SELECT server_id, count(*) FROM conversations.conversation_sessions
    WHERE is_active GROUP BY server_id
"""
NEWLY_SEEN = "SELECT max(seen_at) FROM conversations.servers WHERE server_id = %s"


@pytest.fixture
def owned(database: EmbeddedDatabase) -> EmbeddedDatabase:
    script = Path(schemas.__file__).with_name("conversations_owner.sql")
    with database.connect(APP) as connection:
        connection.execute(script.read_bytes())
    return database


def chats(database: EmbeddedDatabase, folder: Path, number: int) -> Application:
    words = ("--dsn", database.dsn_for(APP), "--sessions", number, "--every", 0.1)
    return Application(CHATS, *words, folder=folder)


def finalised(database: EmbeddedDatabase) -> dict[str, int]:
    return dict(rows(database, "SELECT session_id::text, finalised FROM conversations.memories"))


def test_a_killed_server_leaves_its_sessions_and_one_that_is_stopped_none(
    owned: EmbeddedDatabase, tmp_path: Path
) -> None:
    with chats(owned, tmp_path, 18) as first, chats(owned, tmp_path, 7) as second:
        names = [each.wait_for_event("started")["server"] for each in (first, second)]
        assert dict(rows(owned, ACTIVE)) == dict(zip(names, (18, 7), strict=True))
        first.kill()
    assert dict(rows(owned, ACTIVE)) == {names[0]: 18}
    assert rows(owned, "SELECT server_id FROM conversations.servers") == [(names[0],)]
    assert sorted(finalised(owned).values()) == [0] * 18 + [1] * 7


def test_a_server_reports_as_long_as_it_lives(owned: EmbeddedDatabase, tmp_path: Path) -> None:
    with chats(owned, tmp_path, 0) as server, owned.connect() as connection:
        name = server.wait_for_event("started")["server"]

        def seen() -> object:
            return connection.execute(NEWLY_SEEN, (name,)).fetchall()

        for _ in range(3):
            before = seen()
            wait_for(lambda before=before: seen() != before, "it reports")  # type: ignore[misc]


def test_a_server_finalises_what_it_hears_of_and_what_ended_while_nobody_listened(
    owned: EmbeddedDatabase, tmp_path: Path
) -> None:
    with chats(owned, tmp_path, 3) as first:
        first.wait_for_event("started")
        first.kill()
    missed, heard, alive = finalised(owned)
    with owned.connect(APP) as connection:
        end(connection, missed)
        with chats(owned, tmp_path, 0) as second:
            second.wait_for_event("started")
            wait_for(lambda: finalised(owned)[missed] == 1, "the missed one is finalised")
            end(connection, heard)
            for each in (1, 2):
                payload = json.dumps({"source": "chats", "session": heard})
                connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, payload))
                second.wait_for_event("finalised", number=each)
    assert finalised(owned) == {missed: 1, heard: 2, alive: 0}


def end(connection: psycopg.Connection[tuple[object, ...]], session: str) -> None:
    connection.execute(
        "UPDATE conversations.conversation_sessions SET is_active = false WHERE session_id = %s",
        (session,),
    )
