"""The rights of queries for owners and lists: what `sql role` prints is what asking takes."""

from pathlib import Path

import pytest

from exporter.clock import Clock
from exporter.config import Config, load_config
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.evidence.answers import ListAnswer, OwnersAnswer, StoreAnswer
from exporter.evidence.asking.asker import Answer, Asker
from exporter.postgres import Database
from tests.support.collection import declarations
from tests.support.processes.session_exporter import run
from tests.support.servers.statements import execute, rows

CONFIG = """\
owners:
  servers:
    unique_per_start: true
    sql: SELECT "bootId" FROM live.servers WHERE live.is_up(seen)
lists:
  locks:
    sql: |
      WITH held AS (SELECT objid FROM pg_catalog.pg_locks WHERE locktype = 'advisory')
      SELECT p.call::text, p.seen AS last_seen_at
      FROM live.presence AS p LEFT JOIN held AS h ON h.objid::int = p.call
databases:
  app: {{dsn: "{dsn}"}}
sources:
  calls:
    table: public.calls
    active: is_open
    started_at: started
    id: id
    owner: {{of: server, in: servers}}
    list: locks
    orphaned_after: 2h
    daily: null
"""
TABLES = (
    "CREATE SCHEMA live",
    "CREATE TABLE public.calls (id int, server text, started timestamptz, is_open bool)",
    'CREATE TABLE live.servers ("bootId" text, seen timestamptz)',
    "CREATE TABLE live.presence (call int, seen timestamptz, secret text)",
    "CREATE TABLE live.other (call int)",
    (
        "CREATE FUNCTION live.is_up(timestamptz) RETURNS bool LANGUAGE sql"
        " RETURN $1 > pg_catalog.now() - interval '1 min'"
    ),
    "REVOKE EXECUTE ON FUNCTION live.is_up FROM PUBLIC",
    "INSERT INTO live.servers VALUES ('a', now()), ('b', 'epoch')",
    "INSERT INTO live.presence VALUES (7, NULL, NULL)",
)
CLOCK = Clock(monotonic=lambda: 7.0, wall=lambda: 0.0)


def config_in(folder: Path, dsn: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(dsn=dsn), encoding="utf-8")
    return path


async def ask(config: Config, database: EmbeddedDatabase) -> tuple[Answer, Answer]:
    """What the role for collection is answered."""
    least = Database(declarations.settings_of(database.dsn_for(EXPORTER)))
    try:
        owners = Asker(config.owners["servers"], least, CLOCK)
        sessions = Asker(config.lists["locks"], least, CLOCK)
        return await owners.ask(), await sessions.ask()
    finally:
        await least.close()


@pytest.mark.slow
async def test_the_role_may_read_what_the_queries_name_and_nothing_else(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(database, *TABLES)
    path = config_in(tmp_path, database.dsn)
    printed = run("sql", "role", "-c", path, folder=tmp_path)
    assert printed.returncode == 0, printed.stderr
    granted = [
        line for line in printed.stdout.splitlines() if line.startswith("GRANT") and "live" in line
    ]
    assert granted == [
        f'GRANT USAGE ON SCHEMA "live" TO {EXPORTER};',
        f'GRANT SELECT ("call", "seen") ON "live"."presence" TO {EXPORTER};',
        f'GRANT SELECT ("bootId", "seen") ON "live"."servers" TO {EXPORTER};',
        f"GRANT EXECUTE ON FUNCTION live.is_up(timestamp with time zone) TO {EXPORTER};",
    ]
    assert "pg_locks" not in printed.stdout
    missing = run("sql", "role", "--missing", "-c", path, folder=tmp_path)
    assert all(each in missing.stdout for each in granted)
    execute(database, *granted)
    missing = run("sql", "role", "--missing", "-c", path, folder=tmp_path)
    assert '"live"' not in missing.stdout
    owners, sessions = await ask(load_config(path, {}), database)
    assert isinstance(owners, OwnersAnswer), owners
    assert owners.alive == {"a"}
    assert isinstance(sessions, ListAnswer)
    (store,) = sessions.stores.values()
    assert isinstance(store, StoreAnswer), store
    assert list(store.sessions) == ["7"]
    may_read = f"has_table_privilege('{EXPORTER}', 'live.other', 'SELECT')"
    assert rows(database, f"SELECT pg_catalog.{may_read}") == [(False,)]


@pytest.mark.slow
async def test_the_search_path_of_the_role_finds_what_a_query_names(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    name = database.dsn.rsplit("/", 1)[-1].split("?")[0]
    found = f'ALTER DATABASE "{name}" SET search_path = public, live'
    execute(database, *TABLES, found)
    path = config_in(tmp_path, database.dsn)
    text = path.read_text("utf-8").replace("FROM live.presence", "FROM presence")
    # What a function of the application looks up is not known, and would need the whole path.
    path.write_text(text.replace(" WHERE live.is_up(seen)", ""), "utf-8")
    printed = run("sql", "role", "-c", path, folder=tmp_path)
    assert printed.returncode == 0, printed.stderr
    assert "SET search_path = pg_catalog, live, pg_temp;" in printed.stdout
    assert f'GRANT SELECT ("call", "seen") ON "live"."presence" TO {EXPORTER};' in printed.stdout


def test_without_a_connection_it_says_what_may_be_missing(tmp_path: Path) -> None:
    path = config_in(tmp_path, "postgresql://127.0.0.1:1/app")
    printed = run("sql", "role", "-c", path, folder=tmp_path)
    assert "-- list locks: its query may read what the config does not tell" in printed.stdout
    assert "-- owners servers: its query may read" in printed.stdout
    for table in ("presence", "servers"):
        assert f'GRANT SELECT ON "live"."{table}" TO {EXPORTER};' in printed.stdout
    assert "pg_locks" not in printed.stdout
