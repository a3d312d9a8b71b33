"""Views that hide, that write, or that have no data: a sentence, and never a number too low."""

from collections.abc import Callable

import pytest

from exporter.check.findings import Finding, Status
from exporter.check.source import check_source
from exporter.config import Source
from exporter.config.fields.sql import TableName
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.errors import PermissionDenied
from exporter.postgres import Database
from exporter.recovery.rule.binding import bind_rule
from exporter.sessions.expressions.used_objects import require_no_effects
from exporter.sessions.grants import RECOVERY_ROLE, ROLE, grants, recovery_grants
from exporter.sessions.relation import find
from tests.support.collection import declarations
from tests.support.collection.pages import Collect
from tests.support.servers.statements import execute

SourceOf = Callable[[str], Source]

ACTIVITY = """\
clients:
  table: {table}
  active: |
    {active}
  started_at: backend_start
  orphaned_after: 2h
  daily: null
"""
VIEW = "CREATE VIEW public.clients AS SELECT * FROM pg_stat_activity WHERE datname IS NOT NULL"
#: As before PostgreSQL had pg_stat_get_activity().
BACKENDS = (
    "CREATE VIEW public.backends AS SELECT pg_stat_get_backend_start(id) AS backend_start,"
    " pg_stat_get_backend_activity(id) AS state FROM pg_stat_get_backend_idset() AS id"
)
SUBQUERY = "s.pid IN (SELECT a.pid FROM pg_stat_activity AS a WHERE a.state IS NOT NULL)"


@pytest.mark.parametrize(
    ("table", "active"),
    [
        ("pg_catalog.pg_stat_activity", "s.state IS NOT NULL"),
        ("public.clients", "s.state IS NOT NULL"),
        ("public.backends", "s.state IS NOT NULL"),
        ("public.pids", SUBQUERY),
        ("public.pids", SUBQUERY.replace("pg_stat_activity", "public.clients")),
        ("public.pids", SUBQUERY.replace("pg_stat_activity", "PG_STAT_ACTIVITY")),
    ],
    ids=[
        "the view itself",
        "a view on it",
        "another view",
        "a subquery",
        "a view in a subquery",
        "in capitals",
    ],
)
async def test_what_other_roles_do_is_counted_by_a_member_alone(
    any_database: EmbeddedDatabase,
    collect: Collect,
    source_of: SourceOf,
    table: str,
    active: str,
) -> None:
    pids = "CREATE TABLE public.pids AS SELECT pid, backend_start FROM pg_stat_activity"
    visible = f"GRANT SELECT ON clients, pids, backends TO {EXPORTER}"
    execute(any_database, VIEW, BACKENDS, pids, visible)
    text = ACTIVITY.format(table=table, active=active)
    refused = await collect(any_database, text, role=EXPORTER)
    assert refused("session_exporter_collection_errors_total", reason="permission")
    grant = f'GRANT pg_read_all_stats TO "{EXPORTER}";'
    assert refused.failures["clients", "active"].endswith(f"ask a DBA to run: {grant}")
    pool = Database(declarations.settings_of(any_database.dsn))
    try:
        printed = await grants(pool.reader(), source_of(text))
    finally:
        await pool.close()
    assert f"GRANT pg_read_all_stats TO {ROLE};" in printed
    execute(any_database, f"GRANT pg_read_all_stats TO {EXPORTER}")
    try:
        page = await collect(any_database, text, role=EXPORTER)
    finally:
        execute(any_database, f"REVOKE pg_read_all_stats FROM {EXPORTER}")
    assert not page.failures
    assert page("sessions_active")


@pytest.mark.parametrize("key", ["evidence", "exempt"])
async def test_a_proof_of_life_that_is_hidden_from_the_role_is_none_and_nothing_is_closed(
    any_database: EmbeddedDatabase, source_of: SourceOf, key: str
) -> None:
    pids = "CREATE TABLE public.pids AS SELECT pid, backend_start FROM pg_stat_activity"
    unique = "CREATE UNIQUE INDEX ON public.pids (pid)"
    execute(any_database, VIEW, pids, unique, f"GRANT SELECT ON clients, pids TO {EXPORTER}")
    proof = SUBQUERY.replace("pg_stat_activity", "public.clients")
    source = source_of(
        ACTIVITY.format(table="public.pids", active="s.pid > 0")
        + "  id: pid\n"
        + f"  recovery: {{set: {{pid: '0'}}, end_at: now, {key}: '{proof}'}}\n"
    )
    pool = Database(declarations.settings_of(any_database.dsn))
    exporter = Database(declarations.settings_of(any_database.dsn_for(EXPORTER)))
    try:
        printed = await recovery_grants(pool.reader(), source, role=RECOVERY_ROLE)
        assert f"GRANT pg_read_all_stats TO {RECOVERY_ROLE};" in printed
        assert f"GRANT pg_read_all_stats TO {ROLE};" not in await grants(pool.reader(), source)
        await bind_rule(pool.reader(), source)
        with pytest.raises(PermissionDenied, match="live sessions would be closed; ask a DBA"):
            await bind_rule(exporter.reader(), source)
    finally:
        await pool.close()
        await exporter.close()


async def test_a_view_of_this_application_needs_no_such_right(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    execute(database, "CREATE VIEW clients AS SELECT now() AS backend_start, true AS is_on")
    pool = Database(declarations.settings_of(database.dsn))
    text = ACTIVITY.format(table="public.clients", active="s.is_on")
    try:
        printed = await grants(pool.reader(), source_of(text))
    finally:
        await pool.close()
    assert not any("pg_read_all_stats" in each for each in printed)


@pytest.mark.parametrize(
    ("create", "sentence"),
    [
        (
            "CREATE MATERIALIZED VIEW clients AS SELECT now() AS backend_start WITH NO DATA",
            'materialized view "clients" has not been populated. Use the REFRESH MATERIALIZED VIEW',
        ),
        (
            "CREATE VIEW clients AS SELECT now() AS backend_start, nextval('numbers') AS n",
            "public.clients calls nextval(): each collection would write, lock or send something",
        ),
        (
            (
                "CREATE FUNCTION one() RETURNS bigint LANGUAGE sql"
                " AS $$ SELECT nextval('numbers') $$;"
                "CREATE VIEW clients AS SELECT now() AS backend_start, one() AS n"
            ),
            "cannot execute nextval() in a read-only transaction; collection only reads",
        ),
    ],
    ids=["no data", "writes", "writes in a function"],
)
async def test_a_view_that_cannot_be_read_is_a_problem_of_the_schema(
    any_database: EmbeddedDatabase,
    collect: Collect,
    source_of: SourceOf,
    create: str,
    sentence: str,
) -> None:
    execute(any_database, "CREATE SEQUENCE numbers", create)
    reads = "s.backend_start IS NOT NULL" + (" AND s.n > 0" if "nextval" in create else "")
    text = ACTIVITY.format(table="public.clients", active=reads)
    page = await collect(any_database, text)
    assert page("session_exporter_collection_errors_total", reason="schema")
    assert page.failures["clients", "active"].startswith(sentence)
    if "FUNCTION" not in create:
        checked = await check(any_database, source_of(text))
        assert checked["schema"].status is Status.FAILED
        assert checked["schema"].message.startswith(sentence)


async def check(database: EmbeddedDatabase, source: Source) -> dict[str, Finding]:
    pool = Database(declarations.settings_of(database.dsn))
    try:
        return {each.check: each async for each in check_source(pool, source)}
    finally:
        await pool.close()


@pytest.mark.quick("setval", "nested", "pg_notify")
@pytest.mark.parametrize(
    "called",
    [
        "setval('numbers', 7)",
        "set_config('a.b', 'c', false)",
        "pg_notify('a', 'b')::text",
        "pg_advisory_xact_lock(7)::text",
        "pg_try_advisory_lock(7)",
        "txid_current()",
        "pg_current_xact_id()",
        "lo_create(0)",
        "pg_terminate_backend(0)",
        "pg_logical_emit_message(true, 'a', 'b')",
    ],
)
@pytest.mark.parametrize("is_nested", [False, True], ids=["direct", "nested"])
async def test_a_view_that_writes_locks_or_sends_is_refused_before_it_does_so(
    database: EmbeddedDatabase, source_of: SourceOf, called: str, *, is_nested: bool
) -> None:
    """Also where it has no row yet, and PostgreSQL could not find out."""
    view = f"SELECT now() AS backend_start, {called} AS n FROM nothing"
    where = "clients"
    execute(database, "CREATE SEQUENCE numbers", "CREATE TABLE nothing ()")
    if is_nested:
        where = "below"
        execute(database, f"CREATE VIEW below AS {view}", "CREATE VIEW among AS TABLE below")
        view = "SELECT * FROM among WHERE n IS NOT NULL"
    execute(database, f"CREATE VIEW clients AS {view}")
    text = ACTIVITY.format(table="public.clients", active="s.backend_start IS NOT NULL")
    finding = (await check(database, source_of(text)))["schema"]
    assert finding.status is Status.FAILED
    name = called.partition("(")[0]
    assert finding.message.startswith(f"public.{where} calls {name}(): each collection would")


async def test_an_operator_that_locks_is_found_like_its_function(
    any_database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    function = "FUNCTION = pg_catalog.pg_try_advisory_lock"
    execute(
        any_database,
        f"CREATE OPERATOR public.@@@@ (RIGHTARG = bigint, {function})",
        "CREATE VIEW clients AS SELECT now() AS backend_start WHERE @@@@ 7::bigint",
    )
    text = ACTIVITY.format(table="public.clients", active="s.backend_start IS NOT NULL")
    finding = (await check(any_database, source_of(text)))["schema"]
    assert finding.message.startswith("public.clients calls pg_try_advisory_lock(): each")


async def test_a_view_whose_volatile_functions_do_nothing_is_collected(
    any_database: EmbeddedDatabase, collect: Collect
) -> None:
    execute(
        any_database,
        "CREATE FUNCTION own() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'",
        "CREATE FUNCTION pg_notify(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE MATERIALIZED VIEW kept AS SELECT txid_current() AS n",
        "CREATE VIEW clients AS SELECT clock_timestamp() AS backend_start, random() AS r,"
        " gen_random_uuid() AS id, own() AS o, public.pg_notify(1) AS p, pg_sleep(0)::text AS s,"
        " txid_current_if_assigned() AS t, kept.n FROM kept",
    )
    active = "s.r >= 0 AND s.o = 1 AND s.n IS NOT NULL AND s.id IS NOT NULL"
    page = await collect(any_database, ACTIVITY.format(table="public.clients", active=active))
    assert not page.failures
    assert page("sessions_active") == 1


async def test_no_view_of_postgresql_itself_is_refused(any_database: EmbeddedDatabase) -> None:
    with any_database.connect() as connection:
        views = connection.execute(
            "SELECT schemaname, viewname FROM pg_views"
            " WHERE schemaname IN ('pg_catalog', 'information_schema')"
        ).fetchall()
    assert len(views) > 100
    pool = Database(declarations.settings_of(any_database.dsn))
    try:
        reader = pool.reader()
        for schema, name in views:
            table = TableName(schema_=schema, name=name)
            await require_no_effects(reader, await find(reader, table))
    finally:
        await pool.close()


async def test_a_materialized_view_without_rows_counts_none(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    execute(
        database,
        "CREATE MATERIALIZED VIEW clients AS SELECT now() AS backend_start WHERE false",
    )
    active = "s.backend_start IS NOT NULL"
    page = await collect(database, ACTIVITY.format(table="public.clients", active=active))
    assert not page.failures
    assert page("sessions_active") == 0
