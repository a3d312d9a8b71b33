"""Closing names the types of columns, which may be in another schema than their table."""

from collections.abc import Callable

from exporter.check.findings import Status
from exporter.check.recovery import check_recovery
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.postgres import Database
from exporter.sessions import grants
from tests.support.collection.declarations import settings_of
from tests.support.servers.statements import execute

CHAT = """\
chat:
  table: public.chat
  active: is_open
  started_at: started
  id: [id, part]
  orphaned_after: 2h
  recovery:
    set:
      is_open: false
      state: |
        'lost'
    end_at: now
"""


async def test_the_role_for_recovery_may_use_the_schemas_of_the_types(
    database: EmbeddedDatabase, source_of: Callable[[str], Source]
) -> None:
    execute(
        database,
        'CREATE SCHEMA "My ""types"" 1"',
        "CREATE SCHEMA keys",
        """CREATE DOMAIN "My ""types"" 1".phase AS text CHECK (VALUE IN ('open', 'lost'))""",
        "CREATE DOMAIN keys.part AS int",
        "CREATE TABLE public.chat (id int, part keys.part, is_open bool, started timestamptz,"
        """ state "My ""types"" 1".phase, PRIMARY KEY (id, part))""",
        "INSERT INTO public.chat VALUES (1, 1, true, now() - interval '3 hours', 'open')",
    )
    source = source_of(CHAT)
    settings = settings_of(database.dsn_for(EXPORTER))

    async def rights() -> tuple[Status, tuple[str, ...]]:
        found = {each.check: each async for each in check_recovery(settings, source)}
        return found["recovery rights"].status, found["recovery rights"].commands

    status, commands = await rights()
    assert status is Status.WARNING
    assert f'GRANT USAGE ON SCHEMA "keys" TO "{EXPORTER}";' in commands
    assert f'GRANT USAGE ON SCHEMA "My ""types"" 1" TO "{EXPORTER}";' in commands
    execute(database, *commands)
    assert await rights() == (Status.OK, ())


async def test_the_printed_rights_name_no_schema_of_postgresql(
    database: EmbeddedDatabase, source_of: Callable[[str], Source]
) -> None:
    execute(
        database,
        "CREATE TABLE public.chat (id varchar(3), part numeric(3, 1)[], is_open bool,"
        " started timestamptz, state timestamp(3), PRIMARY KEY (id, part))",
    )
    pool = Database(settings_of(database.dsn))
    role = grants.RECOVERY_ROLE
    rights = await grants.closing_rights(pool.reader(), source_of(CHAT), role=role)
    await pool.close()
    used = [each.schema for each in rights if each.privilege == "USAGE"]
    assert used == ["session_exporter"]
