"""A role with the rights that `session-exporter sql role` prints can collect, and nothing else."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg import errors, sql

from exporter import sessions
from exporter.cli.commands.printed_sql.role_script import role_sql
from exporter.config import load_config
from exporter.demo import history
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP, EXPORTER
from exporter.postgres import Database
from exporter.recovery.audit.installation import audit_script
from exporter.sessions import grants
from exporter.sessions.orphan_list import list_orphans
from tests.support.collection import declarations, pages
from tests.support.collection.declarations import COACHING, CONVERSATIONS
from tests.support.collection.pages import Page
from tests.support.servers.statements import execute as run

Collect = Callable[..., Awaitable[Page]]
CHAT = """\
chat:
  table: public.chat
  active: is_open
  started_at: started
  id: id
  orphaned_after: 2h
"""
COLUMNS = "id int, is_open bool, started timestamptz, secret text"


@pytest.fixture
def give_role(tmp_path: Path) -> Callable[..., Awaitable[str]]:
    """Take all rights from the demo's role, then give what is printed for the sources."""

    async def give_role(database: EmbeddedDatabase, *sources: str) -> str:
        config = tmp_path / "role.yaml"
        config.write_text(declarations.one_database(*sources), encoding="utf-8")
        granted = []
        pool = Database(declarations.settings_of(database.dsn))
        try:
            for source in load_config(config, {"DATABASE_URL": ""}).sources.values():
                reader = pool.reader(timezone=source.timestamps_in or "UTC")
                name = await grants.database_name(reader)
                granted.append(("app", name, await grants.grants(reader, source)))
        finally:
            await pool.close()
        printed = role_sql(grants.ROLE, granted)
        assert f"CREATE ROLE {EXPORTER} LOGIN;" in printed
        run(
            database,
            f"DROP OWNED BY {EXPORTER}",
            f'REVOKE ALL ON DATABASE "{database.name}" FROM PUBLIC',
            "REVOKE ALL ON SCHEMA public FROM PUBLIC",
            printed,  # the role is there already, with a password
        )
        return printed

    return give_role


def refused(database: EmbeddedDatabase, statement: str) -> bool:
    with database.connect(EXPORTER) as connection:
        try:
            connection.execute(statement.encode())
        except errors.InsufficientPrivilege:
            return True
    return False


async def lists_orphans(database: EmbeddedDatabase, text: str, folder: Path) -> int:
    pool = Database(declarations.settings_of(database.dsn_for(EXPORTER)))
    source = declarations.source_of(folder, text)
    try:
        reader = pool.reader(timezone=source.timestamps_in or "UTC")
        return (
            await list_orphans(reader, await sessions.bind(reader, source), limit=10)
        ).orphaned_count
    finally:
        await pool.close()


async def test_the_role_can_collect_everything_and_list_orphans(
    any_database: EmbeddedDatabase,
    collect: Collect,
    give_role: Callable[..., Awaitable[str]],
    tmp_path: Path,
) -> None:
    with any_database.connect(APP) as connection:
        history.fill(connection, datetime.now(UTC))
    sources = (
        CONVERSATIONS,
        COACHING,
        declarations.training(declarations.message_time(any_database)),
    )
    await give_role(any_database, *sources)
    page = await collect(any_database, *sources, role=EXPORTER)
    assert not page.failures
    assert page("sessions_orphaned", source="conversations") == 18
    for source in sources:
        assert await lists_orphans(any_database, source, tmp_path) > 0


async def test_the_role_cannot_write(
    any_database: EmbeddedDatabase, give_role: Callable[..., Awaitable[str]]
) -> None:
    await give_role(any_database, CONVERSATIONS)
    table = "conversations.conversation_sessions"
    assert not refused(any_database, f"SELECT session_start FROM {table}")
    for statement in (
        f"INSERT INTO {table} (session_id, user_id) VALUES (gen_random_uuid(), 'u')",
        f"UPDATE {table} SET is_active = false",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
        f"SELECT session_id FROM {table} FOR UPDATE",
        f"BEGIN; LOCK {table} IN EXCLUSIVE MODE",
        f"ALTER TABLE {table} ADD x int",
        f"CREATE INDEX ON {table} (session_id)",
        "CREATE TABLE conversations.mine (x int)",
        "CREATE SCHEMA mine",
    ):
        assert refused(any_database, statement), statement


async def test_the_role_reads_the_columns_that_the_source_mentions_and_no_other(
    any_database: EmbeddedDatabase, give_role: Callable[..., Awaitable[str]]
) -> None:
    without_show = CONVERSATIONS.replace("  show: [user_id]\n", "")
    printed = await give_role(any_database, without_show)
    assert "user_id" not in printed
    readable = {
        "session_id": True,
        "user_id": False,
        "is_active": True,
        "session_start": True,
        "session_end": True,
        "ended_at": False,
        "duration_seconds": True,
    }
    for column, can_read in readable.items():
        statement = f"SELECT {column} FROM conversations.conversation_sessions"
        assert refused(any_database, statement) != can_read, column
    assert refused(any_database, "SELECT * FROM conversations.conversation_sessions")
    assert refused(any_database, "SELECT * FROM coaching.roleplay_sessions")


async def test_a_source_needs_no_more_than_its_columns(
    database: EmbeddedDatabase,
    collect: Collect,
    give_role: Callable[..., Awaitable[str]],
    tmp_path: Path,
) -> None:
    """Every key that takes an expression, each with a column of its own."""
    keys = ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k")
    run(
        database,
        f"CREATE TABLE public.chat (is_open bool, secret text, {' bool, '.join(keys[:3])} bool,"
        f" {' timestamptz, '.join(keys[3:6])} timestamptz, {' int, '.join(keys[6:])} int)",
        "INSERT INTO public.chat SELECT true, 'x', true, true, true, now() - interval '1 day',"
        " NULL, NULL, 1, 2, 3, 4, 5",
    )
    source = """\
        chat:
          table: public.chat
          where: s.a
          active: |
            s.is_open AND ("b" OR 'secret' = 'x')
          started_at: d
          last_seen_at: e
          ended_at: f
          duration: g
          id: h
          orphaned_after: 2h
          labels: {kind_of: {value: i, values: [3]}}
          integrity: {odd: "NOT s.c"}
          show: [{further: "s.j + 1"}]
          limit_per: {key: k, max: 1}
    """
    printed = await give_role(database, source)
    assert "secret" not in printed
    page = await collect(database, source, role=EXPORTER)
    assert not page.failures
    assert page("sessions_orphaned") == page("sessions_keys_blocked_by_orphans") == 1
    assert refused(database, "SELECT secret FROM public.chat")


async def test_tables_in_subqueries_are_granted(
    any_database: EmbeddedDatabase,
    collect: Collect,
    give_role: Callable[..., Awaitable[str]],
    tmp_path: Path,
) -> None:
    run(
        any_database,
        f"CREATE TABLE public.chat ({COLUMNS})",
        'CREATE SCHEMA "Other one"',
        'CREATE TABLE "Other one"."Messages" (chat_id int, sent timestamptz)',
        'CREATE TABLE "Other one".banned (chat_id int)',
        'CREATE TABLE "Other one".unrelated (x int)',
        "INSERT INTO public.chat SELECT n, true, now() - interval '1 day' FROM"
        " generate_series(1, 3) AS n",
        'INSERT INTO "Other one"."Messages" VALUES (1, now())',
    )
    source = CHAT + (
        "  last_seen_at: |\n"
        '    (SELECT max(m.sent) FROM "Other one"."Messages" AS m WHERE m.chat_id = s.id)\n'
        "  where: |\n"
        '    NOT EXISTS (select from "Other one".banned AS b where b.chat_id = s.id)\n'
    )
    await give_role(any_database, source)
    page = await collect(any_database, source, role=EXPORTER)
    assert not page.failures
    assert (page("sessions_active"), page("sessions_orphaned")) == (3, 2)
    assert await lists_orphans(any_database, source, tmp_path) == 2
    assert refused(any_database, 'SELECT FROM "Other one".unrelated')
    assert refused(any_database, 'INSERT INTO "Other one".banned VALUES (1)')


async def test_a_view_and_not_what_is_below_it(
    any_database: EmbeddedDatabase, collect: Collect, give_role: Callable[..., Awaitable[str]]
) -> None:
    run(
        any_database,
        f"CREATE TABLE public.base ({COLUMNS})",
        "CREATE VIEW public.chat AS SELECT * FROM public.base",
        "INSERT INTO public.base VALUES (1, true, now() - interval '1 day', 'x')",
    )
    await give_role(any_database, CHAT)
    page = await collect(any_database, CHAT, role=EXPORTER)
    assert not page.failures
    assert page("sessions_orphaned") == 1
    assert refused(any_database, "SELECT id FROM public.base")
    assert refused(any_database, "SELECT secret FROM public.chat")


async def test_recovery_that_is_declared_on_a_view_gets_no_right_on_it(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    """A view has no system columns: one GRANT of them, and the rest of the script is not run."""
    run(database, audit_script(), f"CREATE TABLE public.base ({COLUMNS})")
    run(database, "CREATE VIEW public.chat AS SELECT * FROM public.base")
    config = tmp_path / "role.yaml"
    recovering = f"{CHAT}  recovery: {{set: {{is_open: false}}, end_at: now}}\n"
    config.write_text(declarations.one_database(recovering), encoding="utf-8")
    (source,) = load_config(config, {"DATABASE_URL": ""}).sources.values()
    pool = Database(declarations.settings_of(database.dsn))
    try:
        reader = pool.reader(timezone="UTC")
        printed = await grants.recovery_grants(reader, source, role=EXPORTER)
    finally:
        await pool.close()
    assert not any("xmin" in each or ("UPDATE" in each and "chat" in each) for each in printed)
    run(database, *printed)


async def test_a_subquery_over_a_view_is_granted_what_it_names(
    database: EmbeddedDatabase, collect: Collect, give_role: Callable[..., Awaitable[str]]
) -> None:
    run(
        database,
        f"CREATE TABLE public.chat ({COLUMNS})",
        "CREATE TABLE public.messages (chat_id int, sent timestamptz)",
        "CREATE VIEW public.latest AS"
        " SELECT chat_id, max(sent) AS sent FROM public.messages GROUP BY chat_id",
        "INSERT INTO public.chat VALUES (1, true, now() - interval '1 day')",
    )
    source = CHAT + (
        "  last_seen_at: |\n    (SELECT l.sent FROM public.latest AS l WHERE l.chat_id = s.id)\n"
    )
    await give_role(database, source)
    page = await collect(database, source, role=EXPORTER)
    assert not page.failures
    assert page("sessions_orphaned") == 1


async def test_a_subquery_over_a_partitioned_table_is_granted_the_parent(
    database: EmbeddedDatabase, collect: Collect, give_role: Callable[..., Awaitable[str]]
) -> None:
    run(
        database,
        f"CREATE TABLE public.chat ({COLUMNS})",
        "CREATE TABLE public.messages (chat_id int, sent timestamptz) PARTITION BY RANGE (sent)",
        "CREATE TABLE public.messages_old PARTITION OF public.messages DEFAULT",
        "INSERT INTO public.chat VALUES (1, true, now() - interval '1 day')",
    )
    source = CHAT + (
        "  last_seen_at: |\n"
        "    (SELECT max(m.sent) FROM public.messages AS m WHERE m.chat_id = s.id)\n"
    )
    await give_role(database, source)
    page = await collect(database, source, role=EXPORTER)
    assert not page.failures
    assert page("sessions_orphaned") == 1


async def test_a_source_on_a_view_with_a_subquery_is_granted_the_other_table(
    database: EmbeddedDatabase, collect: Collect, give_role: Callable[..., Awaitable[str]]
) -> None:
    run(
        database,
        f"CREATE TABLE public.base ({COLUMNS})",
        "CREATE VIEW public.chat AS SELECT * FROM public.base",
        "CREATE TABLE public.messages (chat_id int, sent timestamptz)",
        "INSERT INTO public.base VALUES (1, true, now() - interval '1 day')",
    )
    source = CHAT + (
        "  last_seen_at: |\n"
        "    (SELECT max(m.sent) FROM public.messages AS m WHERE m.chat_id = s.id)\n"
    )
    await give_role(database, source)
    page = await collect(database, source, role=EXPORTER)
    assert not page.failures


async def test_a_partitioned_table_needs_no_rights_on_its_partitions(
    database: EmbeddedDatabase, collect: Collect, give_role: Callable[..., Awaitable[str]]
) -> None:
    run(
        database,
        f"CREATE TABLE public.chat ({COLUMNS}) PARTITION BY RANGE (started)",
        "CREATE SCHEMA parts",
        "CREATE TABLE parts.rest PARTITION OF public.chat DEFAULT",
        "INSERT INTO public.chat VALUES (1, true, now() - interval '1 day')",
    )
    await give_role(database, CHAT)
    page = await collect(database, CHAT, role=EXPORTER)
    assert not page.failures
    assert page("sessions_orphaned") == 1
    assert page.by("collector", "session_exporter_index_missing") == {"active": 1, "daily": 1}


async def test_names_are_quoted(
    database: EmbeddedDatabase, collect: Collect, give_role: Callable[..., Awaitable[str]]
) -> None:
    schema, table, column = 'My "schema"', "50% {0}", 'a "b" -- c'
    quoted = sql.Identifier(schema, table).as_string(None)
    named = sql.Identifier(column).as_string(None)
    run(
        database,
        f"CREATE SCHEMA {sql.Identifier(schema).as_string(None)}",
        f"CREATE TABLE {quoted} (is_open bool, {named} timestamptz, secret text)",
    )
    source = (
        f"chat:\n  table: |\n    {quoted}\n  active: is_open\n  orphaned_after: 2h\n"
        f"  started_at: |\n    s.{named}\n"
    )
    await give_role(database, source)
    page = await collect(database, source, role=EXPORTER)
    assert not page.failures
    assert refused(database, f"SELECT secret FROM {quoted}")


async def test_an_s_inside_a_quoted_name_is_not_the_whole_row(
    database: EmbeddedDatabase, collect: Collect, give_role: Callable[..., Awaitable[str]]
) -> None:
    run(
        database,
        f"CREATE TABLE public.chat ({COLUMNS})",
        'ALTER TABLE public.chat ADD "it\'s" bool',
    )
    source = CHAT.replace("active: is_open", 'active: |\n    "it\'s"')
    await give_role(database, source)
    assert not (await collect(database, source, role=EXPORTER)).failures
    assert refused(database, "SELECT secret FROM public.chat")


@pytest.mark.quick("don't", "$$")
@pytest.mark.parametrize(
    "active",
    [
        "is_open -- don't count the rest\n    AND s.extra <> 'x'",
        "is_open AND E'it\\'s' <> s.extra AND 'x' <> s.extra",
        "is_open AND $$'$$ <> s.extra AND 'x' <> s.extra",
        "is_open /* it's */ AND s.extra <> 'x'",
    ],
)
async def test_a_lone_apostrophe_hides_no_column_from_the_rights(
    database: EmbeddedDatabase,
    collect: Collect,
    give_role: Callable[..., Awaitable[str]],
    active: str,
) -> None:
    run(
        database,
        f"CREATE TABLE public.chat ({COLUMNS})",
        "ALTER TABLE public.chat ADD extra text",
    )
    source = CHAT.replace("active: is_open", f"active: |\n    {active}")
    await give_role(database, source)
    assert not (await collect(database, source, role=EXPORTER)).failures


async def test_where_every_column_is_read_one_that_is_added_later_may_not_be(
    database: EmbeddedDatabase, collect: Collect, give_role: Callable[..., Awaitable[str]]
) -> None:
    run(database, "CREATE TABLE public.chat (id int, is_open bool, started timestamptz)")
    source = CHAT.replace("active: is_open", "active: is_open AND s.ctid IS NOT NULL")
    printed = await give_role(database, source)
    assert 'GRANT SELECT ("id", "is_open", "started", "ctid") ON "public"."chat"' in printed
    run(database, "ALTER TABLE public.chat ADD secret text")
    assert not (await collect(database, source, role=EXPORTER)).failures
    assert refused(database, "SELECT secret FROM public.chat")


async def test_an_expression_over_the_whole_row_is_granted_every_column(
    database: EmbeddedDatabase, collect: Collect, give_role: Callable[..., Awaitable[str]]
) -> None:
    run(
        database,
        f"CREATE TABLE public.chat ({COLUMNS})",
        "CREATE FUNCTION public.opened(public.chat) RETURNS bool LANGUAGE sql IMMUTABLE"
        " AS 'SELECT $1.is_open'",
    )
    for active in ("public.opened(s)", "s IS NOT NULL", "to_jsonb(s.*) ->> 'id' = '1'"):
        source = CHAT.replace("active: is_open", f"active: |\n    {active}")
        await give_role(database, source)
        assert not (await collect(database, source, role=EXPORTER)).failures


@pytest.mark.parametrize("call", ["app.is_live(is_open)", 'app."is_live" (is_open)'])
async def test_functions_in_other_schemas_can_be_called(
    database: EmbeddedDatabase,
    collect: Collect,
    give_role: Callable[..., Awaitable[str]],
    call: str,
) -> None:
    run(
        database,
        f"CREATE TABLE public.chat ({COLUMNS})",
        "CREATE SCHEMA app",
        "CREATE FUNCTION app.is_live(bool) RETURNS bool LANGUAGE sql AS 'SELECT $1'",
        "CREATE FUNCTION app.is_live(int) RETURNS bool LANGUAGE sql AS 'SELECT true'",
        "REVOKE EXECUTE ON FUNCTION app.is_live(bool) FROM PUBLIC",
    )
    source = CHAT.replace("active: is_open", f"active: |\n    {call}")
    printed = await give_role(database, source)
    assert not (await collect(database, source, role=EXPORTER)).failures
    # Only what not everybody may do already.
    assert "EXECUTE ON FUNCTION app.is_live(boolean)" in printed
    assert "app.is_live(integer)" not in printed


async def test_schemas_of_types_and_operators_can_be_used(
    database: EmbeddedDatabase, collect: Collect, give_role: Callable[..., Awaitable[str]]
) -> None:
    run(
        database,
        f"CREATE TABLE public.chat ({COLUMNS})",
        "INSERT INTO public.chat VALUES (1, true, now() - interval '1 day')",
        "CREATE SCHEMA types",
        "CREATE TYPE types.kind AS ENUM ('x')",
        'CREATE SCHEMA "Other types"',
        "CREATE TYPE \"Other types\".kind AS ENUM ('x')",
        "CREATE SCHEMA ops",
        "CREATE FUNCTION ops.equal(int, int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT $1=$2'",
        "CREATE OPERATOR ops.=== (leftarg = int, rightarg = int, function = ops.equal)",
        "CREATE SCHEMA s",
        "CREATE SCHEMA unused",
    )
    expression = (
        "'x'::types.kind IS NOT NULL AND CAST('x' AS \"Other types\" . kind) IS NOT NULL"
        " AND s.id OPERATOR(ops.===) 1 AND 'unused.x' <> '' AND s.is_open"
    )
    source = CHAT.replace("active: is_open", f"active: |\n    {expression}")
    printed = await give_role(database, source)
    page = await collect(database, source, role=EXPORTER)
    assert not page.failures
    assert page("sessions_orphaned") == 1
    for schema in ("s", "unused", "pg_catalog"):
        assert f'SCHEMA "{schema}"' not in printed


async def test_aggregates_and_window_functions_can_be_called(
    any_database: EmbeddedDatabase, collect: Collect, give_role: Callable[..., Awaitable[str]]
) -> None:
    signatures = {
        "agg.total(integer)": "(sfunc = int4pl, stype = int)",
        "agg.median(float8 ORDER BY anyelement)": "(sfunc = ordered_set_transition,"
        " stype = internal, finalfunc = percentile_disc_final, finalfunc_extra)",
    }
    run(
        any_database,
        f"CREATE TABLE public.chat ({COLUMNS})",
        "CREATE SCHEMA agg",
        *(f"CREATE AGGREGATE {name} {how}" for name, how in signatures.items()),
        "CREATE FUNCTION agg.nth() RETURNS bigint LANGUAGE internal WINDOW AS 'window_row_number'",
        *(f"REVOKE ALL ON ROUTINE {name} FROM PUBLIC" for name in ("agg.total", "agg.nth")),
        "REVOKE ALL ON FUNCTION agg.median(float8, anyelement) FROM PUBLIC",
    )
    source = CHAT.replace(
        "active: is_open",
        "active: |\n    is_open AND (SELECT agg.total(n) FROM generate_series(1, 3) AS n) = 6"
        "\n    AND (SELECT agg.median(0.5) WITHIN GROUP (ORDER BY n) FROM generate_series(1.0, 3)"
        " AS n) = 2"
        "\n    AND (SELECT max(nth) FROM (SELECT agg.nth() OVER () AS nth) AS numbered) = 1",
    )
    await give_role(any_database, source)
    page = await collect(any_database, source, role=EXPORTER)
    assert not page.failures


@pytest.mark.quick("only agg", "CROSS")
@pytest.mark.parametrize(
    "subquery",
    [
        "EXISTS (TABLE agg.o)",
        "EXISTS (table only agg.o)",
        "EXISTS (SELECT FROM (agg.o AS o CROSS JOIN generate_series(1, 2)))",
    ],
)
async def test_tables_are_granted_however_a_subquery_names_them(
    database: EmbeddedDatabase,
    collect: Collect,
    give_role: Callable[..., Awaitable[str]],
    subquery: str,
) -> None:
    run(
        database,
        f"CREATE TABLE public.chat ({COLUMNS})",
        "CREATE SCHEMA agg",
        "CREATE TABLE agg.o (n int)",
    )
    source = CHAT.replace("active: is_open", f"active: |\n    is_open AND {subquery}")
    await give_role(database, source)
    page = await collect(database, source, role=EXPORTER)
    assert not page.failures


OTHER_TABLE = {
    "by its alias": ("EXISTS (SELECT FROM agg.o AS o WHERE o.n = s.id)", False),
    "by its name": ("EXISTS (SELECT FROM agg.o WHERE agg.o.n = s.id)", False),
    "alone": ("s.id NOT IN (SELECT n FROM agg.o)", False),
    "only counted": ("(SELECT count(*) FROM agg.o) >= 0", False),
    "by its version": ("EXISTS (SELECT FROM agg.o WHERE xmin IS NOT NULL)", False),
    "quoted": ("""EXISTS (SELECT FROM agg.o WHERE "Odd one" = 'x')""", False),
    "joined": ("EXISTS (SELECT FROM agg.o JOIN (VALUES (1)) AS v (n) USING (n))", False),
    "by names given here": ("EXISTS (SELECT FROM agg.o AS o (x, y, z) WHERE o.x = 1)", True),
    "naturally": ("EXISTS (SELECT FROM agg.o NATURAL JOIN (VALUES (1)) AS v (n))", True),
    "whole rows": ("EXISTS (SELECT * FROM agg.o WHERE o IS NOT NULL)", True),
    "in a CTE": ("(WITH w AS (SELECT * FROM agg.o) SELECT count(n) FROM w) >= 0", True),
    "as json": ("(SELECT max(to_jsonb(o)::text) FROM agg.o) IS NULL", True),
}


@pytest.mark.quick("alias", "counted", "given", "json")
@pytest.mark.parametrize(("active", "is_whole"), OTHER_TABLE.values(), ids=OTHER_TABLE)
async def test_of_another_table_the_columns_are_granted_that_a_subquery_names(
    database: EmbeddedDatabase,
    collect: Collect,
    give_role: Callable[..., Awaitable[str]],
    *,
    active: str,
    is_whole: bool,
) -> None:
    run(
        database,
        f"CREATE TABLE public.chat ({COLUMNS})",
        "CREATE SCHEMA agg",
        'CREATE TABLE agg.o (n int, "Odd one" text, secret text)',
    )
    source = CHAT.replace("active: is_open", f"active: |\n    {active}")
    await give_role(database, source)
    page = await collect(database, source, role=EXPORTER)
    assert not page.failures
    assert refused(database, "SELECT secret FROM agg.o") is not is_whole


@pytest.mark.quick(
    "o.*) FROM public.chat AS o-", "(chat)", "DISTINCT", "count(*) FROM public.chat-", "max(o.id"
)
@pytest.mark.parametrize(
    ("subquery", "is_whole"),
    [
        ("SELECT count(o.*) FROM public.chat AS o", True),
        ("SELECT count(o) FROM public.chat o", True),
        ("SELECT count(chat) FROM public.chat", True),
        ('SELECT count("Their own") FROM chat AS "Their own"', True),
        ("SELECT count(*) FROM (SELECT DISTINCT * FROM public.chat) AS o", True),
        ("SELECT count(*) FROM (TABLE public.chat) AS o", True),
        ("SELECT count(o.d) FROM public.chat AS o (a, b, c, d)", True),
        ("SELECT count(*) FROM public.chat AS o", False),
        ("SELECT count(*) FROM public.chat", False),
        ("SELECT max(o.id * 2) FROM public.chat AS o WHERE o.id = s.id", False),
        ("SELECT count(p.*) FROM public.chat AS o JOIN pairs AS p ON p.id = o.id", False),
    ],
)
async def test_the_source_s_own_table_is_granted_whole_where_a_subquery_reads_whole_rows(
    database: EmbeddedDatabase,
    collect: Collect,
    give_role: Callable[..., Awaitable[str]],
    subquery: str,
    is_whole: bool,
) -> None:
    run(
        database,
        f"CREATE TABLE public.chat ({COLUMNS})",
        "CREATE TABLE public.pairs (id int)",
        "INSERT INTO public.chat VALUES (1, true, now() - interval '1 day', 'x')",
    )
    source = CHAT.replace("active: is_open", f"active: |\n    is_open OR ({subquery}) > 0")
    await give_role(database, source)
    page = await collect(database, source, role=EXPORTER)
    assert not page.failures
    assert page("sessions_orphaned") == 1
    assert refused(database, "SELECT secret FROM public.chat") is not is_whole


async def test_without_the_rights_the_failure_says_which_command_prints_them(
    any_database: EmbeddedDatabase, collect: Collect
) -> None:
    run(any_database, f"DROP OWNED BY {EXPORTER}")
    run(any_database, f'GRANT CONNECT ON DATABASE "{any_database.name}" TO {EXPORTER}')
    page = await collect(any_database, CONVERSATIONS, role=EXPORTER)
    for sentence in page.failures.values():
        assert "permission denied" in sentence
        assert "`session-exporter sql role` prints the rights that are needed" in sentence
    assert page("session_exporter_collection_errors_total", reason="permission") == 3


async def test_a_role_that_row_level_security_filters_gets_an_error_and_no_zero(
    any_database: EmbeddedDatabase, collect: Collect, give_role: Callable[..., Awaitable[str]]
) -> None:
    run(
        any_database,
        f"CREATE TABLE public.chat ({COLUMNS})",
        "INSERT INTO public.chat VALUES (1, true, now() - interval '1 day')",
        "ALTER TABLE public.chat ENABLE ROW LEVEL SECURITY",
    )
    await give_role(any_database, CHAT)
    with any_database.connect(EXPORTER) as connection:
        counted = connection.execute("SELECT count(id) FROM public.chat").fetchall()
        assert counted == [(0,)]
    page = await collect(any_database, CHAT, role=EXPORTER)
    assert page("sessions_active") is None
    assert page("sessions_orphaned") is None
    assert "row-level security" in page.failures["chat", "active"]
    assert page("session_exporter_collection_errors_total", reason="permission")


async def test_a_policy_that_shows_every_row_can_be_trusted(
    database: EmbeddedDatabase, give_role: Callable[..., Awaitable[str]], tmp_path: Path
) -> None:
    run(
        database,
        f"CREATE TABLE public.chat ({COLUMNS})",
        "INSERT INTO public.chat VALUES (1, true, now() - interval '1 day')",
        "ALTER TABLE public.chat ENABLE ROW LEVEL SECURITY",
    )
    await give_role(database, CHAT)
    run(database, f"CREATE POLICY everything ON public.chat FOR SELECT TO {EXPORTER} USING (true)")
    environ = {"DATABASE_URL": database.dsn_for(EXPORTER)}
    text = declarations.one_database(CHAT)
    page = await pages.collect_config(tmp_path / "config.yaml", text, environ)
    assert page("sessions_active") is None
    trusting = text.replace('"${DATABASE_URL}"', '"${DATABASE_URL}", row_security: trust')
    page = await pages.collect_config(tmp_path / "config.yaml", trusting, environ)
    assert not page.failures
    assert page("sessions_orphaned") == 1


async def test_collection_is_read_only_even_for_a_role_that_may_write(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    run(
        database,
        f"CREATE TABLE public.chat ({COLUMNS})",
        "CREATE FUNCTION public.closes() RETURNS bool LANGUAGE sql AS"
        " 'UPDATE public.chat SET is_open = false RETURNING true'",
        "INSERT INTO public.chat VALUES (1, true, now())",
    )
    source = CHAT.replace("active: is_open", "active: |\n    public.closes()")
    page = await collect(database, source)
    assert "read-only transaction" in page.failures["chat", "active"]
    with database.connect() as connection:
        assert connection.execute("SELECT is_open FROM public.chat").fetchall() == [(True,)]


def test_the_printed_commands_are_sql_that_a_new_server_takes(database: EmbeddedDatabase) -> None:
    printed = role_sql("some_reader", [("app", database.name, [])])
    with database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute(printed.encode())
        found = connection.execute(
            "SELECT has_database_privilege('some_reader', current_database(), 'CONNECT'),"
            " has_database_privilege('some_reader', current_database(), 'CREATE')"
        ).fetchall()
    assert found == [(True, False)]
