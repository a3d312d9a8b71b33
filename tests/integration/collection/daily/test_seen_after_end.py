"""The kind seen_after_end: something else closes sessions that live, as their rows tell."""

from collections.abc import Awaitable, Callable

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.collection.pages import Page
from tests.support.servers.statements import execute

Collect = Callable[..., Awaitable[Page]]

CHAT = """\
chat:
  table: chat
  active: is_open
  started_at: {start}
  last_seen_at: {seen}
  ended_at: {end}
  orphaned_after: 2h
  future_tolerance: 1m
"""

#: By id: whether it is counted.
ROWS = """
    INSERT INTO chat
    SELECT id, is_open,
        now() - started * interval '1 s', now() - seen * interval '1 s',
        now() - ended * interval '1 s'
    FROM (VALUES
        (1, false, 900, 500, 570),   -- seen 70 s later
        (2, false, 900, 500, 555),   -- within the tolerance
        (3, false, 900, 600, 500),   -- seen before its end
        (4, true, 900, 1, 570),      -- active: another kind
        (5, false, 900, NULL, 570),
        (6, false, 900, 500, NULL),
        (7, false, 900, 500, 950),   -- an end before the start is none
        (8, false, 900, 0, 899),
        (9, false, 99999999, 0, 899) -- not of these days
    ) AS row (id, is_open, started, seen, ended)
"""


async def counted(database: EmbeddedDatabase, collect: Collect, **columns: str) -> float | None:
    page = await collect(database, CHAT.format(**columns))
    assert not page.failures
    return page.by("kind", "sessions_inconsistent").get("seen_after_end")


@pytest.mark.parametrize("type_", ["timestamptz", "timestamp", "bigint"])
async def test_closed_rows_are_counted_that_were_seen_later_than_the_tolerance_allows(
    database: EmbeddedDatabase, collect: Collect, type_: str
) -> None:
    execute(
        database,
        "CREATE TABLE chat (id int, is_open bool, started timestamptz, seen timestamptz,"
        " ended timestamptz)",
        ROWS,
    )
    columns = {"start": "started", "seen": "seen", "end": "ended"}
    if type_ == "bigint":
        for key, column in columns.items():
            execute(
                database,
                f"ALTER TABLE chat ALTER {column} TYPE bigint"
                f" USING (1000 * extract(epoch FROM {column}))::bigint",
            )
            columns[key] = f"{{column: {column}, epoch: ms}}"
    if type_ == "timestamp":
        for column in columns.values():
            execute(
                database,
                f"ALTER TABLE chat ALTER {column} TYPE timestamp"
                f" USING {column} AT TIME ZONE 'Europe/Berlin'",
            )
        columns["end"] += "\n  timestamps_in: Europe/Berlin"
    assert await counted(database, collect, **columns) == 2


async def test_of_several_columns_the_one_counts_that_the_expression_chooses(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    execute(
        database,
        "CREATE TABLE chat (id int, is_open bool, started timestamptz, seen timestamptz,"
        " ended timestamptz)",
        ROWS,
        "ALTER TABLE chat RENAME seen TO pinged",
        "ALTER TABLE chat ADD spoke timestamptz DEFAULT '-infinity'",
    )
    columns = {"start": "started", "end": "ended"}
    expression = "|\n    greatest(s.pinged, NULLIF(spoke, '0001-01-01'))"
    assert await counted(database, collect, seen=expression, **columns) == 2


async def test_where_last_seen_at_is_computed_closed_rows_are_not_asked_for_it(
    database: EmbeddedDatabase, collect: Collect
) -> None:
    execute(
        database,
        "CREATE TABLE chat (id int, is_open bool, started timestamptz, seen text,"
        " ended timestamptz)",
        "INSERT INTO chat VALUES (1, false, now() - interval '1 h', 'never', now())",
    )
    columns = {"start": "started", "end": "ended"}
    expression = "|\n    s.seen::timestamptz"
    assert await counted(database, collect, seen=expression, **columns) is None


async def test_infinite_times_are_none(database: EmbeddedDatabase, collect: Collect) -> None:
    execute(
        database,
        "CREATE TABLE chat (is_open bool, started timestamptz, seen timestamptz,"
        " ended timestamptz)",
        "INSERT INTO chat VALUES (false, now() - interval '1 s', 'infinity', now()),"
        " (false, now() - interval '1 s', now(), '-infinity'),"
        " (false, '-infinity', now() + interval '1 h', now())",
    )
    assert await counted(database, collect, start="started", seen="seen", end="ended") == 0


@pytest.mark.parametrize("seen", ["NULL", "1"])
async def test_the_latest_of_all_times_can_be_compared(
    database: EmbeddedDatabase, collect: Collect, seen: str
) -> None:
    """An end that is a number may be read as the last moment, to which no minute can be added."""
    execute(
        database,
        "CREATE TABLE chat (is_open bool, started float8, seen float8, ended float8)",
        "INSERT INTO chat SELECT false, 1000 * extract(epoch FROM now() - interval '9 min'),"
        f" {seen} * 1000 * extract(epoch FROM now() + interval '1 year'), 'infinity'",
        "INSERT INTO chat SELECT false, started, seen, 9.3e18 FROM chat",
    )
    columns = {
        key: f"{{column: {column}, epoch: ms}}"
        for key, column in {"start": "started", "seen": "seen", "end": "ended"}.items()
    }
    assert await counted(database, collect, **columns) == 0
