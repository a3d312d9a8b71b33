"""What a collection costs the database, against the plainest query that could be asked instead.

The budgets: `active` at most 3 times count(*), both with the printed index; daily statistics at
most 1.5 times a query for today alone. Measured around each transaction, both sides on one
connection in turn.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks import machine, servers
from exporter import sessions
from exporter.collection.collectors import COLLECTORS
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
CREATE INDEX ON public.conversations (session_start) WHERE is_active;
VACUUM ANALYZE public.conversations;
CHECKPOINT
"""

COUNT = "SELECT count(*) FROM public.conversations AS s WHERE is_active"
TODAY = """\
SELECT count(*), avg(duration_seconds), count(*) FILTER (WHERE is_active)
FROM public.conversations
WHERE session_start >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
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


async def measure(config: Path) -> None:
    """Print a line for each comparison."""
    loaded = load_config(config)
    database, source = Database(loaded.databases["app"]), loaded.sources["conversations"]
    reader = database.reader(timeout=30, timezone=sessions.time_zone(source))
    try:
        table = await sessions.bind(reader, source)
        active, daily, _ = COLLECTORS
        ours, plain = await milliseconds(
            300, lambda: active.collect(reader, table, None), lambda: reader.read(COUNT)
        )
        print(f"active: {ours:.2f} ms, count(*) {plain:.2f} ms: {ours / plain:.1f} times")
        known = await daily.collect(reader, table, None)
        ours, plain = await milliseconds(
            20, lambda: daily.collect(reader, table, known), lambda: reader.read(TODAY)
        )
        print(f"daily: {ours:.1f} ms, today {plain:.1f} ms: {ours / plain:.2f} times")
    finally:
        await database.close()


def fill(database: EmbeddedDatabase, *commands: str) -> None:
    """Run commands, one after the other."""
    with database.connect() as connection:
        for command in commands:
            connection.execute(command.encode())


def main() -> None:
    """Measure with the printed indexes."""
    parser = argparse.ArgumentParser(prog="benchmarks.collecting", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--active", type=int, default=2_000)
    options = parser.parse_args()
    print(f"{options.rows} rows, {options.active} active; {machine.described()}", flush=True)
    with servers.started() as database, tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(CONFIG.format(dsn=database.dsn), encoding="utf-8")
        fill(database, *TABLE.format(rows=options.rows, active=options.active).split(";\n"))
        asyncio.run(measure(config))


if __name__ == "__main__":
    main()
