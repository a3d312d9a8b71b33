"""The rights that a source with owners needs: the owner's column, and the table of the owners."""

from pathlib import Path

import pytest

from exporter.cli.output.orphans import orphan_json
from exporter.config import load_config
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.errors import SchemaMismatch
from exporter.postgres import Database
from exporter.sessions import bind, grants
from exporter.sessions.grants.owners import owner_rights
from exporter.sessions.orphan_list import list_orphans
from tests.support.collection import declarations
from tests.support.processes.session_exporter import run
from tests.support.servers.statements import execute, rows

CONFIG = """\
owners:
  servers:
    unique_per_start: true
    table: {{table: public.servers, id: bootId, seen_at: "s.seen + interval '0 s'"}}
databases:
  app: {{dsn: "{dsn}"}}
sources:
  calls:
    table: public.calls
    active: is_open
    started_at: started
    id: id
    owner: {{of: server, in: servers}}
    orphaned_after: 2h
    daily: null
"""
TABLES = (
    "CREATE TABLE public.calls (id int, server text, started timestamptz, is_open bool, note text)",
    'CREATE TABLE public.servers ("bootId" text, seen timestamptz, password text)',
    "INSERT INTO public.calls VALUES (1, 'a', now() - interval '3 h', true, '')",
)


def config_in(folder: Path, dsn: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(dsn=dsn), encoding="utf-8")
    return path


@pytest.mark.slow
async def test_the_role_may_read_who_lives_and_nothing_else_of_that_table(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(database, *TABLES)
    path = config_in(tmp_path, database.dsn)
    printed = run("sql", "role", "-c", path, folder=tmp_path)
    assert printed.returncode == 0, printed.stderr
    granted = [line for line in printed.stdout.splitlines() if line.startswith("GRANT SELECT")]
    assert granted == [
        f'GRANT SELECT ("id", "server", "started", "is_open") ON "public"."calls" TO {EXPORTER};',
        f'GRANT SELECT ("bootId", "seen") ON "public"."servers" TO {EXPORTER};',
    ]
    missing = run("sql", "role", "--missing", "-c", path, folder=tmp_path)
    assert granted[1] in missing.stdout
    execute(database, *granted)
    missing = run("sql", "role", "--missing", "-c", path, folder=tmp_path)
    assert "GRANT SELECT" not in missing.stdout
    may_read = f"has_column_privilege('{EXPORTER}', 'public.servers', 'password', 'SELECT')"
    assert rows(database, f"SELECT pg_catalog.{may_read}") == [(False,)]


@pytest.mark.slow
async def test_the_least_role_lists_orphans_with_their_owners(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(database, *TABLES)
    config = load_config(config_in(tmp_path, database.dsn), {})
    source = config.sources["calls"]
    owner, least = (
        Database(declarations.settings_of(database.dsn_for(role)))
        for role in ("postgres", EXPORTER)
    )
    try:
        execute(database, *await grants.grants(owner.reader(), source))
        reader = least.reader()
        found = await list_orphans(reader, await bind(reader, source), limit=1)
    finally:
        await owner.close()
        await least.close()
    (orphan,) = found.orphans
    assert (orphan.cause, orphan.owner) == ("age", "a")
    assert "'owner': 'a'" in str(orphan_json(source, "app", found, 7200.0))


@pytest.mark.slow
async def test_a_table_of_owners_that_is_not_there_is_a_sentence(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(database, *TABLES, "DROP TABLE public.servers")
    config = load_config(config_in(tmp_path, database.dsn), {})
    pool = Database(declarations.settings_of(database.dsn))
    try:
        with pytest.raises(SchemaMismatch, match=r"no table or view public\.servers"):
            await owner_rights(pool.reader(), config, config.sources["calls"])
    finally:
        await pool.close()
