"""The schema of the audit has a version: its steps run twice, and other versions are refused."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.errors import AuditVersionMismatch, PermissionDenied
from exporter.postgres import Database, Reader
from exporter.queries import fill
from exporter.recovery.audit.control import find_pause
from exporter.recovery.audit.installation import (
    VERSION,
    audit_script,
    can_read_audit,
    find_version,
    require_audit,
)
from exporter.recovery.audit.runs import list_runs
from tests.support.collection.declarations import settings_of
from tests.support.processes.session_exporter import CONVERSATIONS, run, write_config
from tests.support.recovery.automatic.runner import open_ones, runners, sessions
from tests.support.servers.statements import execute, rows

OTHER = "COMMENT ON SCHEMA session_exporter IS 'session-exporter audit, version {}'"
RECOVERY = {"set": {"is_active": False, "session_end": "{end}"}, "end_at": "now"}


@pytest.fixture
def has_audit() -> bool:
    return False


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
async def test_another_version_is_refused(
    database: EmbeddedDatabase, reader: Reader, version: int, what: str
) -> None:
    execute(database, audit_script(), OTHER.format(version))
    for reading in (require_audit(reader), list_runs(reader, "chats"), find_pause(reader, "chats")):
        with pytest.raises(AuditVersionMismatch, match=rf"version {version}\b.*{what}"):
            await reading


async def test_the_daemon_closes_nothing_and_says_why(
    database: EmbeddedDatabase, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    execute(database, audit_script())
    recover = runners(database, tmp_path, by_functions=False)
    sessions(database, 1, 2)
    sessions(database, 3, 40, seen="5 minutes")
    execute(database, OTHER.format(VERSION + 1))
    async with recover() as runner:
        state = await runner.run(2)
    assert state.failed["schema"] == 2
    assert len(open_ones(database)) == 42
    (record,) = [each for each in caplog.records if each.levelname != "DEBUG"]
    assert f"is of version {VERSION + 1}" in str(vars(record))


@pytest.mark.parametrize("mode", ["disabled", "dry_run"])
async def test_a_daemon_that_closes_nothing_says_it_too_and_does_the_rest(
    database: EmbeddedDatabase, tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    execute(database, audit_script())
    recover = runners(database, tmp_path, by_functions=False)
    sessions(database, 1, 1)
    sessions(database, 3, 40, seen="5 minutes")
    execute(  # as version 2 has left it
        database, "DROP TABLE session_exporter.stop, session_exporter.observation", OTHER.format(2)
    )
    async with recover(mode=mode) as runner:
        state = await runner.run(3)
        assert (state.failed["schema"], state.paused) == (3, None)
        assert state.candidates == {"disabled": None, "dry_run": 1}[mode]
        warned = [vars(each) for each in caplog.records if each.levelname != "DEBUG"]
        failures = [each for each in warned if "recovery_failed" in str(each)]
        assert len(failures) == 1
        assert "is of version 2" in str(failures)
        assert "`session-exporter sql audit` prints" in str(failures)
        execute(database, audit_script())
        state = await runner.run()
        assert state.failed["schema"] == 3


async def test_a_role_that_may_read_only_a_part_of_the_audit_is_reported(
    database: EmbeddedDatabase,
) -> None:
    execute(
        database,
        audit_script(),
        f"GRANT USAGE ON SCHEMA session_exporter TO {EXPORTER}",
    )
    pool = Database(settings_of(database.dsn_for(EXPORTER)))
    try:
        reader = pool.reader()
        assert not await can_read_audit(reader)  # as one that only collects
        for table in ("recovery", "pause"):  # as an older `sql role` has granted them
            execute(database, f"GRANT SELECT ON session_exporter.{table} TO {EXPORTER}")
        with pytest.raises(PermissionDenied, match=r"not run, stop, observation; .*sql role"):
            await can_read_audit(reader)
    finally:
        await pool.close()


@pytest.mark.slow  # the fast tier has that all that read the audit refuse it
@pytest.mark.parametrize("version", [0, VERSION + 1])
def test_every_command_says_that_the_version_is_another(
    database: EmbeddedDatabase, tmp_path: Path, version: int
) -> None:
    execute(database, audit_script(), OTHER.format(version))
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
    both = {"app": {"dsn": database.dsn}, "other": {"dsn": database.dsn}}
    everywhere = {**CONVERSATIONS, "recovery": RECOVERY, "database": [*both]}
    several = write_config(tmp_path, both, {"chats": everywhere})
    found = run("sql", "audit", "-c", several, folder=tmp_path).stdout.splitlines()
    assert found[2] == "-- Run what follows in each of these databases."
    config = write_config(
        tmp_path, {"app": both["app"]}, {"chats": everywhere | {"database": "app"}}
    )
    execute(database, printed())
    assert printed() == (
        f"-- Database app: the schema session_exporter is current, of version {VERSION}.\n"
    )
    without_config = run("sql", "audit", folder=tmp_path).stdout
    assert without_config == audit_script() + "\n"
    (tmp_path / "config.yaml").write_text("databases: {app: {dsn: '${NOT_SET}'}}\n")
    with_a_problem = run("sql", "audit", folder=tmp_path)
    assert (with_a_problem.returncode, with_a_problem.stdout) == (1, without_config)
    assert "NOT_SET is not set" in with_a_problem.stderr
    execute(database, "DROP SCHEMA session_exporter CASCADE", without_config)
    assert "is current" in printed()


#: What the release before has written when it closed a chat, and the chat as it was left.
VERSION_1 = """
CREATE TABLE public.chat (
    id int PRIMARY KEY, is_open bool, at timestamptz, score numeric, notes jsonb, tags text[]
);
INSERT INTO public.chat VALUES (1, false, '2026-01-01 12:00Z', 1.50, '"closed"', '{a,NULL}');
INSERT INTO session_exporter.recovery
    (run, source, relation, session, trigger, rule, evidence, before, after, row_version)
SELECT
    '5f0c6c1e-0f4e-4c62-9d1c-3b9f5f6e2a10', 'chat', '"public"."chat"', '1', 'manual', '{}', '{}',
    '{"is_open": true, "at": null, "score": 2.0, "notes": "open", "tags": ["b"]}',
    jsonb_build_object(
        'is_open', is_open, 'at', at, 'score', score, 'notes', notes, 'tags', tags
    ),
    xmin::text
FROM public.chat
"""


def test_what_version_1_has_written_is_undone(database: EmbeddedDatabase, tmp_path: Path) -> None:
    execute(database, fill("recovery/audit/steps/1_recovery"), VERSION_1, audit_script())
    source = {
        "table": "public.chat",
        "active": "is_open",
        "started_at": "at",
        "last_seen_at": "at",
        "id": "id",
        "orphaned_after": "1h",
        "recovery": {"set": {"is_open": False}},
    }
    config = write_config(tmp_path, {"app": {"dsn": database.dsn}}, {"chat": source})
    done = run("undo", "5f0c6c1e", "--yes", "-c", config, folder=tmp_path)
    assert "  1 was undone" in done.stdout, done.stdout + done.stderr
    (row,) = rows(database, "SELECT is_open, at, score, notes::text, tags FROM public.chat")
    assert (*row[:2], str(row[2]), *row[3:]) == (True, None, "2.0", '"open"', ["b"])


def test_what_is_the_same_for_a_run_is_stored_once_and_pruned_with_it(
    database: EmbeddedDatabase,
) -> None:
    """Rows of version 1 have the rule and the role themselves."""
    second = VERSION_1[VERSION_1.index("INSERT INTO session_exporter.recovery") :]
    execute(
        database,
        fill("recovery/audit/steps/1_recovery"),
        VERSION_1,
        second,
        second.replace("5f0c6c1e", "6f0c6c1e"),
        audit_script(),
        "UPDATE session_exporter.recovery SET at = now() - interval '30 days' WHERE number > 1",
    )
    runs = "SELECT left(run::text, 1), source, role, rule FROM session_exporter.run ORDER BY run"
    assert rows(database, runs) == [(each, "chat", "postgres", {}) for each in ("5", "6")]
    (pruned,) = zip(
        *rows(database, "SELECT session_exporter.prune('chat', '8 days', '{}') ORDER BY 1"),
        strict=True,
    )
    assert (pruned, len(rows(database, runs))) == ((2, 3), 1)
