"""Heartbeats beside the printed index stay HOT updates, and `check --live` names what prevents it.

Each test lets sessions live and counts: no timing decides.
"""

import textwrap
from collections.abc import Callable

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from exporter.check.findings import Status
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.sessions.indexes.proposals import MUST_BE_IMMUTABLE
from tests.support.collection.indexes import (
    BOTH_MISSING,
    Collect,
    missing,
    proposals,
    run,
    signs_of_life,
)

SourceOf = Callable[[str], Source]

COLUMNS = """
    id int, is_open bool, status text, started timestamptz, ended timestamptz, seen timestamptz,
    started_ms bigint, seen_ms bigint, started_local timestamp, seen_local timestamp, doc jsonb,
    beats int DEFAULT 0, "user" text, pair public.pair, seen_text text, started_text text,
    during tstzrange, at timestamp, created timestamptz DEFAULT now(),
    seen_utc timestamp GENERATED ALWAYS AS (seen AT TIME ZONE 'UTC') STORED
"""
#: Of 500 sessions 5 are active, and lie on pages that are full, among closed ones.
ROWS = """
    INSERT INTO public.chat
        (id, is_open, status, started, ended, seen, started_ms, started_local, seen_local, doc,
        pair, seen_text, started_text, during)
    SELECT
        n, is_open, CASE WHEN is_open THEN 'open' ELSE 'done' END, at,
        CASE WHEN NOT is_open THEN at END, at, extract(epoch FROM at) * 1000, at, at,
        pg_catalog.jsonb_build_object('seen', at, 'fill', repeat('x', 200)),
        (1, at)::public.pair, at, extract(epoch FROM at)::bigint,
        tstzrange(at, CASE WHEN NOT is_open THEN at END)
    FROM (
        SELECT n, n % 100 = 0 AS is_open, now() - n * interval '1 minute' AS at
        FROM generate_series(1, 500) AS n
    ) AS numbered
"""
#: Whatever an application may write with a heartbeat.
ALL = """
    seen = clock_timestamp(), seen_ms = extract(epoch FROM clock_timestamp()) * 1000,
    seen_local = clock_timestamp(), beats = beats + 1,
    doc = jsonb_set(doc, '{seen}', to_jsonb(clock_timestamp())),
    pair = (beats, clock_timestamp())::public.pair, seen_text = clock_timestamp()
"""
TYPES = (
    "CREATE TYPE public.pair AS (a int, since timestamptz)",
    "CREATE FUNCTION public.last_beat(int) RETURNS timestamptz STABLE RETURN now()",
)


def create(database: EmbeddedDatabase, *, table: str = "public.chat") -> None:
    run(
        database,
        *TYPES,
        f"CREATE TABLE {table} ({COLUMNS}, PRIMARY KEY (id))",
        ROWS.replace("public.chat", table),
        f"VACUUM ANALYZE {table}",
    )


def hot_share(
    database: EmbeddedDatabase, written: str = ALL, *, table: str = "public.chat", beats: int = 400
) -> float:
    """Let the active sessions live, one after the other; the share of HOT updates among these."""

    def counted(connection: psycopg.Connection[tuple[int, int]]) -> tuple[int, int]:
        connection.execute("SELECT pg_stat_force_next_flush()")
        rows = connection.execute(
            "SELECT sum(n_tup_upd)::int, sum(n_tup_hot_upd)::int FROM pg_stat_user_tables"
        )
        return rows.fetchall()[0]

    # In the server, where a round trip for each would take most of the time; each commits, so that
    # the next one finds the row before the last one dead.
    living = f"""
        DO $do$ BEGIN
            FOR n IN 1..{beats} LOOP
                UPDATE {table} SET {written} WHERE id = 100 * (n % 5 + 1);
                COMMIT;
            END LOOP;
        END $do$
    """
    with database.connect() as connection:
        before = counted(connection)
        connection.execute(living.encode())
        updated, hot = (now - then for now, then in zip(counted(connection), before, strict=True))
    assert updated == beats
    return hot / updated


def chat(
    *, active: str = "is_open", started: str = "started", seen: str = "seen", **more: str
) -> str:
    """A source; what is more than a word becomes a block."""
    keys = {"table": "public.chat", "active": active, "started_at": started, "last_seen_at": seen}
    keys |= {"orphaned_after": "2h", "id": "id"} | more

    def value(text: str) -> str:
        is_plain = text.startswith(("{", "[")) or " " not in text
        return text if is_plain else f"|\n{textwrap.indent(text, '    ')}"

    return "chat:\n" + "".join(f"  {key}: {value(text)}\n" for key, text in keys.items())


WRITES = "which each sign of life writes: an index with it would slow down these updates"
NO_MORE = {"active": 0, "daily": 0}
#: A source, what its printed indexes leave unserved, and a part of what is said about `active`.
SOURCES: dict[str, tuple[str, dict[str, int], str | None]] = {
    "columns": (chat(), NO_MORE, None),
    "numbers": (
        chat(
            started="{column: started_ms, epoch: ms}",
            seen="{column: seen_ms, epoch: ms}",
        ),
        NO_MORE,
        None,
    ),
    "a number that is computed": (
        chat(started="{column: 's.started_ms / 1000.0', epoch: s}"),
        NO_MORE,
        None,
    ),
    "naive timestamps": (
        chat(started="started_local", seen="seen_local", timestamps_in="Europe/Berlin"),
        NO_MORE,
        None,
    ),
    "a start from either column": (chat(started="coalesce(s.started, s.created)"), NO_MORE, None),
    "a start that is shifted": (
        chat(started="(s.started_local - interval '1 minute')", timestamps_in="UTC"),
        NO_MORE,
        None,
    ),
    "a start that reads the heartbeat": (
        chat(started="greatest(s.started, s.seen)"),
        {"active": 0, "daily": 1},
        None,
    ),
    "one column for both": (
        chat(started="seen"),
        {"active": 0, "daily": 1},
        None,
    ),
    "a condition on the heartbeat beside another": (
        chat(active="s.seen IS NOT NULL AND s.is_open"),
        NO_MORE,
        f"active reads seen, {WRITES}; this index does without that",
    ),
    "a condition on the heartbeat alone": (
        chat(active="s.seen IS NOT NULL"),
        {"active": 1, "daily": 0},
        f"active reads seen, {WRITES}",
    ),
    "either of two conditions": (
        chat(active="s.seen IS NULL OR s.is_open"),
        {"active": 1, "daily": 0},
        f"active reads seen, {WRITES}",
    ),
    "a range of heartbeats": (
        chat(active="s.seen BETWEEN '2020-01-01' AND '2120-01-01' AND s.is_open"),
        {"active": 1, "daily": 0},
        f"active reads seen, {WRITES}",
    ),
    "a condition with the time": (
        chat(active="s.ended IS NULL AND s.started > now() - interval '30 days'"),
        NO_MORE,
        "active uses now(), which is not immutable as an index demands; this index does without",
    ),
    "a condition with the user": (
        chat(active="s.is_open AND (s.user IS NULL OR s.user = current_user)"),
        NO_MORE,
        "active uses current_user, which is not immutable",
    ),
    "a condition on the whole row": (
        chat(active="s.is_open AND s IS NOT NULL"),
        NO_MORE,
        "active uses the row s as a whole",
    ),
    "a condition with a subquery": (
        chat(active="s.is_open AND EXISTS (SELECT FROM pg_catalog.pg_class)"),
        NO_MORE,
        "active has a subquery",
    ),
    "a condition on a system column": (
        chat(active="s.is_open", where="tableoid IS NOT NULL"),
        NO_MORE,
        "where reads tableoid, and PostgreSQL indexes no system column",
    ),
    "a column with a reserved name": (chat(active="s.is_open AND s.user IS NULL"), NO_MORE, None),
    "a soft delete": (chat(where="s.created IS NOT NULL"), NO_MORE, None),
    "a start and a state in last_seen_at": (
        chat(
            active="status = 'open'",
            seen="CASE WHEN s.status = 'open' THEN coalesce(s.ended, s.seen, s.started) END",
            ended_at="ended",
        ),
        NO_MORE,
        None,
    ),
    "a generated column": (chat(seen="seen_utc", timestamps_in="UTC"), NO_MORE, None),
    "a generated column in the condition": (
        chat(active="s.is_open AND s.seen_utc > '2020-01-01'"),
        NO_MORE,
        f"active reads seen_utc, {WRITES}",
    ),
    "a document": (
        chat(seen="(s.doc ->> 'seen')::timestamptz", active="s.is_open AND s.doc ? 'seen'"),
        NO_MORE,
        f"active reads doc, {WRITES}",
    ),
    "no condition": (
        chat(active="1 = 1"),
        {"active": 1, "daily": 0},
        "active reads no column, so that an index would find no fewer rows",
    ),
    "a part of a composite": (
        chat(active="s.is_open AND (s.pair).a > 0", seen="(s.pair).since"),
        NO_MORE,
        f"active reads pair, {WRITES}",
    ),
    "a start in the document of the heartbeat": (
        chat(
            started="coalesce((s.doc ->> 'seen')::timestamptz, s.started)",
            seen="(s.doc ->> 'seen')::timestamptz",
        ),
        {"active": 0, "daily": 1},
        None,
    ),
    "a column called at": (
        chat(
            started="(s.at + interval '1 minute')",
            seen="s.seen_local AT TIME ZONE 'UTC'",
            timestamps_in="UTC",
        ),
        NO_MORE,
        None,
    ),
    "a range": (
        chat(active="upper_inf(s.during)", started="lower(s.during)", ended_at="upper(s.during)"),
        NO_MORE,
        None,
    ),
    "a text": (chat(seen="(s.seen_text)::timestamptz", where="s.status <> ''"), NO_MORE, None),
    "a number of seconds in text": (
        chat(started="{column: 's.started_text::bigint', epoch: s}"),
        NO_MORE,
        None,
    ),
    "a case": (
        chat(active="CASE WHEN s.is_open AND s.ended IS NULL THEN true END"),
        NO_MORE,
        None,
    ),
    "a heartbeat in another table": (
        chat(seen="greatest(s.started, (SELECT max(o.seen) FROM public.chat o WHERE o.id = s.id))"),
        NO_MORE,
        None,
    ),
    "a heartbeat from a function": (
        chat(seen="public.last_beat(s.id)", active="s.is_open AND s.created IS NOT NULL"),
        NO_MORE,
        None,
    ),
    "labels and integrity": (
        chat(
            labels="{beats: {value: 's.beats::text', values: ['1']}}",
            integrity="{long: 's.beats > 10', ended: 's.ended IS NOT NULL'}",
            ended_at="ended",
            show="[beats]",
        ),
        NO_MORE,
        None,
    ),
}


@pytest.mark.quick("-columns", "-a condition on the heartbeat")
@pytest.mark.parametrize("name", SOURCES)
async def test_heartbeats_stay_hot_beside_what_is_printed_and_the_collectors_use_it(
    any_database: EmbeddedDatabase,
    collect: Collect,
    source_of: SourceOf,
    name: str,
) -> None:
    text, unserved, remark = SOURCES[name]
    create(any_database)
    assert await missing(any_database, collect, text) == BOTH_MISSING
    proposed = await proposals(any_database, source_of(text))
    for each in proposed:
        assert bool(each.commands) is not bool(unserved[each.collector])
        assert each.commands or each.remark
        run(any_database, *each.commands)
    assert (remark or "") in (proposed[0].remark or "")
    assert hot_share(any_database) >= 0.98
    assert await missing(any_database, collect, text) == unserved


async def test_a_start_that_postgresql_refuses_leaves_an_index_for_the_active_rows(
    any_database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    create(any_database)
    text = chat(started="date_trunc('second', s.started)")
    active, daily = await proposals(any_database, source_of(text))
    run(any_database, *active.commands)
    assert hot_share(any_database) >= 0.98
    assert await missing(any_database, collect, text) == {"active": 0, "daily": 1}
    assert daily.remark == MUST_BE_IMMUTABLE
    with pytest.raises(psycopg.errors.InvalidObjectDefinition, match="IMMUTABLE"):
        run(any_database, *daily.commands)


TABLES = {
    "partitioned": (
        "public.chat",
        f"""
        CREATE TABLE public.chat ({COLUMNS}) PARTITION BY RANGE (id);
        CREATE TABLE public.few PARTITION OF public.chat FOR VALUES FROM (0) TO (250);
        CREATE TABLE public."More %" PARTITION OF public.chat DEFAULT PARTITION BY LIST (id);
        CREATE TABLE public.some PARTITION OF public."More %" DEFAULT;
        """,
    ),
    "with a child": (
        "public.chat",
        f"""
        CREATE TABLE public.chat ({COLUMNS});
        CREATE TABLE public.child (more int) INHERITS (public.chat);
        CREATE TABLE public.grandchild () INHERITS (public.child);
        INSERT INTO public.grandchild (id, is_open, started) VALUES (0, true, now());
        """,
    ),
    "a long name that needs quotes": (
        f'public."It\'s {"a" * 58}"',
        f'CREATE TABLE public."It\'s {"a" * 58}" ({COLUMNS})',
    ),
    "unlogged": ("public.chat", f"CREATE UNLOGGED TABLE public.chat ({COLUMNS})"),
}


@pytest.mark.quick("partitioned", "a long name")
@pytest.mark.parametrize(("table", "commands"), TABLES.values(), ids=TABLES.keys())
async def test_heartbeats_stay_hot_in_every_kind_of_table(
    any_database: EmbeddedDatabase,
    collect: Collect,
    source_of: SourceOf,
    table: str,
    commands: str,
) -> None:
    run(any_database, *TYPES, commands, ROWS.replace("public.chat", table))
    text = chat(table=table)
    proposed = await proposals(any_database, source_of(text))
    run(any_database, *(command for each in proposed for command in each.commands))
    run(any_database, f"CREATE INDEX ON {table} (id)", "VACUUM ANALYZE")
    assert await missing(any_database, collect, text) == NO_MORE
    assert hot_share(any_database, table=table) >= 0.98


def virtual(database: EmbeddedDatabase) -> None:
    """PostgreSQL has such columns from version 18 on."""
    create(database)
    run(
        database,
        "ALTER TABLE public.chat ADD is_live bool GENERATED ALWAYS AS (ended IS NULL) VIRTUAL",
        "ALTER TABLE public.chat ADD began timestamptz"
        " GENERATED ALWAYS AS (to_timestamp(started_ms / 1000.0)) VIRTUAL",
        "ALTER TABLE public.chat ADD alive timestamp"
        " GENERATED ALWAYS AS (coalesce(seen_local, started_local)) VIRTUAL",
    )


async def test_a_virtual_column_gets_the_expression_to_write_instead_and_that_serves(
    database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    virtual(database)
    text = chat(active="is_live", started="began")
    active, daily = await proposals(database, source_of(text))
    assert active.commands == daily.commands == ()
    began, is_live = (
        "to_timestamp((((started_ms)::numeric / 1000.0))::double precision)",
        "(ended IS NULL)",
    )
    what = "a virtual generated column, which PostgreSQL cannot index; write its expression instead"
    assert daily.remark == f"started_at reads began, {what}: {began}"
    assert active.remark == f"active reads is_live, {what}: {is_live}"
    served = chat(active=is_live, started=began)
    for each in await proposals(database, source_of(served)):
        run(database, *each.commands)
    assert hot_share(database) >= 0.98
    assert await missing(database, collect, served) == NO_MORE
    assert await missing(database, collect, text) == NO_MORE


async def test_a_virtual_column_in_one_condition_leaves_an_index_for_the_others(
    database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    virtual(database)
    text = chat(active="s.is_open AND s.is_live", seen="alive", timestamps_in="UTC")
    active, daily = await proposals(database, source_of(text))
    assert active.commands[0].endswith('("started") WHERE ("is_open");')
    run(database, *active.commands, *daily.commands)
    assert hot_share(database) >= 0.98
    assert await missing(database, collect, text) == NO_MORE
    run(database, "CREATE INDEX held ON public.chat (seen_local)")
    (found,) = await signs_of_life(database, source_of(text))
    assert '"held" (seen_local).' in found.message


def with_server(database: EmbeddedDatabase) -> None:
    """A foreign server `elsewhere`, which is this database."""
    with database.connect() as connection:
        if not connection.execute(
            "SELECT FROM pg_available_extensions WHERE name = 'postgres_fdw'"
        ).fetchall():
            pytest.skip("this PostgreSQL comes without postgres_fdw")
    at = conninfo_to_dict(database.dsn)
    run(
        database,
        "CREATE EXTENSION postgres_fdw",
        "CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw"
        f" OPTIONS (host '{at['host']}', port '{at['port']}', dbname '{at['dbname']}')",
        "CREATE USER MAPPING FOR public SERVER elsewhere"
        f" OPTIONS (user '{at['user']}', password '{at['password']}')",
        *TYPES,
        f"CREATE TABLE public.far ({COLUMNS})",
    )


async def test_a_partition_on_another_server_gets_a_sentence_and_the_others_an_index(
    any_database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    with_server(any_database)
    run(
        any_database,
        f"CREATE TABLE public.chat ({COLUMNS}) PARTITION BY RANGE (id)",
        "CREATE TABLE public.here PARTITION OF public.chat FOR VALUES FROM (0) TO (600)",
        "CREATE FOREIGN TABLE public.there PARTITION OF public.chat DEFAULT"
        " SERVER elsewhere OPTIONS (table_name 'far')",
        ROWS,
    )
    for each in await proposals(any_database, source_of(chat())):
        assert len(each.commands) == 3
        run(any_database, *each.commands)
        assert each.remark == (
            '"public"."there" is a foreign table: an index belongs on the table on its server'
        )
    run(any_database, "CREATE INDEX ON public.here (id)")
    assert hot_share(any_database) >= 0.98


async def test_a_foreign_table_gets_a_sentence(
    any_database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    with_server(any_database)
    run(
        any_database,
        f"CREATE FOREIGN TABLE public.chat ({COLUMNS}) SERVER elsewhere OPTIONS (table_name 'far')",
    )
    for each in await proposals(any_database, source_of(chat())):
        assert each.commands == ()
        assert each.remark == (
            '"public"."chat" is a foreign table: an index belongs on the table on its server'
        )


#: What an index is on, the columns that the warning names, and from which version on it is none.
INDEXES: dict[str, tuple[str, str | None, int]] = {
    "none": ("", None, 0),
    "the printed one": ("INDEX held ON public.chat (started) WHERE is_open", None, 0),
    "the end": ("INDEX held ON public.chat (ended, status)", None, 0),
    "what does not change": (
        "INDEX held ON public.chat (started) INCLUDE (ended, id) WHERE is_open",
        None,
        0,
    ),
    "a key": ("INDEX held ON public.chat (status, seen)", "seen", 99),
    "a unique key": ("UNIQUE INDEX held ON public.chat (seen, id)", "seen", 99),
    "a hash": ("INDEX held ON public.chat USING hash (seen)", "seen", 99),
    "included": ("INDEX held ON public.chat (started) INCLUDE (seen) WHERE is_open", "seen", 99),
    "an expression": ("INDEX held ON public.chat ((seen - started))", "seen", 99),
    "a predicate": ("INDEX held ON public.chat (id) WHERE seen IS NULL", "seen", 99),
    "a generated column": ("INDEX held ON public.chat (id, seen_utc)", "seen_utc", 99),
    "both": ("INDEX held ON public.chat (id) INCLUDE (seen_utc, seen)", "seen, seen_utc", 99),
    "brin": ("INDEX held ON public.chat USING brin (seen)", "seen", 16),
    "brin, in its predicate": (
        "INDEX held ON public.chat USING brin (id) WHERE seen IS NOT NULL",
        "seen",
        16,
    ),
}


@pytest.mark.quick("-none", "-what does", "-a key", "-included", "-an expression")
@pytest.mark.parametrize(("index", "columns", "until"), INDEXES.values(), ids=INDEXES.keys())
async def test_check_live_warns_of_an_index_if_and_only_if_it_prevents_hot_updates(
    any_database: EmbeddedDatabase,
    source_of: SourceOf,
    index: str,
    columns: str | None,
    until: int,
) -> None:
    create(any_database)
    if index:
        run(any_database, f"CREATE {index}")
    (found,) = await signs_of_life(any_database, source_of(chat(ended_at="ended")))
    if columns is None or any_database.server.major >= until:
        assert hot_share(any_database, "seen = clock_timestamp()") >= 0.98
        assert found.status is Status.OK
        assert found.message == "no index holds a column that changes with last_seen_at"
    else:
        assert hot_share(any_database, "seen = clock_timestamp()") == 0
        assert found.status is Status.WARNING
        assert f'with last_seen_at: "public"."held" ({columns}).' in found.message
        assert found.commands == ()


async def test_an_exclusion_constraint_and_an_index_that_is_not_valid_are_named_too(
    any_database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    create(any_database)
    run(
        any_database,
        "ALTER TABLE public.chat ADD CONSTRAINT alone EXCLUDE (id WITH =, seen WITH =)",
        "CREATE INDEX broken ON public.chat (seen)",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.broken'::regclass",
    )
    (found,) = await signs_of_life(any_database, source_of(chat()))
    assert '"public"."alone" (seen), "public"."broken" (seen).' in found.message
    run(any_database, "ALTER TABLE public.chat DROP CONSTRAINT alone")
    assert hot_share(any_database, "seen = clock_timestamp()") == 0


async def test_an_index_of_a_partitioned_table_is_named_once_and_one_of_a_partition_itself(
    any_database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    run(
        any_database,
        *TYPES,
        TABLES["partitioned"][1],
        "CREATE INDEX of_all ON public.chat (seen)",
        "CREATE INDEX of_one ON public.some (seen)",
    )
    (found,) = await signs_of_life(any_database, source_of(chat()))
    assert ': "public"."of_all" (seen), "public"."of_one" (seen).' in found.message
    (one,) = await signs_of_life(any_database, source_of(chat(table="public.few")))
    assert ': "public"."few_seen_idx" (seen).' in one.message


async def test_of_many_indexes_some_are_named_and_the_rest_counted(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    create(database)
    run(database, *(f"CREATE INDEX held_{n} ON public.chat (seen)" for n in range(7)))
    (found,) = await signs_of_life(database, source_of(chat()))
    assert '"held_4" (seen) and 2 more.' in found.message


async def test_without_last_seen_at_nothing_is_said_about_signs_of_life(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    create(database)
    run(database, "CREATE INDEX held ON public.chat (seen)")
    text = chat().replace("  last_seen_at: seen\n", "")
    assert await signs_of_life(database, source_of(text)) == []


async def test_a_materialized_view_is_refreshed_and_has_no_heartbeats(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    create(database, table="public.base")
    run(
        database,
        "CREATE MATERIALIZED VIEW public.chat AS SELECT * FROM public.base",
        "CREATE INDEX held ON public.chat (seen)",
    )
    source = source_of(chat(active="s.is_open AND s.seen IS NOT NULL"))
    assert await signs_of_life(database, source) == []
    active, _ = await proposals(database, source)
    assert active.commands[0].endswith('WHERE ("is_open") AND ("seen" IS NOT NULL);')


async def test_an_index_beside_a_view_is_left_to_its_owner(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    create(database, table="public.base")
    run(
        database,
        "CREATE INDEX held ON public.base (seen)",
        "CREATE VIEW public.chat AS SELECT * FROM public.base",
    )
    assert await signs_of_life(database, source_of(chat())) == []
