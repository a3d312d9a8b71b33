"""A role with only what `sql role` prints for recovery can recover and undo, and nothing else."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from psycopg import errors

from exporter.cli.commands.printed_sql.role_script import role_sql
from exporter.config import load_config
from exporter.demo.server.databases import EmbeddedDatabase, require_role
from exporter.postgres import Database, Reader, Writer
from exporter.recovery.plan.plan import make_plan
from exporter.recovery.rule.connections import writing_settings
from exporter.recovery.rule.limits import NO_LIMITS
from exporter.recovery.undo import plan_undo, undo
from exporter.sessions import grants
from tests.support.recovery.close_runs import all_candidates, close_found
from tests.support.servers.statements import execute

CONFIG = """\
databases:
  app: {dsn: "${DATABASE_URL}"}
sources:
  coaching:
    table: coaching.roleplay_sessions
    active: |
      status = 'in_progress'
    started_at: started_at
    id: id
    orphaned_after: 10m
    recovery:
      dsn: ${RECOVERY_URL}
      set:
        status: |
          'abandoned'
        ended_at: "{end}"
      end_at: now
      mark: {column: session_config, merge: {auto_recovered: true}}
      returning:
        - trainee: (SELECT p.name FROM coaching.profiles AS p WHERE p.id = s.trainee_id)
"""


@pytest.fixture
def recover(database: EmbeddedDatabase, tmp_path: Path) -> Callable[[], Awaitable[tuple[int, int]]]:
    """Give the role what is printed, recover all there is, and undo it: how many each time."""
    role = grants.RECOVERY_ROLE
    require_role(database.server, role)
    execute(database, f"DROP OWNED BY {role}")
    execute(
        database,
        f'REVOKE ALL ON DATABASE "{database.name}" FROM PUBLIC',
        "INSERT INTO coaching.roleplay_sessions (id, status, started_at)"
        " SELECT gen_random_uuid(), 'in_progress', now() - interval '1 hour'"
        " FROM generate_series(1, 3)",
    )
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    urls = {"DATABASE_URL": database.dsn, "RECOVERY_URL": database.dsn_for(role)}
    config = load_config(path, urls)
    source = config.sources["coaching"]

    async def with_reader(dsn: str | None, work: Callable[[Reader], Awaitable[object]]) -> object:
        settings = config.databases["app"]
        if dsn is not None:
            settings = settings.model_copy(update={"dsn": dsn})
        pool = Database(settings)
        try:
            return await work(pool.reader())
        finally:
            await pool.close()

    async def grant(reader: Reader) -> None:
        rights = await grants.recovery_grants(reader, source, role=role)
        printed = role_sql(role, [("app", await grants.database_name(reader), rights)])
        execute(database, printed)

    async def work(reader: Reader) -> tuple[int, int]:
        plan = await make_plan(reader, source, with_backlog=False, show=5, limits=NO_LIMITS)
        rule = plan.selection.rule
        candidates = await all_candidates(reader, rule, with_backlog=False)
        assert len(candidates) == plan.count
        settings = writing_settings(config.databases["app"], source)
        writer = Writer(settings, timezone="UTC")
        try:
            outcome = await close_found(writer, rule, candidates)
            undoing = await plan_undo(reader, source, outcome.run)
            undone = await undo(writer, undoing, batch=50, pause=0.0)
        finally:
            await writer.close()
        return len(outcome.recovered), undone.undone

    async def recover() -> tuple[int, int]:
        await with_reader(None, grant)
        found = await with_reader(database.dsn_for(role), work)
        assert isinstance(found, tuple)
        return found

    return recover


async def test_recovers_and_undoes(recover: Callable[[], Awaitable[tuple[int, int]]]) -> None:
    assert await recover() == (3, 3)


async def test_can_do_nothing_else(
    database: EmbeddedDatabase, recover: Callable[[], Awaitable[tuple[int, int]]]
) -> None:
    execute(database, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
    await recover()
    for statement in (
        "UPDATE coaching.roleplay_sessions SET started_at = now()",
        "UPDATE coaching.roleplay_sessions SET trainee_id = NULL",
        "DELETE FROM coaching.roleplay_sessions",
        "INSERT INTO coaching.roleplay_sessions (id, status) VALUES (gen_random_uuid(), 'idle')",
        "SELECT transcript FROM coaching.roleplay_sessions",
        "UPDATE coaching.profiles SET name = 'x'",
        "CREATE TABLE public.mine (id int)",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            execute(database, statement, role=grants.RECOVERY_ROLE)
