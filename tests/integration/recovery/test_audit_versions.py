"""The schema of the audit has a version: its steps run twice, and other versions are refused."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.errors import AuditVersionMismatch
from exporter.postgres import Database, Reader
from exporter.recovery.audit.control import find_pause
from exporter.recovery.audit.installation import (
    VERSION,
    audit_script,
    find_version,
    require_audit,
)
from exporter.recovery.audit.runs import list_runs
from tests.support.collection.declarations import settings_of
from tests.support.processes.session_exporter import CONVERSATIONS, run, write_config
from tests.support.servers.statements import execute, rows

OTHER = "COMMENT ON SCHEMA session_exporter IS 'session-exporter audit, version {}'"
RECOVERY = {"set": {"is_active": False, "session_end": "{end}"}, "end_at": "now"}


@pytest.fixture
async def reader(database: EmbeddedDatabase) -> AsyncIterator[Reader]:
    pool = Database(settings_of(database.dsn))
    yield pool.reader()
    await pool.close()


def columns(database: EmbeddedDatabase) -> list[tuple[object, ...]]:
    return rows(
        database,
        "SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attnotnull"
        " FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attrelid IN (SELECT oid FROM"
        " pg_class WHERE relkind = 'r' AND relnamespace = 'session_exporter'::regnamespace)"
        " ORDER BY 1, 2",
    )


async def test_the_steps_are_safe_to_run_twice(database: EmbeddedDatabase, reader: Reader) -> None:
    assert await find_version(reader) == 0
    execute(database, audit_script())
    made = columns(database)
    assert await find_version(reader) == VERSION
    execute(database, audit_script())
    assert (await find_version(reader), columns(database)) == (VERSION, made)
    assert audit_script(VERSION) == ""


async def test_tables_of_an_older_release_get_what_they_lack(
    database: EmbeddedDatabase, reader: Reader
) -> None:
    execute(database, audit_script())
    made = columns(database)
    execute(
        database,
        "ALTER TABLE session_exporter.recovery DROP COLUMN notified_at, DROP COLUMN attempts",
        "DROP TABLE session_exporter.pause",
        "COMMENT ON SCHEMA session_exporter IS NULL",
    )
    with pytest.raises(AuditVersionMismatch, match=r"version 0.*`session-exporter sql audit`"):
        await require_audit(reader)
    execute(database, audit_script())
    await require_audit(reader)
    assert columns(database) == made


@pytest.mark.parametrize(("version", "what"), [(0, "sql audit"), (VERSION + 1, "newer")])
async def test_another_version_is_a_sentence_everywhere(
    database: EmbeddedDatabase, reader: Reader, tmp_path: Path, version: int, what: str
) -> None:
    execute(database, audit_script(), OTHER.format(version))
    for reading in (require_audit(reader), list_runs(reader, "chats"), find_pause(reader, "chats")):
        with pytest.raises(AuditVersionMismatch, match=rf"version {version}\b.*{what}"):
            await reading
    config = write_config(
        tmp_path,
        {"app": {"dsn": database.dsn}},
        {"chats": {**CONVERSATIONS, "recovery": RECOVERY}},
    )
    for arguments in (
        ("recover", "chats"),
        ("close", "chats", "--all"),
        ("undo", "0123456789ab"),
        ("runs",),
        ("pause", "chats"),
        ("resume", "chats"),
        ("check", "--live"),
    ):
        done = run(*arguments, "-c", config, folder=tmp_path)
        assert done.returncode == 1, done.stdout
        assert f"is of version {version}" in done.stdout + done.stderr, done.args


def test_sql_audit_prints_what_a_database_lacks(database: EmbeddedDatabase, tmp_path: Path) -> None:
    config = write_config(
        tmp_path,
        {"app": {"dsn": database.dsn}},
        {"chats": {**CONVERSATIONS, "recovery": RECOVERY}},
    )

    def printed() -> str:
        return run("sql", "audit", "-c", config, folder=tmp_path).stdout

    assert "has no version yet.\n" in printed()
    execute(database, printed())
    assert printed() == (
        f"-- Database app: the schema session_exporter is current, of version {VERSION}.\n"
    )
    without_config = run("sql", "audit", folder=tmp_path).stdout
    assert without_config == audit_script() + "\n"
    execute(database, "DROP SCHEMA session_exporter CASCADE", without_config)
    assert "is current" in printed()
