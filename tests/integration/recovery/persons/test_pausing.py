"""A pause is a row in the database: every exporter sees it at once, and it outlives them all."""

from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.errors import AuditUnusable, PermissionDenied
from exporter.recovery.audit.control import find_pause, pause, resume
from exporter.recovery.audit.interventions import list_interventions
from tests.support.recovery.planned_stops import prepare, run, stopping
from tests.support.servers.statements import rows

KEPT = "SELECT source, paused_by::text, reason FROM session_exporter.pause"


async def test_a_pause_is_seen_over_any_connection_until_it_is_resumed(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(any_database)
    async with stopping(any_database, tmp_path) as one, stopping(any_database, tmp_path) as other:
        assert await find_pause(other.reader, "chat") is None
        assert await pause(one.reader, one.writer, "chat", reason="a deploy")
        assert await find_pause(other.reader, "chat") is not None
        found = await find_pause(other.reader, "chat")
        assert found is not None
        assert (found.role, found.reason) == ("postgres", "a deploy")
        just_now = f"SELECT abs(extract(epoch FROM now()) - {found.at}) < 30"
        assert rows(any_database, just_now) == [(True,)]
        assert await resume(other.writer, "chat", found) == found
        assert await find_pause(one.reader, "chat") is None


async def test_pausing_and_resuming_twice_changes_nothing(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(any_database)
    async with stopping(any_database, tmp_path) as it:
        assert await pause(it.reader, it.writer, "chat", reason=None)
        first = await find_pause(it.reader, "chat")
        assert not await pause(it.reader, it.writer, "chat", reason="another")
        assert first is not None
        assert await find_pause(it.reader, "chat") == first
        assert await resume(it.writer, "chat", first) == first
        assert await resume(it.writer, "chat", first) is None


async def test_what_ends_is_the_pause_that_was_seen_and_no_later_one(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(any_database)
    async with stopping(any_database, tmp_path) as it:
        await pause(it.reader, it.writer, "chat", reason="a deploy")
        seen = await find_pause(it.reader, "chat")
        assert seen is not None
        await resume(it.writer, "chat", seen)
        await pause(it.reader, it.writer, "chat", reason="another one")
        assert await resume(it.writer, "chat", seen) is None
        later = await find_pause(it.reader, "chat")
    assert later is not None
    assert later.reason == "another one"


async def test_a_pause_is_about_one_source_whatever_its_name_and_reason_hold(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(database)
    name, reason = "it's", "100 % {sure} \\ 'quoted' -- ☎\n;"
    async with stopping(database, tmp_path) as it:
        await pause(it.reader, it.writer, name, reason=reason)
        assert await find_pause(it.reader, "chat") is None
        assert await find_pause(it.reader, name) is not None
    assert rows(database, KEPT) == [(name, "postgres", reason)]


async def test_without_the_audit_nothing_is_paused_and_nothing_can_be(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(database, "DROP SCHEMA session_exporter CASCADE")
    async with stopping(database, tmp_path) as it:
        assert await find_pause(it.reader, "chat") is None
        with pytest.raises(AuditUnusable, match="sql audit"):
            await pause(it.reader, it.writer, "chat", reason=None)


async def test_a_role_that_may_not_look_is_told_and_never_that_nothing_is_paused(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(database, f"GRANT USAGE ON SCHEMA session_exporter TO {EXPORTER}")
    run(database, f"GRANT SELECT ON chat TO {EXPORTER}")
    async with stopping(database, tmp_path, role=EXPORTER) as it:
        with pytest.raises(PermissionDenied):
            await find_pause(it.reader, "chat")


async def test_a_role_with_the_least_rights_can_pause_and_resume(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(
        any_database,
        f"GRANT USAGE ON SCHEMA session_exporter TO {EXPORTER}",
        f"GRANT SELECT ON chat TO {EXPORTER}",
        f"GRANT SELECT, INSERT, UPDATE ON session_exporter.pause TO {EXPORTER}",
        f"GRANT SELECT ON session_exporter.stop TO {EXPORTER}",  # to list its ends too
    )
    async with stopping(any_database, tmp_path, role=EXPORTER) as it:
        assert await pause(it.reader, it.writer, "chat", reason=None)
        assert not await pause(it.reader, it.writer, "chat", reason=None)
        found = await find_pause(it.reader, "chat")
        assert found is not None
        assert await resume(it.writer, "chat", found, reason="it is over") == found
        assert await pause(it.reader, it.writer, "chat", reason=None)  # another one
        acts = await list_interventions(it.reader, "chat")
    assert found.role == EXPORTER
    assert [(each.kind, each.reason) for each in acts] == [
        ("pause", None),
        ("resume", "it is over"),
        ("pause", None),
    ]


async def test_the_audit_commands_can_be_run_again(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(database, "DROP TABLE chat")
    run(database, "INSERT INTO session_exporter.pause (source) VALUES ('chat')")
    prepare(database)
    async with stopping(database, tmp_path) as it:
        assert await find_pause(it.reader, "chat") is not None
