"""Conversations with an owner: a server is killed, and only what it held is closed."""

from pathlib import Path
from typing import Any

import pytest

from exporter.demo.applications.chat_server import CHANNEL
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems import schemas
from exporter.demo.systems.schemas import APP
from tests.support.processes.applications import CHATS, Application
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    Page,
    wait_for,
    write_config,
)
from tests.support.recovery.automatic.trust import trust_all
from tests.support.servers.statements import rows

pytestmark = pytest.mark.slow

OWNERS = {
    "servers": {
        "unique_per_start": True,
        "table": {
            "table": "conversations.servers",
            "id": "server_id",
            "seen_at": "seen_at",
            "within": "1s",
        },
        "grace": "1s",
        "every": "250ms",
    }
}
RECOVERY: dict[str, Any] = {
    "mode": "auto",
    "grace": "1ms",
    "pause": "1ms",
    "notify": CHANNEL,
    "set": {
        "is_active": "false",
        "session_end": "{end}",
        "ended_at": "{end}",
        "duration_seconds": "extract(epoch FROM {end} - s.session_start)",
    },
    "end_at": "now()",
}
ACTIVE = """
    SELECT server_id, count(*) FROM conversations.conversation_sessions
    WHERE is_active GROUP BY server_id
"""
CLOSED = """
    SELECT server_id, m.finalised
    FROM conversations.conversation_sessions JOIN conversations.memories AS m USING (session_id)
    WHERE NOT is_active AND session_end = ended_at AND duration_seconds >= 0
"""


@pytest.fixture
def has_audit() -> bool:
    return True


def chats(database: EmbeddedDatabase, folder: Path, number: int) -> Application:
    words = ("--dsn", database.dsn_for(APP), "--sessions", number, "--every", 0.1)
    return Application(CHATS, *words, folder=folder)


def config_of(database: EmbeddedDatabase, folder: Path, *, mode: str) -> Path:
    script = Path(schemas.__file__).with_name("conversations_owner.sql")
    with database.connect(APP) as connection:
        connection.execute(script.read_bytes())
    source = {
        **CONVERSATIONS,
        "daily": None,
        "owner": {"of": "server_id", "in": "servers"},
        "recovery": RECOVERY | {"mode": mode},
    }
    app = {"dsn": database.dsn, **IMPATIENT}
    path = write_config(folder, {"app": app}, {"chats": source}, owners=OWNERS)
    trust_all(path, dsn=database.dsn)
    return path


def ownerless(page: Page) -> float | None:
    return page.value("sessions_orphaned_by_cause", source="chats", cause="ownerless")


def test_of_a_killed_server_all_18_are_ownerless_and_those_of_the_other_are_not(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    config = config_of(database, tmp_path, mode="disabled")
    with (
        chats(database, tmp_path, 18) as first,
        chats(database, tmp_path, 7) as second,
        Daemon(config, folder=tmp_path) as daemon,
    ):
        names = [each.wait_for_event("started")["server"] for each in (first, second)]
        page = daemon.wait_for_page(
            lambda page: (
                page.value("session_exporter_evidence_up", evidence="servers") == 1
                and page.value("sessions_active", source="chats") == 25
            ),
            "both servers are known",
        )
        assert ownerless(page) == 0
        first.kill()
        page = daemon.wait_for_page(ownerless, "its owner is known to be dead")
        assert ownerless(page) == page.value("sessions_orphaned", source="chats") == 18
        assert page.value("sessions_active", source="chats") == 25
        assert dict(rows(database, ACTIVE)) == dict(zip(names, (18, 7), strict=True))


def test_what_a_killed_server_held_is_closed_and_its_memory_finalised(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    config = config_of(database, tmp_path, mode="auto")
    with (
        chats(database, tmp_path, 18) as first,
        chats(database, tmp_path, 7) as second,
        Daemon(config, folder=tmp_path) as daemon,
    ):
        names = [each.wait_for_event("started")["server"] for each in (first, second)]
        daemon.wait_for_page(
            lambda page: (
                page.value("session_exporter_evidence_up", evidence="servers") == 1
                and page.value("sessions_active", source="chats") == 25
            ),
            "both servers are known",
        )
        first.kill()
        wait_for(
            lambda: dict(rows(database, ACTIVE)) == {names[1]: 7},
            "what it held is closed",
            details=lambda: daemon.log,
        )
        second.wait_for_event("finalised", number=18)
        found = rows(database, CLOSED)
        assert [owner for owner, _ in found] == [names[0]] * 18
        assert all(times >= 1 for _, times in found)
        page = daemon.wait_for_page(
            lambda page: page.value("sessions_active", source="chats") == 7, "the others stay"
        )
        assert page.value("sessions_recovered_total", source="chats", trigger="auto") == 18
