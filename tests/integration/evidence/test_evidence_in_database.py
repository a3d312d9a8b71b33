"""Owners and lists that are in the database: a table in which owners report, and queries."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from exporter.clock import Clock
from exporter.config.evidence import ListSource, OwnerSource
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.evidence.answers import ListedSession, OwnersAnswer, StoreAnswer, Unknown
from exporter.evidence.asking.database import list_in_database, owners_in_database
from exporter.postgres import Database, Reader
from tests.support.collection import declarations
from tests.support.servers.statements import execute

CLOCK = Clock(monotonic=lambda: 7.0, wall=lambda: 0.0)
AT = 1767225600.0  # 2026-01-01


@pytest.fixture
async def reader(database: EmbeddedDatabase) -> AsyncIterator[Reader]:
    execute(
        database,
        'CREATE TABLE public."Servers" ("Id" uuid, seen timestamptz)',
        'INSERT INTO public."Servers" VALUES'
        " ('00000000-0000-0000-0000-00000000000a', now() - interval '50 s'),"
        " ('00000000-0000-0000-0000-00000000000a', now() - interval '1 day'),"
        " ('00000000-0000-0000-0000-00000000000b', now() - interval '70 s'),"
        " ('00000000-0000-0000-0000-00000000000c', NULL), (NULL, now())",
    )
    pool = Database(declarations.settings_of(database.dsn))
    yield pool.reader()
    await pool.close()


async def owners(reader: Reader, **settings: Any) -> object:
    declared = {"name": "servers", "unique_per_start": True, **settings}
    found = await owners_in_database(reader, OwnerSource.model_validate(declared), CLOCK)
    if isinstance(found, Unknown):
        return f"{found.reason}: {found.message}"
    assert isinstance(found, OwnersAnswer)
    assert (found.at, found.ended) == (7.0, frozenset())
    return {each[-1] for each in found.alive}


async def sessions(reader: Reader, query: str, **settings: Any) -> object:
    declared = ListSource.model_validate({"name": "calls", "sql": query, **settings})
    (found,) = (await list_in_database(reader, declared, CLOCK)).stores.values()
    if isinstance(found, Unknown):
        return f"{found.reason}: {found.message}"
    assert isinstance(found, StoreAnswer)
    return dict(found.sessions)


TABLE = {"table": 'public."Servers"', "id": "Id"}


@pytest.mark.parametrize(
    ("table", "alive"),
    [
        ({"seen_at": "seen"}, {"a"}),
        ({"seen_at": "seen", "within": "80s"}, {"a", "b"}),
        ({}, {"a", "b", "c"}),
    ],
)
async def test_owners_that_have_reported_lately_live(
    reader: Reader, table: dict[str, str], alive: set[str]
) -> None:
    assert await owners(reader, table={**TABLE, **table}) == alive


async def test_an_owner_that_reports_a_time_in_the_future_is_named_with_it_and_not_as_alive(
    reader: Reader, database: EmbeddedDatabase
) -> None:
    execute(
        database,
        """UPDATE public."Servers" SET seen = now() + interval '70 s' WHERE seen < now()""",
        """INSERT INTO public."Servers" VALUES
            ('00000000-0000-0000-0000-00000000000b', now() + interval '50 s'),
            ('00000000-0000-0000-0000-00000000000d', 'infinity')""",
    )
    table = {"table": {**TABLE, "seen_at": "seen"}}
    declared = OwnerSource.model_validate({"name": "servers", "unique_per_start": True, **table})
    found = await owners_in_database(reader, declared, CLOCK)
    assert isinstance(found, OwnersAnswer)
    assert {each[-1] for each in found.alive} == {"b"}
    assert {each[-1] for each in found.reported} == {"a"}


async def test_of_owners_that_are_asked_for_the_last_report_is_known_however_old_it_is(
    reader: Reader, database: EmbeddedDatabase
) -> None:
    """NULL, an infinite time and the year 1 are no reports; and an id may be any text."""
    execute(
        database,
        "CREATE TABLE public.named (id text, seen timestamptz)",
        """INSERT INTO public.named VALUES ('it''s {"a\\', timestamptz '2026-01-01 00:00+00'),
            ('it''s {"a\\', '2025-01-01'), ('null', '2026-01-01 00:00+00'), ('never', NULL),
            ('first', '-infinity'), ('year 1', '0001-01-01'), ('other', '2026-01-01'),
            ('lives', '2026-01-01'), ('lives', now())""",
    )
    table = {"table": {"table": "public.named", "id": "id", "seen_at": "seen"}}
    declared = OwnerSource.model_validate({"name": "servers", "unique_per_start": True, **table})
    also = ["it's {\"a\\", "null", "never", "first", "year 1", "lives", "gone"]
    found = await owners_in_database(reader, declared, CLOCK, also)
    assert isinstance(found, OwnersAnswer)
    assert (found.alive, found.reported) == (frozenset({"lives"}), {also[0]: AT, "null": AT})


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        (
            {"sql": 'SELECT "Id", 1 FROM public."Servers" WHERE seen > now() - interval \'1 h\''},
            {"a", "b"},
        ),
        ({"sql": "SELECT 7 WHERE false"}, set()),
        ({"sql": "SELECT 7 UNION ALL SELECT 7"}, "shape: the answer has the same id twice"),
        ({"sql": "SELECT 1 / 0"}, "data: division by zero"),
    ],
)
async def test_a_query_gives_owners(
    reader: Reader, settings: dict[str, Any], found: object
) -> None:
    assert await owners(reader, **settings) == found


async def test_a_table_that_is_not_there_is_unknown(reader: Reader) -> None:
    said = await owners(reader, table={"table": "public.gone", "id": "id"})
    assert str(said).startswith("schema: there is no table or view public.gone")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SELECT 7 AS id", {"7": ListedSession()}),
        (
            "SELECT 'a' AS id, timestamptz '2026-01-01 00:00+00' AS last_seen_at",
            {"a": ListedSession(None, AT)},
        ),
        (
            "SELECT 'a', timestamptz 'infinity' AS last_seen_at, now() - now() AS other",
            {"a": ListedSession()},
        ),
        (
            "SELECT 'a', timestamptz '0001-01-01 00:00+00' AS last_seen_at",
            {"a": ListedSession()},
        ),
        (
            "SELECT 'a', timestamp '2026-01-01' AS started_at",
            "shape: started_at: expected a timestamp with time zone, got '2026-01-01T00:00:00'",
        ),
        ("SELECT 7 AS id, 'ann' AS key", {"7": ListedSession(key="ann")}),
        ("SELECT 7 AS key, NULL::int AS started_at", {"7": ListedSession()}),
        ("SELECT NULL::text", {}),
        ("SELECT 1 UNION ALL SELECT 1", "shape: the answer has the same id twice"),
    ],
)
async def test_a_query_gives_sessions_and_their_times(
    reader: Reader, query: str, found: object
) -> None:
    assert await sessions(reader, query) == found


async def test_more_sessions_than_may_be_are_no_answer(reader: Reader) -> None:
    query = "SELECT n FROM generate_series(1, 3) AS n"
    assert await sessions(reader, query, max_items=2) == (
        "size: the list has more than 2 sessions (max_items)"
    )
