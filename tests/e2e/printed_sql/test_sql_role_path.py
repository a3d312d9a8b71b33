"""The search path that `sql role` prints has the schemas that the config uses, and no others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP, EXPORTER
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.psql import run_script
from tests.support.servers.statements import execute, rows

#: Names of every kind that is looked up in the path: a table, a type and its operators, a function.
TABLES = """
CREATE SCHEMA shop;
CREATE SCHEMA kinds;
CREATE SCHEMA calls;
CREATE SCHEMA unused;
CREATE TYPE kinds.state AS ENUM ('live', 'done');
CREATE DOMAIN kinds.word AS text;
CREATE FUNCTION kinds.differs(kinds.state, text) RETURNS bool IMMUTABLE LANGUAGE sql
    AS 'SELECT $1::text <> $2';
CREATE OPERATOR kinds.<<>> (leftarg = kinds.state, rightarg = text, function = kinds.differs);
CREATE TABLE shop.chat (id int PRIMARY KEY, state kinds.state, began timestamptz, name varchar);
CREATE TABLE shop.banned (id int);
CREATE TABLE unused.other (id int);
CREATE FUNCTION calls.is_known(text) RETURNS bool LANGUAGE plpgsql STABLE
    AS 'BEGIN RETURN $1::word IS NOT NULL; END';
INSERT INTO shop.chat
SELECT n, CASE WHEN n % 3 = 0 THEN 'done' ELSE 'live' END::kinds.state,
    now() - n * interval '20 minutes', 'x'
FROM generate_series(1, 30) AS n;
INSERT INTO shop.banned SELECT 7;
"""
PATH = "unused, calls, kinds, shop, public"
CHAT: dict[str, Any] = {
    "table": "chat",
    "active": "s.state = 'live'::state AND s.id NOT IN (SELECT b.id FROM banned AS b)",
    "started_at": "began",
    "id": "id",
    "orphaned_after": "1h",
    "daily": {"days": 2},
}


@pytest.fixture
def shop(any_database: EmbeddedDatabase) -> Iterator[EmbeddedDatabase]:
    """Tables and types of several schemas, which are in the path of the database."""
    execute(any_database, f"DROP OWNED BY {EXPORTER}", f"ALTER ROLE {APP} CREATEROLE")
    execute(any_database, f"GRANT {EXPORTER} TO {APP} WITH ADMIN OPTION")
    execute(any_database, TABLES, role=APP)
    execute(any_database, f'ALTER DATABASE "{any_database.name}" SET search_path = {PATH}')
    yield any_database
    execute(any_database, f"REVOKE {EXPORTER} FROM {APP} CASCADE")
    execute(any_database, f"ALTER ROLE {EXPORTER} RESET ALL", f"ALTER ROLE {APP} NOCREATEROLE")


def sql_role(
    database: EmbeddedDatabase, folder: Path, source: dict[str, Any], *options: str, role: str = APP
) -> str:
    settings = {"dsn": database.dsn_for(role)}
    config = write_config(folder, {"app": settings}, {"chat": source})
    done = run("sql", "role", *options, "-c", config, folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def numbers(
    database: EmbeddedDatabase, folder: Path, source: dict[str, Any], role: str = EXPORTER
) -> list[str]:
    """What is collected, but for ages and moments."""
    settings = {"dsn": database.dsn_for(role)}
    config = write_config(folder, {"app": settings}, {"chat": source})
    done = run("once", "--format", "prometheus", "-c", config, folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    found = [line for line in done.stdout.splitlines() if line.startswith("sessions_")]
    assert any(line.startswith("sessions_active{") for line in found)
    return [line for line in found if "seconds" not in line and "timestamp" not in line]


def path_of(database: EmbeddedDatabase) -> str:
    """The path with which the role begins."""
    return str(rows(database, "SELECT current_setting('search_path')", role=EXPORTER)[0][0])


def path_lines(script: str) -> list[str]:
    return [line for line in script.splitlines() if "search_path" in line]


SOURCES: dict[str, tuple[dict[str, Any], str]] = {
    "a table and a type": (CHAT, "kinds, shop"),
    "an operator": (CHAT | {"active": "s.state <<>> 'done'"}, "kinds, shop"),
    "a function": (CHAT | {"active": "is_known(s.name)"}, PATH),
    "all qualified but what types need": (
        CHAT | {"table": "shop.chat", "active": "s.state = 'live'"},
        "kinds",
    ),
}


@pytest.mark.quick("pg18-an operator", "pg18-a table and a type")
@pytest.mark.parametrize("name", SOURCES)
def test_the_same_numbers_are_collected_with_the_printed_path(
    shop: EmbeddedDatabase, tmp_path: Path, name: str
) -> None:
    source, schemas = SOURCES[name]
    before = numbers(shop, tmp_path, source, role=APP)
    script = sql_role(shop, tmp_path, source)
    for _ in range(2):
        run_script(shop, script, role=APP)
    assert path_of(shop) == f"pg_catalog, {schemas}, pg_temp"
    assert numbers(shop, tmp_path, source) == before
    # From the role's own connection it is the same, and nothing is missing any more.
    assert path_lines(sql_role(shop, tmp_path, source, role=EXPORTER)) == path_lines(script)
    assert path_lines(sql_role(shop, tmp_path, source, "--missing")) == []


def test_what_another_role_makes_in_a_schema_that_was_in_the_path_is_not_found(
    shop: EmbeddedDatabase, tmp_path: Path
) -> None:
    """A function that takes just the type of the column is a better match than PostgreSQL's."""
    source = CHAT | {"table": "shop.chat", "active": "s.state = 'live' AND upper(s.name) = 'X'"}
    run_script(shop, sql_role(shop, tmp_path, source), role=APP)
    before = numbers(shop, tmp_path, source)
    overload = "RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'forged'$$"
    execute(shop, f"CREATE FUNCTION public.upper(varchar) {overload}")
    assert numbers(shop, tmp_path, source) == before
    assert numbers(shop, tmp_path, source, role=APP) != before


def test_no_other_setting_of_the_role_is_touched(shop: EmbeddedDatabase, tmp_path: Path) -> None:
    where = f'ALTER ROLE {EXPORTER} IN DATABASE "{shop.name}"'
    execute(
        shop, f"{where} SET work_mem = '2MB'", f"ALTER ROLE {EXPORTER} SET DateStyle = 'German'"
    )
    run_script(shop, sql_role(shop, tmp_path, CHAT), role=APP)
    found = "SELECT current_setting('work_mem'), current_setting('DateStyle')"
    assert rows(shop, found, role=EXPORTER) == [("2MB", "German, DMY")]


def test_a_path_that_a_dba_has_set_stays_where_only_the_role_knows_what_it_finds(
    shop: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(shop, f"ALTER ROLE {EXPORTER} SET search_path = kinds, unused, shop")
    execute(shop, f"GRANT USAGE ON SCHEMA kinds, unused TO {EXPORTER}")
    script = sql_role(shop, tmp_path, CHAT)
    (line,) = path_lines(script)
    assert line.startswith("-- session_exporter has a search_path of its own, kinds, unused, shop,")
    run_script(shop, script, role=APP)
    assert path_of(shop) == "kinds, unused, shop"
    before = numbers(shop, tmp_path, CHAT)
    run_script(shop, sql_role(shop, tmp_path, CHAT, role=EXPORTER), role=APP)
    assert path_of(shop) == "pg_catalog, kinds, shop, pg_temp"
    assert numbers(shop, tmp_path, CHAT) == before


def test_a_printed_path_is_extended_when_the_config_names_more(
    shop: EmbeddedDatabase, tmp_path: Path
) -> None:
    qualified = CHAT | {"table": "shop.chat", "active": "s.state = 'live'"}
    run_script(shop, sql_role(shop, tmp_path, qualified), role=APP)
    assert path_of(shop) == "pg_catalog, kinds, pg_temp"
    missing = sql_role(shop, tmp_path, CHAT, "--missing")
    assert len(path_lines(missing)) == 1
    run_script(shop, missing, role=APP)
    assert path_of(shop) == "pg_catalog, kinds, shop, pg_temp"
    assert numbers(shop, tmp_path, CHAT) == numbers(shop, tmp_path, CHAT, role=APP)


def test_all_of_the_path_stays_where_the_role_closes_sessions_itself(
    shop: EmbeddedDatabase, tmp_path: Path
) -> None:
    """Triggers of the application run then, and look up names that the config does not have."""
    recovery = {"set": {"state": "'done'"}, "end_at": "now"}
    source = CHAT | {"recovery": recovery}
    (line,) = path_lines(sql_role(shop, tmp_path, source))
    assert line.endswith(f"SET search_path = pg_catalog, {PATH}, pg_temp;")
    source = CHAT | {"recovery": recovery | {"dsn": shop.dsn_for(APP)}}
    (line,) = path_lines(sql_role(shop, tmp_path, source))
    assert line.endswith("SET search_path = pg_catalog, kinds, shop, pg_temp;")
