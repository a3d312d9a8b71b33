"""What a collection costs the database, against the plainest query that could be asked instead.

The budgets: `active` at most 3 times count(*) on its index with 2,000 active sessions, 4 times with
200,000, and the same whatever the size of the table; daily statistics at most 1.5 times a query for
today alone from half past midnight on, and at most 2.5 times a steady run at noon where a past day
is read again. Measured around each transaction, both sides on one connection in turn.
"""

import argparse
import asyncio
import datetime as dt
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.support import machine, servers
from exporter import sessions
from exporter.collection.active import Active
from exporter.collection.daily import Daily, DailyValues
from exporter.config import load_config
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database

CONFIG = """\
databases:
  app: {{dsn: "{dsn}"}}
sources:
  conversations:
    table: public.conversations
    active: is_active
    started_at: session_start
    ended_at: session_end
    duration: duration_seconds
    id: session_id
    orphaned_after: 2h
"""

#: Two months up to a minute ago; the newest rows are active, and so are 18 orphans of the week.
TABLE = """\
DROP TABLE IF EXISTS public.conversations;
CREATE TABLE public.conversations (
    session_id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    is_active        boolean NOT NULL,
    session_start    timestamptz NOT NULL,
    session_end      timestamptz,
    duration_seconds double precision
);
INSERT INTO public.conversations (is_active, session_start, session_end, duration_seconds)
SELECT
    is_open, start, CASE WHEN NOT is_open THEN start + interval '5 minutes' END,
    CASE WHEN NOT is_open THEN 300 END
FROM (
    SELECT
        number <= {active} OR (number < {rows} / 9 AND number % ({rows} / 9 / 18) = 0) AS is_open,
        now() - interval '1 minute' - number * interval '60 days' / {rows} AS start
    FROM generate_series(1, {rows}) AS number
) AS numbered;
CREATE INDEX ON public.conversations (session_start);
VACUUM ANALYZE public.conversations
"""

INDEX = "CREATE INDEX active_sessions ON public.conversations (session_start) WHERE is_active"
COUNT = "SELECT count(*) FROM public.conversations AS s WHERE is_active"
#: By hand, for a number of days up to today.
DAYS = """\
SELECT
    (session_start AT TIME ZONE '{zone}')::date, count(*), avg(duration_seconds),
    count(*) FILTER (WHERE is_active)
FROM public.conversations
WHERE session_start
    >= (date_trunc('day', now() AT TIME ZONE '{zone}') - {past} * interval '1 day')
        AT TIME ZONE '{zone}'
GROUP BY 1
"""
TODAY = """\
SELECT count(*), avg(duration_seconds), count(*) FILTER (WHERE is_active)
FROM public.conversations
WHERE session_start >= date_trunc('day', now() AT TIME ZONE '{zone}') AT TIME ZONE '{zone}'
"""


async def milliseconds(times: int, *ways: Callable[[], Awaitable[object]]) -> list[float]:
    """The median of each way; they take turns."""
    taken: list[list[float]] = [[] for _ in ways]
    for _ in range(times):
        for way, seconds in zip(ways, taken, strict=True):
            begun = time.perf_counter()
            await way()
            seconds.append(time.perf_counter() - begun)
    return [statistics.median(seconds) * 1000 for seconds in taken]


async def measure_active(database: Database, config: Path, title: str) -> None:
    """Print one collection of `active` beside the count."""
    source = load_config(config).sources["conversations"]
    reader = database.reader(timeout=30, timezone=sessions.time_zone(source))
    table = await sessions.bind(reader, source)
    ours, plain = await milliseconds(
        100, lambda: Active().collect(reader, table, None), lambda: reader.read(COUNT)
    )
    print(f"active, {title}: {ours:.2f} ms, count(*) {plain:.2f} ms: {ours / plain:.1f} times")


async def measure_daily(database: Database, config: Path, hours: float, title: str) -> None:
    """Print the daily statistics so many hours after midnight, beside queries by hand.

    The clock is the real one; the midnight is that of a zone in which it is that late.
    """
    zone = zone_where_it_is(hours)
    loaded = load_config(config).sources["conversations"]
    source = loaded.model_copy(update={"timezone": zone})
    reader = database.reader(timeout=30, timezone=sessions.time_zone(source))
    table = await sessions.bind(reader, source)
    daily = Daily()
    known = await daily.collect(reader, table, None)
    steady, turn, today, week = await milliseconds(
        20,
        lambda: daily.collect(reader, table, known),
        lambda: daily.collect(reader, table, with_a_turn(known)),
        lambda: reader.read(TODAY.format(zone=zone)),
        lambda: reader.read(DAYS.format(zone=zone, past=6)),
    )
    print(
        f"daily, {title}: {steady:.2f} ms, with the turn of a past day {turn:.2f} ms\n"
        f"  today alone {today:.2f} ms: {steady / today:.2f} times; with the turn "
        f"{turn / steady:.2f} times a steady run\n"
        f"  seven days by hand {week:.2f} ms: {steady / week:.2f} times"
    )


def zone_where_it_is(hours: float) -> str:
    """A zone, as POSIX writes it, in which midnight was so many hours ago."""
    now = dt.datetime.now(dt.UTC)
    east = dt.timedelta(hours=hours) - dt.timedelta(
        hours=now.hour, minutes=now.minute, seconds=now.second
    )
    seconds = int(-east.total_seconds())
    sign, minutes = ("-" if seconds < 0 else "+"), abs(seconds) // 60
    return f"<bench>{sign}{minutes // 60:02}:{minutes % 60:02}"


def with_a_turn(known: DailyValues) -> DailyValues:
    """What was known, with one whole past day that was last read nearly an hour ago."""
    today, *others, oldest = known.days
    return replace(known, days=(today, *others, replace(oldest, read_at=known.at - 3500)))


def fill(database: EmbeddedDatabase, *commands: str) -> None:
    """Run commands, one after the other."""
    with database.connect() as connection:
        for command in commands:
            connection.execute(command.encode())


async def measure(
    dsn_config: Path, database: EmbeddedDatabase, sizes: list[tuple[int, int]]
) -> None:
    """Fill one table after the other, and print a line for each comparison."""
    loaded = load_config(dsn_config)
    for rows, active in sizes:
        fill(database, *TABLE.format(rows=rows, active=active).split(";\n"), "CHECKPOINT")
        pool = Database(loaded.databases["app"])
        try:
            is_last = (rows, active) == sizes[-1]
            for hours, when in ((0.5, "00:30"), (12, "noon"), (23.9, "23:54")):
                if is_last:
                    title = f"{when}, an index on the start alone"
                    await measure_daily(pool, dsn_config, hours, title)
            fill(database, INDEX, "VACUUM ANALYZE public.conversations")
            await measure_active(pool, dsn_config, f"{active} active of {rows}")
            for hours, when in ((0.5, "00:30"), (12, "noon"), (23.9, "23:54")):
                if is_last:
                    title = f"{when}, also one on the start of the active"
                    await measure_daily(pool, dsn_config, hours, title)
        finally:
            await pool.close()


def main() -> None:
    """Measure on a small table, on a large one, and with many active sessions."""
    parser = argparse.ArgumentParser(prog="benchmarks.collecting", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--active", type=int, default=2_000)
    parser.add_argument("--many-active", type=int, default=200_000)
    options = parser.parse_args()
    print(machine.described(), flush=True)
    sizes = [
        (100_000, options.active),
        (options.rows, options.many_active),
        (options.rows, options.active),
    ]
    with servers.started() as database, tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(CONFIG.format(dsn=database.dsn), encoding="utf-8")
        asyncio.run(measure(config, database, sizes))


if __name__ == "__main__":
    main()
