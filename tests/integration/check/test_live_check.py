"""`check --live` proves a source against its database: a finding per question, true both ways."""

import itertools
import re
from collections.abc import Callable

import pytest

from exporter.check.findings import Finding, Status
from exporter.check.live import check_all
from exporter.clock import Clock
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP, EXPORTER
from exporter.postgres import Database
from tests.support.collection import declarations
from tests.support.collection.declarations import CONVERSATIONS
from tests.support.servers.statements import execute as run

SourceOf = Callable[[str], Source]

CHAT = """\
chat:
  table: chat
  active: is_open
  started_at: started
  orphaned_after: 2h
"""


async def check(
    database: EmbeddedDatabase,
    *sources: Source,
    role: str = "postgres",
    ahead: float = 0.0,
    **settings: str | float,
) -> dict[str, Finding]:
    """The findings by what was checked, with an exporter whose clock is `ahead` seconds ahead."""
    with database.connect() as connection:
        ((now,),) = connection.execute("SELECT extract(epoch FROM now())::float8").fetchall()
    ticks = itertools.count()
    clock = Clock(monotonic=lambda: 0.0, wall=lambda: now + ahead + 0.001 * next(ticks))
    plain = declarations.settings_of(database.dsn_for(role))
    pool = Database(plain.model_copy(update=settings))
    try:
        return {each.check: each async for each in check_all(pool, sources, clock)}
    finally:
        await pool.close()


async def test_a_source_that_fits_gets_ticks_only(
    any_database: EmbeddedDatabase, source_of: SourceOf
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
        "search path",
        "time limits",
        "encryption",
        "table",
        "expressions",
        "rights",
        "read-only",
        "evaluation",
        "sessions",
        "index for active",
        "index for daily",
        "cost",
        "evaluation for daily",
        "cost of daily",
        "mass end",
        "series",
        "alert",
    ]
    assert found["connection"].message.endswith(f" as {EXPORTER}")
    assert "started_at is timestamp with time zone" in found["expressions"].message
    assert "all 1 active rows" in found["evaluation"].message
    assert found["series"].message.startswith("at most 91 ")


@pytest.mark.parametrize("is_analyzed", [False, True])
async def test_a_missing_index_of_a_large_table_is_a_cross_with_the_command_that_mends_it(
    database: EmbeddedDatabase, source_of: SourceOf, *, is_analyzed: bool
) -> None:
    run(
        database,
        "CREATE TABLE chat (is_open bool, started timestamptz)",
        "INSERT INTO chat SELECT false, now() - interval '1 year' FROM generate_series(1, 200000)",
    )
    if is_analyzed:
        run(database, "ANALYZE chat")
    source = source_of(CHAT)
    found = await check(database, source)
    for name in ("index for active", "index for daily"):
        assert found[name].status is Status.FAILED
        run(database, *found[name].commands)
    found = await check(database, source)
    assert found["index for active"].status is found["index for daily"].status is Status.OK


async def test_a_missing_index_of_a_small_table_is_a_remark_with_the_same_command(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    run(
        database,
        "CREATE TABLE chat (is_open bool, started timestamptz)",
        "INSERT INTO chat SELECT false, now() - interval '1 year' FROM generate_series(1, 1000)",
        "ANALYZE chat",
    )
    source = source_of(CHAT)
    found = await check(database, source)
    for name in ("index for active", "index for daily"):
        assert found[name].status is Status.WARNING
        assert "at about 1000 rows that costs little" in found[name].message
        run(database, *found[name].commands)
    found = await check(database, source)
    assert found["index for active"].status is found["index for daily"].status is Status.OK


async def test_a_missing_index_of_a_small_table_is_a_cross_where_its_collection_is_slow(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    run(
        database,
        "CREATE TABLE chat (is_open bool, started timestamptz)",
        "INSERT INTO chat SELECT true, now() FROM generate_series(1, 9)",
    )
    slow = "where: |\n    pg_sleep(0.02) IS NOT NULL"
    found = await check(database, source_of(f"{CHAT}  {slow}\n  daily: null\n"))
    assert found["index for active"].status is Status.FAILED


@pytest.mark.quick("bigint")
@pytest.mark.parametrize(
    ("type_", "none", "epoch"),
    [
        ("timestamp", "'9999-12-31'", ""),
        ("timestamptz", "'1990-01-01'", ""),
        ("bigint", "631152000000", ", epoch: ms"),
    ],
)
async def test_a_value_that_most_active_rows_share_is_named_until_it_is_declared_as_none(
    database: EmbeddedDatabase, source_of: SourceOf, type_: str, none: str, epoch: str
) -> None:
    run(
        database,
        f"CREATE TABLE chat (is_open bool, started timestamptz, ended {type_}, seen {type_})",
        f"INSERT INTO chat SELECT n < 6, now(), {none}, {none} FROM generate_series(1, 9) AS n",
        "UPDATE chat SET ended = NULL WHERE ctid IN (SELECT ctid FROM chat WHERE is_open LIMIT 2)",
    )
    more = "  timestamps_in: UTC\n"
    declared = {
        "last_seen_at": f"last_seen_at: {{column: seen{epoch}}}",
        "ended_at": f"ended_at: {{column: ended{epoch}}}",
    }

    async def named() -> dict[str, Finding]:
        lines = [f"  {line}\n" for each in declared.values() for line in each.splitlines()]
        found = await check(database, source_of(CHAT + more + "".join(lines)))
        assert found["evaluation"].status is Status.OK
        return {key: each for key, each in found.items() if key.startswith("value of ")}

    warnings = await named()
    assert [*warnings] == ["value of last_seen_at", "value of ended_at"]
    assert warnings["value of ended_at"].message.startswith("3 of 5 active rows have the value ")
    for finding in warnings.values():
        assert finding.status is Status.WARNING
        (line,) = finding.commands
        declared[line.partition(":")[0]] = line
    assert await named() == {}


@pytest.mark.quick("now", "0001")
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("last_seen_at", "now() - interval '1 hour'"),  # one statement writes every heartbeat
        ("ended_at", "'0001-01-01'"),
        ("ended_at", "'infinity'"),
        ("ended_at", "NULL"),
    ],
)
async def test_a_shared_value_that_may_be_one_or_that_is_none_anyway_is_not_named(
    database: EmbeddedDatabase, source_of: SourceOf, key: str, value: str
) -> None:
    run(
        database,
        "CREATE TABLE chat (is_open bool, started timestamptz, at timestamptz)",
        f"INSERT INTO chat SELECT true, now() - '1 day'::interval, {value}"
        " FROM generate_series(1, 5)",
    )
    found = await check(database, source_of(f"{CHAT}  {key}: at\n"))
    assert f"value of {key}" not in found


async def test_where_no_index_can_be_offered_it_warns(
    database: EmbeddedDatabase, source_of: SourceOf
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
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    found = (await check(database, source_of(CONVERSATIONS), role=APP))["read-only"]
    assert found.status is Status.WARNING
    table = "conversations.conversation_sessions"
    assert f"could also INSERT, UPDATE, DELETE, TRUNCATE on {table}; " in found.message


@pytest.mark.parametrize("privilege", ["INSERT", "UPDATE"])
async def test_a_role_that_could_write_a_single_column_gets_a_warning_too(
    database: EmbeddedDatabase, source_of: SourceOf, privilege: str
) -> None:
    table = "conversations.conversation_sessions"
    run(database, f"GRANT {privilege} (session_end) ON {table} TO {EXPORTER}")
    found = (await check(database, source_of(CONVERSATIONS), role=EXPORTER))["read-only"]
    assert found.status is Status.WARNING
    assert f"the role could also {privilege} on {table}; " in found.message


async def test_row_level_security_is_a_cross_unless_it_is_trusted(
    database: EmbeddedDatabase, source_of: SourceOf
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


WITH_MUTES = CHAT.replace(
    "active: is_open",
    "active: |\n    s.is_open AND NOT EXISTS (SELECT FROM mutes AS m WHERE m.id = s.id)",
)


@pytest.fixture
def mutes(database: EmbeddedDatabase) -> EmbeddedDatabase:
    """The chats' expressions read another table; the role may read both."""
    run(
        database,
        "CREATE TABLE chat (id int, is_open bool, started timestamptz)",
        "CREATE TABLE mutes (id int, owner text) PARTITION BY LIST (owner)",
        "CREATE TABLE mutes_of_all PARTITION OF mutes DEFAULT",
        f"GRANT SELECT ON chat, mutes TO {EXPORTER}",
    )
    return database


@pytest.mark.quick("ALTER TABLE chat", "CREATE POLICY", "mutes_of_all")
@pytest.mark.parametrize(
    "harm",
    [
        "ALTER TABLE mutes ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE chat ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE mutes ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON mutes USING (id < 3)",
        "ALTER TABLE mutes_of_all ENABLE ROW LEVEL SECURITY",  # nobody reads it by this name
    ],
)
async def test_row_level_security_of_whatever_is_read_is_told(
    mutes: EmbeddedDatabase, source_of: SourceOf, harm: str
) -> None:
    source = source_of(WITH_MUTES)
    found = await check(mutes, source, role=EXPORTER, row_security="trust")
    assert found["rights"].status is Status.OK
    run(mutes, harm)
    found = await check(mutes, source, role=EXPORTER, row_security="trust")
    if "mutes_of_all" in harm:
        assert found["rights"].status is Status.OK
        return
    assert "rights" not in found
    table = f"public.{harm.split()[2]}"
    assert found["row-level security"].status is Status.WARNING
    assert f"applies to this role on {table} and is trusted" in found["row-level security"].message
    refused = await check(mutes, source, role=EXPORTER)
    assert refused["permission"].status is Status.FAILED


async def test_row_level_security_of_a_table_below_a_view_is_told(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    run(
        database,
        "CREATE TABLE base (is_open bool, started timestamptz)",
        "CREATE VIEW chat WITH (security_invoker) AS SELECT * FROM base",
        f"GRANT SELECT ON base, chat TO {EXPORTER}",
        "ALTER TABLE base ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY p ON base USING (is_open IS NULL)",
    )
    found = await check(database, source_of(CHAT), role=EXPORTER, row_security="trust")
    assert "on public.base and is trusted" in found["row-level security"].message


async def test_rights_to_write_to_another_table_that_is_read_are_told(
    mutes: EmbeddedDatabase, source_of: SourceOf
) -> None:
    source = source_of(WITH_MUTES)
    assert (await check(mutes, source, role=EXPORTER))["read-only"].status is Status.OK
    run(mutes, f"GRANT UPDATE (owner), DELETE ON mutes TO {EXPORTER}")
    found = (await check(mutes, source, role=EXPORTER))["read-only"]
    assert found.status is Status.WARNING
    assert "the role could also UPDATE, DELETE on public.mutes; " in found.message


@pytest.mark.parametrize("missing", ["SELECT ON chat", "SELECT ON mutes", "USAGE ON SCHEMA public"])
async def test_a_missing_right_is_a_cross_that_says_how_to_get_it(
    mutes: EmbeddedDatabase, source_of: SourceOf, missing: str
) -> None:
    run(mutes, f"REVOKE {missing} FROM {EXPORTER}, public")
    found = await check(
        mutes, source_of(WITH_MUTES.replace("chat\n", "public.chat\n")), role=EXPORTER
    )
    crosses = [each for each in found.values() if each.status is Status.FAILED]
    assert [each.check for each in crosses] == ["permission"]
    *_, name = missing.split()
    assert (
        f"permission denied for {'schema' if name == 'public' else 'table'} {name}"
        in crosses[0].message
    )
    assert crosses[0].message.endswith("; ask a DBA to run:")
    run(mutes, *crosses[0].commands)
    found = await check(
        mutes, source_of(WITH_MUTES.replace("chat\n", "public.chat\n")), role=EXPORTER
    )
    assert "permission" not in found


async def test_what_does_not_fit_is_a_cross_that_says_why(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    run(database, "CREATE TABLE chat (is_open int, started timestamp)")
    found = (await check(database, source_of(CHAT)))["schema"]
    assert found.status is Status.FAILED
    assert "active: expected a condition (boolean), got integer" in found.message
    assert "timestamps_in" in found.message


async def test_an_expression_that_fails_on_a_row_is_named(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    run(
        database,
        "CREATE TABLE chat (is_open bool, started timestamptz, note text)",
        "INSERT INTO chat VALUES (true, now(), 'yesterday, perhaps')",
    )
    found = await check(database, source_of(CHAT + "  last_seen_at: |\n    note::timestamptz\n"))
    assert found["evaluation"].status is Status.FAILED
    assert found["evaluation"].message == "last_seen_at: a text is not a date or time"


WITH_DURATION = CHAT + "  duration: |\n    dur::float8\n"


async def test_an_expression_that_fails_on_a_closed_session_fails_the_daily_statistics(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    run(
        database,
        "CREATE TABLE chat (is_open bool, started timestamptz, dur text, seen text)",
        "INSERT INTO chat VALUES (true, now(), '5', 'now'), (false, now(), 'abc', 'never')",
    )
    unread = "  last_seen_at: |\n    seen::timestamptz\n"
    found = await check(database, source_of(WITH_DURATION + unread))
    assert found["evaluation"].status is Status.OK
    failed = found["evaluation for daily"]
    assert failed.status is Status.FAILED
    assert failed.message == "duration: a text does not have the format of its type"
    assert "series" in found  # what else there is to know is still said


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM chat WHERE NOT is_open",
        "UPDATE chat SET dur = '7' WHERE NOT is_open",
        "UPDATE chat SET started = now() - interval '9 days' WHERE NOT is_open",
    ],
)
async def test_only_what_the_daily_statistics_read_has_to_be_right(
    database: EmbeddedDatabase, source_of: SourceOf, change: str
) -> None:
    run(
        database,
        "CREATE TABLE chat (is_open bool, started timestamptz, dur text, note text)",
        "INSERT INTO chat VALUES (true, now(), '5', '1'), (false, now(), 'abc', 'x')",
        change,
    )
    source = source_of(WITH_DURATION + "  show: [{n: s.note::int}]\n")
    found = await check(database, source)
    assert found["evaluation for daily"].status is Status.OK
    assert "in its 7 days" in found["evaluation for daily"].message


async def test_without_daily_statistics_closed_sessions_are_not_read(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    run(
        database,
        "CREATE TABLE chat (is_open bool, started timestamptz, dur text)",
        "INSERT INTO chat VALUES (false, now(), 'abc')",
    )
    found = await check(database, source_of(WITH_DURATION + "  daily: null\n"))
    assert not {each for each in found if each.endswith("daily")}


def blocks(finding: Finding) -> int:
    """How many blocks a collection read, from what is said of its cost."""
    assert finding.status is Status.OK
    said = re.search(r" took \d+\.\d ms and read (\d+) blocks", finding.message)
    assert said is not None, finding.message
    return int(said[1])


async def test_what_a_collection_costs_grows_with_what_it_has_to_read(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    """Without an index every row is read; closed ones too, by both collectors."""
    run(database, "CREATE TABLE chat (is_open bool, started timestamptz, filler text)")
    source = source_of(CHAT)
    before = await check(database, source)
    run(
        database,
        "INSERT INTO chat SELECT false, now(), repeat('x', 1000) FROM generate_series(1, 700)",
        "VACUUM chat",
    )
    after = await check(database, source)
    for name in ("cost", "cost of daily"):
        assert blocks(after[name]) >= blocks(before[name]) + 100
    assert after["cost"].message.endswith("every 30 s")
    assert after["cost of daily"].message.endswith("today alone every 300 s")


async def test_the_daily_statistics_have_their_own_deadline(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    run(
        database,
        "CREATE TABLE chat (is_open bool, started timestamptz, dur text)",
        "INSERT INTO chat VALUES (false, now(), '5')",
    )
    slow = "  duration: |\n    CASE WHEN pg_sleep(0.6) IS NOT NULL THEN 1.0 END\n"
    patient = source_of(CHAT + slow)
    found = await check(database, patient, statement_timeout=0.4)
    assert found["evaluation for daily"].status is Status.OK
    hasty = source_of(CHAT + slow + "  daily: {timeout: 300ms}\n")
    failed = (await check(database, hasty))["evaluation for daily"]
    assert failed.status is Status.FAILED
    assert "its limit is 0.3 s" in failed.message


async def test_without_a_connection_nothing_else_is_asked(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    closed = database.dsn.replace(f":{database.server.port}/", ":1/")
    found = await check(database, source_of(CONVERSATIONS), dsn=closed)
    assert [*found] == ["connection"]
    assert found["connection"].status is Status.FAILED


async def test_a_clock_that_is_off_gets_a_warning(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    found = (await check(database, source_of(CONVERSATIONS), ahead=60.0))["clock"]
    assert found.status is Status.WARNING
    assert "behind this machine's" in found.message


async def test_schemas_in_which_others_may_create_are_named(database: EmbeddedDatabase) -> None:
    run(database, "GRANT CREATE ON SCHEMA public TO PUBLIC")
    found = (await check(database, role=EXPORTER))["search path"]
    assert found.status == Status.WARNING
    assert 'every role may create objects in "public"' in found.message
    assert found.commands == ('REVOKE CREATE ON SCHEMA "public" FROM PUBLIC;',)


async def test_a_problem_of_collection_and_recovery_is_reported_once(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    run(database, "CREATE TABLE chat (id int PRIMARY KEY, is_open bool, starts timestamptz)")
    recovered = "  id: id\n  recovery: {set: {is_open: false}, end_at: now}\n"
    found = await check(database, source_of(CHAT + recovered))
    failed = [name for name, each in found.items() if each.status is Status.FAILED]
    assert failed == ["schema"]
    assert "has no column started; did you mean starts?" in found["schema"].message
