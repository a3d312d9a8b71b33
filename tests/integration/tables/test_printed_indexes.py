"""What is printed beside expressions, tables and indexes of many kinds harms no write.

Each test runs what is printed as it is, and then writes as the application would.
"""

import textwrap
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.collection.indexes import (
    BOTH_SERVED,
    Collect,
    missing,
    proposals,
    run,
    served_as_printed,
    signs_of_life,
)

SourceOf = Callable[[str], Source]

CREATE = """
CREATE TABLE public.chat (
    id int PRIMARY KEY, is_open bool NOT NULL, status text, started timestamptz NOT NULL,
    ended timestamptz, seen timestamptz, created timestamptz, alive_for interval, beat_day date,
    beat_time time, mins smallint, uptime int, reported_at timestamptz, beats int, acks int,
    "Änderung" timestamptz, doc jsonb, times timestamptz[], tok text
);
INSERT INTO public.chat
SELECT
    n, n % 100 = 0, CASE WHEN n % 100 = 0 THEN 'open' ELSE 'done' END, at, NULL, at, at, '1 s',
    at::date, at::time, 1, 1, at, 1, 1, at,
    pg_catalog.jsonb_build_object('at', at, 'state', CASE WHEN n % 100 = 0 THEN 'open' END),
    ARRAY[at], n
FROM (SELECT n, now() - n * interval '1 minute' AS at FROM generate_series(1, 500) AS n) AS rows;
VACUUM ANALYZE public.chat
"""


def create(database: EmbeddedDatabase) -> None:
    run(database, *CREATE.split(";\n"))


def chat(**keys: str) -> str:
    fields = {
        "table": "public.chat",
        "active": "s.is_open",
        "started_at": "started",
        "orphaned_after": "2h",
    }
    lines = [f"{key}: {value!r}" for key, value in (fields | keys).items()]
    return "chat:\n" + textwrap.indent("\n".join(lines), "  ") + "\n"


def hot(connection: psycopg.Connection[Any], written: str) -> int:
    """Of 300 heartbeats of active sessions, how many are HOT updates."""
    counted = "SELECT sum(n_tup_hot_upd)::int FROM pg_stat_user_tables WHERE relname = 'chat'"
    connection.execute("SELECT pg_stat_force_next_flush()")
    ((before,),) = connection.execute(counted).fetchall()
    connection.execute(
        f"DO $$ BEGIN FOR n IN 1..300 LOOP UPDATE public.chat SET {written}"
        " WHERE id = 100 * (n % 5 + 1); COMMIT; END LOOP; END $$".encode()
    )
    connection.execute("SELECT pg_stat_force_next_flush()")
    ((after,),) = connection.execute(counted).fetchall()
    return int(after - before)


#: What a source says, and what its application writes with each sign of life.
HEARTBEATS = {
    "not null in another way": (
        {
            "active": "s.is_open AND NOT s.seen IS NULL",
            "last_seen_at": "coalesce(s.seen, s.started)",
        },
        "seen = clock_timestamp()",
    ),
    "distinct from null": (
        {
            "active": "s.is_open AND s.seen IS DISTINCT FROM NULL",
            "last_seen_at": "coalesce(s.seen, s.started)",
        },
        "seen = clock_timestamp()",
    ),
    "a test that is compared": (
        {
            "active": "s.is_open AND s.seen IS NULL = false",
            "last_seen_at": "coalesce(s.seen, s.started)",
        },
        "seen = clock_timestamp()",
    ),
    "two counters": (
        {
            "active": "s.is_open AND s.beats = s.acks",
            "last_seen_at": "to_timestamp(s.beats + s.acks)",
        },
        "beats = beats + 1, acks = acks + 1",
    ),
    "a subquery of its own columns": (
        {
            "active": "s.is_open AND s.seen IS NOT NULL",
            "last_seen_at": "(SELECT max(v) FROM (VALUES (s.seen), (s.started)) AS t (v))",
        },
        "seen = clock_timestamp()",
    ),
    "an interval": (
        {
            "active": "s.is_open AND s.alive_for IS NOT NULL",
            "last_seen_at": "s.created + s.alive_for",
        },
        "alive_for = clock_timestamp() - created",
    ),
    "a time of day": (
        {
            "active": "s.is_open AND s.beat_time IS NOT NULL",
            "last_seen_at": "(s.beat_day + s.beat_time)",
            "timestamps_in": "UTC",
        },
        "beat_time = clock_timestamp()::time",
    ),
    "minutes": (
        {
            "active": "s.is_open AND s.mins IS NOT NULL",
            "last_seen_at": "s.created + s.mins * interval '1 minute'",
        },
        "mins = mins + 1",
    ),
    "a start that is computed back": (
        {
            "started_at": "s.reported_at - s.uptime * interval '1 second'",
            "last_seen_at": "reported_at",
        },
        "reported_at = clock_timestamp(), uptime = uptime + 1",
    ),
    "an end that is moved": (
        {
            "active": "s.is_open AND s.ended IS NOT NULL",
            "ended_at": "ended",
            "last_seen_at": "coalesce(s.ended, s.started)",
        },
        "ended = clock_timestamp()",
    ),
    "a capital beyond ASCII": (
        {
            "active": "s.is_open AND s.Änderung IS NOT NULL",
            "last_seen_at": "coalesce(s.Änderung, s.started)",
        },
        '"Änderung" = clock_timestamp()',
    ),
}


@pytest.mark.quick("another way", "subquery", "interval", "computed back", "beyond")
@pytest.mark.parametrize(("keys", "written"), HEARTBEATS.values(), ids=HEARTBEATS.keys())
async def test_heartbeats_stay_hot(
    database: EmbeddedDatabase, source_of: SourceOf, keys: dict[str, str], written: str
) -> None:
    create(database)
    for each in await proposals(database, source_of(chat(**keys))):
        run(database, *each.commands)
    with database.connect() as connection:
        assert hot(connection, written) >= 294


@pytest.mark.quick("a document", "a list")
@pytest.mark.parametrize(
    ("keys", "written"),
    [
        pytest.param(
            {"active": "s.doc->>'state' = 'open'", "id": "s.doc->>'id'"},
            "doc = doc || pg_catalog.jsonb_build_object('fill', {random})",
            id="a document",
        ),
        pytest.param(
            {"started_at": "s.times[1]"},
            "times = (SELECT array_agg(now() + random() * n * interval '1 s')"
            " FROM generate_series(1, 9000) AS n)",
            id="a list of times",
        ),
        pytest.param({"id": "tok"}, "tok = {random}", id="a long id"),
    ],
)
async def test_a_value_that_fits_in_no_index_can_still_be_written(
    database: EmbeddedDatabase, source_of: SourceOf, keys: dict[str, str], written: str
) -> None:
    create(database)
    start = {"started_at": "(s.doc->>'at')::timestamptz"}
    for each in await proposals(database, source_of(chat(**(start | keys)))):
        for command in each.commands:
            if "->>" not in command.partition("WHERE")[0]:  # which PostgreSQL refuses
                run(database, command)
    random = "(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 2000))"
    run(database, f"UPDATE public.chat SET {written.format(random=random)} WHERE id = 100")


async def test_what_a_constraint_says_is_not_part_of_the_index(
    any_database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    """PostgreSQL 18 leaves it out of the query, and would not see that the index fits."""
    create(any_database)
    text = chat(active="s.is_open AND s.started IS NOT NULL AND id IS NOT NULL")
    await served_as_printed(any_database, collect, source_of, text)


async def test_names_that_are_written_in_another_way_are_those_columns(
    database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    create(database)
    text = chat(active='"s"."is_open" AND s . status IS NOT NULL')
    await served_as_printed(database, collect, source_of, text)


async def test_an_index_for_other_rows_serves_no_collector(
    database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    create(database)
    run(
        database,
        "CREATE UNIQUE INDEX ON public.chat (id) WHERE ended IS NULL",
        "CREATE INDEX ON public.chat (beats)",
    )
    for keys in (
        {"active": "s.status = 'open'", "where": "s.ended IS NULL"},
        {"active": "s.status = 'open'", "where": "s.beats >= 0"},
        {"active": "s.status = 'open' AND s.id IS NOT NULL"},
    ):
        assert await missing(database, collect, chat(**keys)) == {"active": 1, "daily": 1}
    text = chat(active="s.status = 'open'", where="s.ended IS NULL")
    for each in await proposals(database, source_of(text)):
        run(database, *each.commands)
    assert await missing(database, collect, text) == BOTH_SERVED


async def test_an_index_that_a_subquery_uses_serves_the_subquery_alone(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    create(database)
    run(database, "CREATE INDEX ON public.chat (status) WHERE is_open")
    older = "EXISTS (SELECT FROM public.chat AS c WHERE c.status = s.status AND c.is_open)"
    text = chat(active=f"s.is_open OR {older}")
    assert await missing(database, collect, text) == {"active": 1, "daily": 1}


async def test_a_name_that_is_taken_gets_a_number_and_a_broken_index_a_sentence(
    any_database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    create(any_database)
    run(
        any_database,
        "CREATE INDEX chat_active_idx ON public.chat (started) WHERE is_open",
        "CREATE INDEX chat_daily_idx ON public.chat (beats)",
        "UPDATE pg_index SET indisvalid = false"
        " WHERE indexrelid = 'public.chat_active_idx'::regclass",
    )
    active, daily = await served_as_printed(any_database, collect, source_of, chat())
    assert active.commands[0].startswith('CREATE INDEX CONCURRENTLY "chat_active_idx1"')
    assert active.remark == (
        '"public"."chat_active_idx" is not valid, as CREATE INDEX CONCURRENTLY leaves it when it '
        "fails: drop it with DROP INDEX CONCURRENTLY"
    )
    assert daily.commands[0].startswith('CREATE INDEX CONCURRENTLY "chat_daily_idx1"')
    assert daily.remark is None


async def test_a_temporary_child_gets_no_index(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    create(database)
    with database.connect() as other:
        other.execute("CREATE TEMPORARY TABLE child () INHERITS (public.chat)")
        for each in await proposals(database, source_of(chat())):
            assert len(each.commands) == 1
            run(database, *each.commands)


NO_KEY = "ALTER TABLE public.chat DROP CONSTRAINT chat_pkey"

#: An index that exists, and whether a heartbeat of `seen` stays a HOT update beside it.
EXISTING = {
    "a primary key with it": (
        f"{NO_KEY}, ADD CONSTRAINT held PRIMARY KEY (id, seen)",
        False,
    ),
    "a primary key that includes it": (
        f"{NO_KEY}, ADD CONSTRAINT held PRIMARY KEY (id) INCLUDE (seen)",
        False,
    ),
    "the row as a whole": ("CREATE INDEX held ON public.chat ((hash_record(chat.*)))", False),
    "the row in a predicate": (
        "CREATE INDEX held ON public.chat (id) WHERE chat IS NOT NULL",
        False,
    ),
    "an expression of another column": ("CREATE INDEX held ON public.chat (lower(status))", True),
}


@pytest.mark.quick("includes", "whole", "another")
@pytest.mark.parametrize(("command", "stays_hot"), EXISTING.values(), ids=EXISTING.keys())
async def test_check_live_warns_if_and_only_if_heartbeats_are_no_hot_updates(
    any_database: EmbeddedDatabase, source_of: SourceOf, command: str, stays_hot: bool
) -> None:
    create(any_database)
    run(any_database, command)
    (found,) = await signs_of_life(any_database, source_of(chat(last_seen_at="seen")))
    with any_database.connect() as connection:
        assert (hot(connection, "seen = clock_timestamp()") >= 294) is stays_hot
    assert ('"public"."held" (seen)' not in found.message) is stays_hot


async def test_an_index_that_no_partition_has_is_none(
    database: EmbeddedDatabase, source_of: SourceOf
) -> None:
    run(
        database,
        "CREATE TABLE public.chat (id int, is_open bool, started timestamptz, seen timestamptz)"
        " PARTITION BY RANGE (id)",
        "CREATE TABLE public.part PARTITION OF public.chat DEFAULT",
        "CREATE INDEX held ON ONLY public.chat (seen)",
    )
    (found,) = await signs_of_life(database, source_of(chat(last_seen_at="seen")))
    assert found.message == "no index holds a column that changes with last_seen_at"


async def test_a_start_that_a_sign_of_life_is_generated_from_is_not_written(
    database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    create(database)
    run(
        database,
        "ALTER TABLE public.chat ADD alive timestamptz"
        " GENERATED ALWAYS AS (greatest(started, seen)) STORED",
        "VACUUM ANALYZE public.chat",
    )
    await served_as_printed(database, collect, source_of, chat(last_seen_at="alive"))
    with database.connect() as connection:
        assert hot(connection, "seen = clock_timestamp()") >= 294


async def test_a_domain_of_times_is_collected(
    any_database: EmbeddedDatabase, collect: Collect, source_of: SourceOf
) -> None:
    create(any_database)
    run(
        any_database,
        "CREATE DOMAIN public.instant AS timestamptz",
        "ALTER TABLE public.chat ALTER started TYPE public.instant, ALTER seen TYPE public.instant,"
        " ALTER ended TYPE public.instant",
        "VACUUM ANALYZE public.chat",
    )
    text = chat(last_seen_at="seen", ended_at="ended")
    await served_as_printed(any_database, collect, source_of, text)
    page = await collect(any_database, text)
    assert page("sessions_active", source="chat") == 5
