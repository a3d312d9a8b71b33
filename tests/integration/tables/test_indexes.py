"""Whether an index serves, and whether the commands that are printed make one that does."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql

from exporter import sessions
from exporter.collection.active import Active
from exporter.collection.daily import Daily
from exporter.config import Source
from exporter.demo.history import conversations
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP
from exporter.sessions.indexes.proposals import MUST_BE_IMMUTABLE
from exporter.sessions.orphan_list import orphans_query
from tests.support.collection.declarations import CONVERSATIONS
from tests.support.collection.indexes import (
    BOTH_MISSING,
    BOTH_SERVED,
    Collect,
    missing,
    proposals,
    run,
    served_as_printed,
)
from tests.support.collection.open_transaction import OpenTransaction

SourceOf = Callable[[str], Source]

COLUMNS = "id int, is_open bool, started timestamptz, ended timestamptz, seen timestamptz, art int"
CHAT = """\
chat:
  table: public.chat
  active: is_open
  started_at: started
  ended_at: ended
  id: id
  orphaned_after: 2h
"""


def create(database: EmbeddedDatabase, *, rows: int = 0) -> None:
    run(
        database,
        f"CREATE TABLE public.chat ({COLUMNS})",
        "INSERT INTO public.chat"
        " SELECT n, n % 50 = 0, now() - n * interval '1 minute', NULL, NULL, n"
        f" FROM generate_series(1, {rows}) AS n",
        "VACUUM ANALYZE public.chat",
    )


@pytest.mark.quick(
    "unserved0-0", "unserved1-0", "unserved1-20000", "unserved4-0", "unserved10-0", "unserved12-0"
)
@pytest.mark.parametrize("rows", [0, 5, 20_000])
@pytest.mark.parametrize(
    ("index", "unserved"),
    [
        (None, {"active": 1, "daily": 1}),
        ("(started) WHERE is_open", {"active": 0, "daily": 1}),
        ("(id) WHERE is_open", {"active": 0, "daily": 1}),
        ("(started) INCLUDE (ended, id) WHERE is_open", {"active": 0, "daily": 1}),
        ("(started)", {"active": 1, "daily": 0}),
        ("(started, is_open)", {"active": 1, "daily": 0}),
        ("(is_open, started)", {"active": 0, "daily": 1}),
        ("(id)", {"active": 1, "daily": 1}),
        ("(id) INCLUDE (started, is_open)", {"active": 1, "daily": 1}),
        ("(id, started)", {"active": 1, "daily": 1}),
        ("(art, started)", {"active": 1, "daily": 1}),  # a name that is part of another
        ("(started) WHERE is_open IS TRUE", {"active": 1, "daily": 1}),
        ("(started) WHERE NOT is_open", {"active": 1, "daily": 1}),
    ],
)
async def test_an_index_serves_or_does_not(
    database: EmbeddedDatabase,
    collect: Collect,
    index: str | None,
    rows: int,
    unserved: dict[str, int],
) -> None:
    create(database, rows=rows)
    if index:
        run(database, f"CREATE INDEX ON public.chat {index}")
    assert await missing(database, collect, CHAT) == unserved


async def test_on_every_version_the_same_indexes_serve(
    any_database: EmbeddedDatabase, collect: Collect
) -> None:
    create(any_database, rows=2000)
    assert await missing(any_database, collect, CHAT) == BOTH_MISSING
    run(any_database, "CREATE INDEX ON public.chat (started) WHERE is_open")
    assert await missing(any_database, collect, CHAT) == {"active": 0, "daily": 1}
    run(any_database, "CREATE INDEX ON public.chat (started)")
    assert await missing(any_database, collect, CHAT) == BOTH_SERVED
    without = CHAT + "  daily: null\n"
    assert await missing(any_database, collect, without) == {"active": 0}


async def test_the_commands_for_a_table_serve_as_printed(
    any_database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    create(any_database, rows=2000)
    proposed = await served_as_printed(any_database, collect, source_of, CHAT)
    assert [each.commands for each in proposed] == [
        (
            """CREATE INDEX CONCURRENTLY "chat_active_idx"
    ON "public"."chat" ("started") WHERE ("is_open");""",
        ),
        ('CREATE INDEX CONCURRENTLY "chat_daily_idx"\n    ON "public"."chat" ("started");',),
    ]


PARTITIONS = f"""
    CREATE TABLE public.chat ({COLUMNS}) PARTITION BY RANGE (started);
    CREATE SCHEMA "Old";
    CREATE TABLE "Old"."Chat %%" PARTITION OF public.chat
        FOR VALUES FROM (MINVALUE) TO ('2026-01-01') PARTITION BY LIST (is_open);
    CREATE TABLE "Old".open PARTITION OF "Old"."Chat %%" FOR VALUES IN (true);
    CREATE TABLE "Old".rest PARTITION OF "Old"."Chat %%" DEFAULT;
    CREATE TABLE public.chat_new PARTITION OF public.chat DEFAULT;
"""


async def test_the_commands_for_a_partitioned_table_are_attached_and_serve(
    any_database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    run(any_database, PARTITIONS.replace("%%", "%"))
    proposed = await served_as_printed(any_database, collect, source_of, CHAT)
    concurrent = [c for c in proposed[0].commands if "CONCURRENTLY" in c]
    assert len(concurrent) == 3
    assert not any("CONCURRENTLY" in c and "ONLY" in c for c in proposed[0].commands)
    with any_database.connect() as connection:
        # Valid at the top only when every partition's index is attached.
        rows = connection.execute(
            "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = indexrelid"
            " WHERE c.relname LIKE '%\\_idx' AND c.relnamespace IN"
            " ('public'::regnamespace, '\"Old\"'::regnamespace)"
        ).fetchall()
    assert len(rows) == 10
    assert all(valid for _, valid in rows)


async def test_one_partition_without_an_index_is_one_too_many(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    run(database, PARTITIONS.replace("%%", "%"))
    for table in ('"Old".open', '"Old".rest'):
        run(database, f"CREATE INDEX ON {table} (started) WHERE is_open")
        run(database, f"CREATE INDEX ON {table} (started)")
    assert await missing(database, collect, CHAT) == BOTH_MISSING
    run(database, "CREATE INDEX ON public.chat_new (started) WHERE is_open")
    assert (await missing(database, collect, CHAT))["active"] == 0
    run(database, "CREATE INDEX ON public.chat_new (started)")
    assert await missing(database, collect, CHAT) == BOTH_SERVED


NAMES = {
    "camelCase": ("Chat", "startedAt"),
    "quotes": ('my "chat"', 'it"s'),
    "percent and braces": ("50% {0}", "{}"),
    "the alias": ("s", "s.started"),
    "apostrophe": ("it's", "it's"),
    "63 bytes": ("t" * 63, "c" * 63),
    "63 bytes in fewer letters": ("é" * 31 + "x", "練" * 21),
}


@pytest.mark.quick("quotes", "percent", "63 bytes in")
@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES.keys())
async def test_the_commands_quote_every_name(
    database: EmbeddedDatabase, collect: Collect, source_of: SourceOf, names: tuple[str, str]
) -> None:
    table, started = (sql.Identifier(name).as_string(None) for name in names)
    run(database, f"CREATE TABLE public.{table} (is_open bool, {started} timestamptz)")
    text = (
        f"chat:\n  table: |\n    public.{table}\n  active: is_open\n  started_at: |\n"
        f"    s.{started}\n  orphaned_after: 2h\n"
    )
    await served_as_printed(database, collect, source_of, text)


async def test_tables_whose_long_names_begin_alike_get_indexes_of_their_own(
    database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    for end in "ab":
        table = "t" * 62 + end
        run(database, f"CREATE TABLE public.{table} (is_open bool, started timestamptz)")
        text = (
            f"chat: {{table: public.{table}, active: is_open, started_at: started, "
            "orphaned_after: 2h}\n"
        )
        await served_as_printed(database, collect, source_of, text)


async def test_long_partitions_whose_names_begin_alike_get_indexes_of_their_own(
    any_database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    long = "conversation_sessions_of_the_second_production_tenant"
    run(
        any_database,
        f"CREATE TABLE public.chat ({COLUMNS}) PARTITION BY RANGE (started)",
        f"CREATE TABLE public.{long}_2026_01 PARTITION OF public.chat DEFAULT",
        f"CREATE TABLE public.{long}_2026_02 PARTITION OF public.chat"
        " FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
    )
    await served_as_printed(any_database, collect, source_of, CHAT)


async def test_two_sources_on_one_table_get_indexes_of_their_own(
    database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    create(database)
    await served_as_printed(database, collect, source_of, CHAT)
    other = CHAT.replace("active: is_open", "active: |\n    seen IS NULL").replace(
        "chat:", "other:"
    )
    (active, daily) = await proposals(database, source_of(other))
    assert (active.is_served, daily.is_served) == (False, True)
    run(database, *active.commands)
    assert await missing(database, collect, other) == BOTH_SERVED


@pytest.mark.quick("text", "uuid")
@pytest.mark.parametrize("type_", ["text", "varchar(20)", "int", "uuid", "bool", "jsonb"])
async def test_a_condition_on_what_is_always_written_alike_can_be_in_an_index(
    database: EmbeddedDatabase, collect: Collect, source_of: SourceOf, type_: str
) -> None:
    create(database)
    run(database, f"ALTER TABLE public.chat ADD kind {type_}")
    text = CHAT.replace("active: is_open", "active: |\n    is_open AND kind::text <> 'x'")
    await served_as_printed(database, collect, source_of, text)


async def test_a_long_value_can_still_be_written_with_the_proposed_index(
    database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    create(database)
    run(database, "ALTER TABLE public.chat ADD kind text")
    text = CHAT + "  labels: {sort: {value: kind, values: [a]}}\n"
    await served_as_printed(database, collect, source_of, text)
    run(
        database,
        "INSERT INTO public.chat (is_open, started, kind)"
        " SELECT true, now(), string_agg(md5(n::text), '') FROM generate_series(1, 10000) AS n",
    )


async def test_a_view_gets_a_sentence(database: EmbeddedDatabase, source_of: SourceOf) -> None:
    run(
        database,
        f"CREATE TABLE public.base ({COLUMNS})",
        "CREATE VIEW public.chat AS SELECT * FROM public.base",
    )
    for each in await proposals(database, source_of(CHAT)):
        assert each.commands == ()
        assert each.remark == (
            '"public"."chat" is a view: an index belongs on the tables below it, on the column '
            "behind started_at"
        )


async def test_an_index_below_a_view_serves(database: EmbeddedDatabase, collect: Collect) -> None:
    run(
        database,
        f"CREATE TABLE public.base ({COLUMNS})",
        "CREATE VIEW public.chat AS SELECT * FROM public.base WHERE id > 0",
    )
    assert await missing(database, collect, CHAT) == BOTH_MISSING
    run(
        database,
        "CREATE INDEX ON public.base (started) WHERE is_open",
        "CREATE INDEX ON public.base (started)",
    )
    assert await missing(database, collect, CHAT) == BOTH_SERVED


async def test_a_materialized_view_gets_commands_that_serve(
    database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    run(
        database,
        f"CREATE TABLE public.base ({COLUMNS})",
        "CREATE MATERIALIZED VIEW public.chat AS SELECT * FROM public.base",
    )
    await served_as_printed(database, collect, source_of, CHAT)


@pytest.mark.quick("False")
@pytest.mark.parametrize("is_plain", [False, True])
async def test_beside_an_expression_stands_that_it_must_be_immutable(
    database: EmbeddedDatabase, source_of: SourceOf, is_plain: bool
) -> None:
    """PostgreSQL alone knows whether a cast is, and says so when the index is created."""
    create(database)
    text = CHAT if is_plain else CHAT.replace("is_open", "|\n    is_open AND started > '{}'::date")
    active, daily = await proposals(database, source_of(text.format("2020-01-01")))
    assert active.commands
    assert active.remark == (None if is_plain else MUST_BE_IMMUTABLE)
    assert daily.remark is None
    if not is_plain:
        with pytest.raises(psycopg.errors.InvalidObjectDefinition, match="IMMUTABLE"):
            run(database, *active.commands)


@pytest.mark.quick("lower(kind)", "don't count", "LIKE", "'{1,2}'")
@pytest.mark.parametrize(
    "expression",
    [
        "is_open AND lower(kind) = 'now()'",
        "kind = 'select current_date' AND is_open",
        "is_open AND kind <> 'it''s now()'",
        "is_open AND coalesce(kind, '') <> 's.kind'",
        "is_open AND kind IN ('a', 'b', 's')",
        "is_open -- those that never ended",
        "is_open -- don't count the rest\n    AND s.kind = 'a'",
        "s.is_open AND s.kind LIKE 's.%'",
        's."is_open"',
        "s.is_open\n    AND (s.kind = 'a' OR s.kind = 'b')",
        "is_open AND kind = 'a'::text AND s.id::text <> 'x' AND CAST(s.kind AS text) <> 'x'",
        "is_open AND s.\"kind\"::varchar(3) <> 'x' AND id = ANY ('{1,2}'::int[])",
        "is_open AND id + 1 > 0 AND kind || 'x' <> 'y'",
        "is_open AND s.ended - s.started = s.started - s.ended",
    ],
)
async def test_what_is_immutable_gets_commands_that_serve(
    database: EmbeddedDatabase, collect: Collect, source_of: SourceOf, expression: str
) -> None:
    create(database)
    run(database, "ALTER TABLE public.chat ADD kind text")
    text = CHAT.replace("active: is_open", f"active: |\n    {expression}")
    await served_as_printed(database, collect, source_of, text)


async def test_where_is_part_of_the_condition(
    database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    create(database)
    text = CHAT + "  where: |\n    s.seen IS NULL OR s.id > 0\n"
    active, _ = await served_as_printed(database, collect, source_of, text)
    assert active.commands[0].endswith('WHERE ("seen" IS NULL OR "id" > 0) AND ("is_open");')


async def test_every_row_is_active_where_the_config_says_true(
    any_database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    create(any_database, rows=2000)
    text = CHAT.replace("active: is_open", "active: true")
    assert (await collect(any_database, text))("sessions_active") == 2000
    # Nothing finds all rows sooner than a scan of the table does.
    assert await missing(any_database, collect, text) == {"daily": 1}
    (daily,) = await proposals(any_database, source_of(text))
    (command,) = daily.commands
    assert command.endswith('ON "public"."chat" ("started");')
    run(any_database, command)
    assert await missing(any_database, collect, text) == {"daily": 0}


async def test_where_is_the_predicate_where_active_says_true(
    database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    create(database)
    text = CHAT.replace("active: is_open", "active: true") + "  where: is_open\n"
    active, _ = await served_as_printed(database, collect, source_of, text)
    assert active.commands[0].endswith('("started") WHERE ("is_open");')


@pytest.mark.quick("-ms")
@pytest.mark.parametrize("unit", ["s", "ms"])
async def test_an_index_on_the_stored_integer_serves(
    any_database: EmbeddedDatabase, collect: Collect, source_of: SourceOf, unit: str
) -> None:
    run(any_database, "CREATE TABLE public.chat (is_open bool, started bigint)")
    text = (
        "chat: {table: public.chat, active: is_open, orphaned_after: 2h,"
        f" started_at: {{column: started, epoch: {unit}}}}}\n"
    )
    await served_as_printed(any_database, collect, source_of, text)


@pytest.mark.quick("Europe")
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
async def test_an_index_on_naive_timestamps_serves(
    any_database: EmbeddedDatabase, collect: Collect, source_of: SourceOf, zone: str
) -> None:
    run(any_database, "CREATE TABLE public.chat (is_open bool, started timestamp)")
    text = (
        "chat: {table: public.chat, active: is_open, orphaned_after: 2h, started_at: started,"
        f" timestamps_in: {zone}}}\n"
    )
    await served_as_printed(any_database, collect, source_of, text)


async def test_an_index_on_an_expression_serves(
    database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    create(database)
    text = CHAT.replace(": started\n", ": |\n    coalesce(s.started, s.seen)\n")
    active, daily = await served_as_printed(database, collect, source_of, text)
    assert daily.commands[0].endswith('((coalesce("started", "seen")));')
    assert active.commands[0].endswith('("started") WHERE ("is_open");')
    assert (active.remark, daily.remark) == (None, MUST_BE_IMMUTABLE)


async def test_two_schemas_with_an_index_of_one_name_are_told_apart(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    """The other index is partial; ours is read as a whole."""
    create(database)
    run(
        database,
        "CREATE INDEX chat_index ON public.chat (id) INCLUDE (started, is_open)",
        "CREATE SCHEMA other",
        f"CREATE TABLE other.chat ({COLUMNS})",
        "CREATE INDEX chat_index ON other.chat (started) WHERE is_open",
    )
    assert await missing(database, collect, CHAT) == BOTH_MISSING


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes(child))]


async def test_with_its_index_the_active_query_reads_the_active_rows_alone(
    any_database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    with any_database.connect(APP) as connection:
        conversations.fill(connection, datetime.now(UTC))
        connection.execute(
            "INSERT INTO conversations.conversation_sessions"
            " SELECT gen_random_uuid(), 'u', false, now() - n * interval '1 minute',"
            " now(), now(), 1 FROM generate_series(1, 20000) AS n"
        )
        connection.execute("VACUUM ANALYZE conversations.conversation_sessions")
    source = source_of(CONVERSATIONS)
    with any_database.connect() as connection:
        reader = OpenTransaction(connection, source)
        table = await sessions.bind(reader, source)
        await Active().collect(reader, table, None)
        counting, listing = reader.statements[-1], orphans_query(table, limit=20)
        ((plan,),) = connection.execute(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {counting}".encode()
        ).fetchall()
        ((listed,),) = connection.execute(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {listing}".encode()
        ).fetchall()
    (scan,) = [node for node in nodes(plan[0]["Plan"]) if "Relation Name" in node]
    assert scan["Actual Rows"] == 18
    assert not scan.keys() & {"Rows Removed by Filter", "Rows Removed by Index Recheck"}
    assert scan["Shared Hit Blocks"] + scan["Shared Read Blocks"] <= 20
    # The list is in the order of the index.
    (scan,) = [node for node in nodes(listed[0]["Plan"]) if "Relation Name" in node]
    assert scan["Node Type"] == "Index Scan"
    assert not any(node["Node Type"] == "Sort" for node in nodes(listed[0]["Plan"]))
    assert "Seq Scan" not in json.dumps([plan, listed])


@pytest.mark.quick("is_open")
@pytest.mark.parametrize(
    ("index", "node_type"),
    [("(started)", "Index Scan"), ("(started) WHERE is_open", "Index Only Scan")],
)
async def test_what_is_still_active_of_past_days_is_found_by_any_index_on_the_start(
    any_database: EmbeddedDatabase, source_of: SourceOf, index: str, node_type: str
) -> None:
    """Neither the active sessions of today nor those from before the days are read."""
    source = source_of(
        "chat: {table: public.chat, active: is_open, started_at: started, orphaned_after: 2h}\n"
    )
    with any_database.connect() as connection:
        connection.execute(
            "CREATE TABLE public.chat (started timestamptz, is_open bool, note text)"
        )
        connection.execute(
            "INSERT INTO public.chat"
            " SELECT now() - n * interval '1 min', n % 10 = 0, repeat('x', 99)"
            " FROM generate_series(0, 60 * 24 * 20) AS n"
        )
        connection.execute(f"CREATE INDEX ON public.chat {index}".encode())
        connection.execute("VACUUM ANALYZE public.chat")
        reader = OpenTransaction(connection, source)
        table = await sessions.bind(reader, source)
        known = await Daily().collect(reader, table, None)
        await Daily().collect(reader, table, known)
        ((plan,),) = connection.execute(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {reader.reads[-1][-2]}".encode()
        ).fetchall()
    (scan,) = [node for node in nodes(plan[0]["Plan"]) if "Relation Name" in node]
    assert scan["Node Type"] == node_type
    assert scan["Index Cond"].count("started") == 2
    assert scan["Actual Rows"] == pytest.approx(6 * 24 * 6, abs=1)
    assert scan.get("Heap Fetches", 0) == 0
