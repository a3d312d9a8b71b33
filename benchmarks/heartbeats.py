"""What an index costs the application that it lies beside: heartbeats of active sessions.

The budgets: beside the index that `sql index` prints at least 0.9 of the updates a second without
it, and at least 98 % of them HOT. For comparison an index that holds the column of the heartbeat.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.support import machine, servers
from exporter import sessions
from exporter.collection.active.grid import counting_query
from exporter.config import DatabaseSettings, Source, load_config
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database
from exporter.queries import fill
from exporter.sessions.indexes.proposals import propose

CONFIG = """\
databases:
  app: {{dsn: "{dsn}"}}
sources:
  conversations:
    table: public.conversations
    active: is_active
    started_at: session_start
    last_seen_at: last_heartbeat
    ended_at: session_end
    id: session_id
    orphaned_after: 10m
"""

#: Two months up to a minute ago, of which the newest are active. Each heartbeat is a transaction,
#: because old versions of a row are pruned only when a later one is committed; no commit waits for
#: the disk, or that would be all that is measured.
TABLE = """\
CREATE TABLE public.conversations (
    session_id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    is_active      boolean NOT NULL,
    session_start  timestamptz NOT NULL,
    last_heartbeat timestamptz NOT NULL,
    session_end    timestamptz
);

INSERT INTO public.conversations (is_active, session_start, last_heartbeat, session_end)
SELECT is_open, start, start, CASE WHEN NOT is_open THEN start + interval '5 minutes' END
FROM (
    SELECT
        number <= {active} AS is_open,
        now() - interval '1 minute' - number * interval '60 days' / {rows} AS start
    FROM generate_series(1, {rows}) AS number
) AS numbered;

CREATE INDEX ON public.conversations (session_start);

CREATE PROCEDURE public.beat(updates int) LANGUAGE plpgsql AS $$
DECLARE
    ids uuid[] := ARRAY(SELECT session_id FROM public.conversations WHERE is_active);
    alive uuid;
BEGIN
    FOR number IN 1..updates LOOP
        alive := ids[1 + floor(random() * cardinality(ids))::int];
        UPDATE public.conversations SET last_heartbeat = clock_timestamp() WHERE session_id = alive;
        COMMIT;
    END LOOP;
END $$
"""

#: An index of the name that the printed one has.
INDEX = "conversations_active_idx"
HELD = f"""\
CREATE INDEX {INDEX} ON public.conversations (session_start)
    INCLUDE (last_heartbeat, session_end, session_id) WHERE is_active
"""
NONE, PRINTED, OLD = "no index", "the printed index", "INCLUDE (last_heartbeat)"

WAL = "SELECT (pg_current_wal_insert_lsn() - '0/0')::float8"
COUNTED = """\
SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relid = 'conversations'::regclass
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one measurement: updates a second, the share of HOT updates, bytes of WAL an update.

    And what our pass over the active rows reads and takes afterwards.
    """

    speed: float
    hot: float
    wal: float
    blocks: float
    milliseconds: float


def measure(
    database: EmbeddedDatabase, source: Source, index: Sequence[str], updates: int
) -> Figures:
    """Heartbeats beside an index that these commands create."""
    with database.connect() as connection:

        def ask(statement: str) -> tuple[float, ...]:
            return connection.execute(statement.encode()).fetchall()[0]

        for command in (
            f"DROP INDEX IF EXISTS public.{INDEX}",
            *index,
            "VACUUM ANALYZE public.conversations",
            "CHECKPOINT",
            "SET synchronous_commit = off",
        ):
            connection.execute(command.encode())
        counted, (written,) = ask(COUNTED), ask(WAL)
        begun = time.perf_counter()
        connection.execute(f"CALL public.beat({updates})".encode())
        seconds = time.perf_counter() - begun
        (now_written,) = ask(WAL)
        ask("SELECT pg_stat_force_next_flush() IS NULL")
        updated, hot = (now - then for now, then in zip(ask(COUNTED), counted, strict=True))
    if updated != updates:
        raise RuntimeError(f"{updated} of {updates} updates were counted")
    blocks, milliseconds = asyncio.run(active_pass(database, source))
    return Figures(
        updates / seconds, hot / updates, (now_written - written) / updates, blocks, milliseconds
    )


async def active_pass(database: EmbeddedDatabase, source: Source) -> tuple[float, float]:
    """The blocks and milliseconds of our pass, as the median of nine."""
    pool = Database(DatabaseSettings(name="app", dsn=database.dsn))
    try:
        reader = pool.reader(timeout=30, timezone=sessions.time_zone(source))
        table = await sessions.bind(reader, source)
        statement = fill("check/analyze", statement=counting_query(table))
        plans = [(await reader.value(statement))[0] for _ in range(9)]
    finally:
        await pool.close()
    blocks = [
        plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"] for plan in plans
    ]
    return statistics.median(blocks), statistics.median(plan["Execution Time"] for plan in plans)


async def printed(database: EmbeddedDatabase, source: Source) -> Sequence[str]:
    """The commands that `sql index` prints for collector `active`."""
    pool = Database(DatabaseSettings(name="app", dsn=database.dsn))
    try:
        reader = pool.reader(timezone=sessions.time_zone(source))
        active, _ = await propose(reader, await sessions.bind(reader, source))
    finally:
        await pool.close()
    return active.commands


def main() -> None:
    """Measure in turn, in another order each time, and print medians."""
    parser = argparse.ArgumentParser(prog="benchmarks.heartbeats", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--active", type=int, default=2_000)
    parser.add_argument("--updates", type=int, default=150_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(
        f"{options.rows} rows, {options.active} active, {options.updates} heartbeats, "
        f"{options.repeats} repeats; {machine.described()}",
        flush=True,
    )
    figures: dict[str, list[Figures]] = defaultdict(list)
    with servers.started() as database, tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(CONFIG.format(dsn=database.dsn), encoding="utf-8")
        source = load_config(config).sources["conversations"]
        with database.connect() as connection:
            for command in TABLE.split(";\n\n"):
                text = command.format(rows=options.rows, active=options.active)
                connection.execute(text.encode())
        indexes = {NONE: [], PRINTED: asyncio.run(printed(database, source)), OLD: [HELD]}
        for _ in range(options.repeats):
            for case in random.sample(list(indexes), len(indexes)):
                figures[case].append(measure(database, source, indexes[case], options.updates))
    print_table({case: figures[case] for case in indexes})


def print_table(figures: dict[str, list[Figures]]) -> None:
    """Print a line for each case; a speed is compared with that of the same round without index."""
    plain = [each.speed for each in figures[NONE]]
    print(f"{'':26} {'updates/s':>10} {'ratio: median, range':>24} {'HOT':>7}", end=" ")
    print(f"{'WAL bytes':>10} {'our pass: blocks, ms':>22}")
    for case, measured in figures.items():
        ratios = [each.speed / other for each, other in zip(measured, plain, strict=True)]
        medians = {
            name: statistics.median(getattr(each, name) for each in measured)
            for name in ("speed", "hot", "wal", "blocks", "milliseconds")
        }
        print(
            f"{case:26} {medians['speed']:10,.0f} {statistics.median(ratios):10.2f} "
            f"{min(ratios):6.2f} {max(ratios):6.2f} {medians['hot']:7.1%} {medians['wal']:10.0f} "
            f"{medians['blocks']:14.0f} {medians['milliseconds']:7.2f}"
        )


if __name__ == "__main__":
    main()
