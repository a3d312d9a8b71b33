"""The history that triggers keep, and what is found on the server besides it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.recovery.chats import ACTS, Chats
from tests.support.recovery.worlds.stress.history import TRIGGERS, UNLIKE, values_of
from tests.support.recovery.worlds.stress.leftovers import has_locked_chats, open_transactions

FORGED = """
INSERT INTO session_exporter.recovery
    (run, source, relation, session, trigger, evidence, before, after, row_version)
VALUES (gen_random_uuid(), 'chats', 'public.chats', '{1}', 'manual', '{}', '{}', '{}', '0')
"""


@pytest.fixture
def chats(database: EmbeddedDatabase, tmp_path: Path) -> Iterator[Chats]:
    own = Chats(database, tmp_path)
    own.do(TRIGGERS)
    own.add(1)
    yield own
    own.close()


def test_each_change_is_written_once(chats: Chats) -> None:
    for name in ("shows life", "sends a message", "is present", "is deleted"):
        chats.do(ACTS[name])
    chats.do(FORGED)
    chats.do("UPDATE session_exporter.recovery SET notified_at = now()")
    chats.do("UPDATE session_exporter.recovery SET undone_at = now()")
    kinds = values_of(chats.database, "SELECT kind FROM public.history ORDER BY number")
    assert kinds == ["row", "row", "message", "presence", "row", "closed", "undone"]


def test_an_audit_row_that_is_gone_is_found(chats: Chats) -> None:
    chats.do(FORGED)
    assert values_of(chats.database, UNLIKE) == []
    chats.do("DELETE FROM session_exporter.recovery")
    assert values_of(chats.database, UNLIKE) == [1]


def test_a_lock_that_is_left_is_found(chats: Chats) -> None:
    assert not has_locked_chats(chats.database)
    with chats.application() as application, application.connection.transaction():
        application.do("SELECT FROM public.chats FOR UPDATE")
        assert has_locked_chats(chats.database)
        assert any("idle in transaction" in each for each in open_transactions(chats.database))
    assert open_transactions(chats.database) == []
