"""`check --live` proves a source against its database: a finding per question, true both ways."""

import itertools
from collections.abc import Callable

import pytest

from exporter.clock import Clock
from exporter.config import Source
from exporter.database import Database as Pool
from exporter.demo.databases import Database
from exporter.demo.schemas import APP, EXPORTER
from exporter.live_check import Finding, Status, check_all
from tests.integration import collecting
from tests.integration.collecting import CONVERSATIONS

SourceOf = Callable[[str], Source]

CHAT = """\
chat:
  table: chat
  active: is_open
  started_at: started
  orphaned_after: 2h
"""


def run(database: Database, *statements: str) -> None:
    with database.connect() as connection:
        for statement in statements:
            connection.execute(statement.encode())


async def check(
    database: Database,
    *sources: Source,
    role: str = "postgres",
    ahead: float = 0.0,
    **settings: str,
) -> dict[str, Finding]:
    """The findings by what was checked, with an exporter whose clock is `ahead` seconds ahead."""
    with database.connect() as connection:
        ((now,),) = connection.execute("SELECT extract(epoch FROM now())::float8").fetchall()
    ticks = itertools.count()
    clock = Clock(monotonic=lambda: 0.0, wall=lambda: now + ahead + 0.001 * next(ticks))
    plain = collecting.settings_of(database.dsn_for(role))
    pool = Pool(plain.model_copy(update=settings))
    try:
        return {each.check: each async for each in check_all(pool, sources, clock)}
    finally:
        await pool.close()


async def test_a_source_that_fits_gets_ticks_only(
    any_database: Database, source_of: SourceOf
) -> None:
    with any_database.connect(APP) as connection:
        connection.execute(
            "INSERT INTO conversations.conversation_sessions (session_id, user_id)"
            " VALUES (gen_random_uuid(), 'u')"
        )
    found = await check(any_database, source_of(CONVERSATIONS), role=EXPORTER)
    assert {each.status for each in found.values()} == {Status.OK}
    assert [*found] == [
        "connection",
        "replica",
        "clock",
        "table",
        "expressions",
        "rights",
        "read-only",
        "evaluation",
        "index for active",
        "index for daily",
        "cost",
        "series",
    ]
    assert found["connection"].message.endswith(f" as {EXPORTER}")
    assert "started_at is timestamp with time zone" in found["expressions"].message
    assert "all 1 active rows" in found["evaluation"].message
    assert found["series"].message.startswith("at most 55 ")


async def test_a_missing_index_is_a_cross_with_the_command_that_mends_it(
    database: Database, source_of: SourceOf
) -> None:
    run(database, "CREATE TABLE chat (is_open bool, started timestamptz)")
    source = source_of(CHAT)
    found = await check(database, source)
    for name in ("index for active", "index for daily"):
        assert found[name].status is Status.FAILED
        run(database, *found[name].commands)
    found = await check(database, source)
    assert found["index for active"].status is found["index for daily"].status is Status.OK


async def test_where_no_index_can_be_offered_it_warns(
    database: Database, source_of: SourceOf
) -> None:
    run(
        database,
        "CREATE TABLE base (is_open bool, started timestamptz)",
        "CREATE VIEW chat AS SELECT * FROM base",
    )
    found = (await check(database, source_of(CHAT)))["index for active"]
    assert (found.status, found.commands) == (Status.WARNING, ())
    assert "is a view" in found.message


async def test_a_role_that_could_write_gets_a_warning(
    database: Database, source_of: SourceOf
) -> None:
    found = (await check(database, source_of(CONVERSATIONS), role=APP))["read-only"]
    assert found.status is Status.WARNING
    assert "INSERT, UPDATE, DELETE, TRUNCATE" in found.message


@pytest.mark.parametrize("privilege", ["INSERT", "UPDATE"])
async def test_a_role_that_could_write_a_single_column_gets_a_warning_too(
    database: Database, source_of: SourceOf, privilege: str
) -> None:
    table = "conversations.conversation_sessions"
    run(database, f"GRANT {privilege} (session_end) ON {table} TO {EXPORTER}")
    found = (await check(database, source_of(CONVERSATIONS), role=EXPORTER))["read-only"]
    assert found.status is Status.WARNING
    assert f"the role could also {privilege}; " in found.message


async def test_row_level_security_is_a_cross_unless_it_is_trusted(
    database: Database, source_of: SourceOf
) -> None:
    run(
        database,
        "ALTER TABLE conversations.conversation_sessions ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY all_of_it ON conversations.conversation_sessions USING (true)",
    )
    source = source_of(CONVERSATIONS)
    found = (await check(database, source, role=EXPORTER))["permission"]
    assert found.status is Status.FAILED
    assert "row_security: trust" in found.message
    trusted = await check(database, source, role=EXPORTER, row_security="trust")
    assert trusted["row-level security"].status is Status.WARNING
    assert Status.FAILED not in {each.status for each in trusted.values()}


async def test_what_does_not_fit_is_a_cross_that_says_why(
    database: Database, source_of: SourceOf
) -> None:
    run(database, "CREATE TABLE chat (is_open int, started timestamp)")
    found = (await check(database, source_of(CHAT)))["schema"]
    assert found.status is Status.FAILED
    assert "active: expected a condition (boolean), got integer" in found.message
    assert "timestamps_in" in found.message


async def test_an_expression_that_fails_on_a_row_is_named(
    database: Database, source_of: SourceOf
) -> None:
    run(
        database,
        "CREATE TABLE chat (is_open bool, started timestamptz, note text)",
        "INSERT INTO chat VALUES (true, now(), 'yesterday, perhaps')",
    )
    found = await check(database, source_of(CHAT + "  last_seen_at: |\n    note::timestamptz\n"))
    assert found["evaluation"].status is Status.FAILED
    assert found["evaluation"].message == "last_seen_at: a text is no date or time"


async def test_without_a_connection_nothing_else_is_asked(
    database: Database, source_of: SourceOf
) -> None:
    closed = database.dsn.replace(f":{database.server.port}/", ":1/")
    found = await check(database, source_of(CONVERSATIONS), dsn=closed)
    assert [*found] == ["connection"]
    assert found["connection"].status is Status.FAILED


async def test_a_clock_that_is_off_gets_a_warning(database: Database, source_of: SourceOf) -> None:
    found = (await check(database, source_of(CONVERSATIONS), ahead=60.0))["clock"]
    assert found.status is Status.WARNING
    assert "behind this machine's" in found.message
