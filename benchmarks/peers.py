"""Beside other exporters: what a collection costs, and how often /metrics can be scraped.

The budgets: 0.2 s of processor time for 1,000 collections; 10 times the scrapes of the best Go
exporter. All collect the same facts of one table, in one run: how many sessions are active and
orphaned, and the oldest start. Peers that are not installed are reported and skipped. An exporter
that collects when it is scraped is scraped once an interval. The floor is one statement
written by hand, prepared, on one connection. Each exporter has one core. For the scrapes, peers
collect constants too, so that their pages have about as many series as ours.
"""

import argparse
import os
import shutil
import time
from collections.abc import Callable

from benchmarks import many_sources, scraping
from benchmarks.collecting import INDEX, TABLE, fill
from benchmarks.support import machine, programs, servers
from benchmarks.support.exporters import EVERY, FACTS, OURS, PEERS, QUERY, Program, running
from exporter.demo.server.databases import EmbeddedDatabase


def collections(database: EmbeddedDatabase) -> int:
    """How many there were so far: each scans the index of the active sessions once."""
    with database.connect() as connection:
        row = connection.execute(
            "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'active_sessions'"
        ).fetchone()
    return int(row[0]) if row else 0


def measure(
    database: EmbeddedDatabase, pid: int, seconds: float, once: Callable[[], object]
) -> tuple[float, float, int]:
    """Processor seconds of 1,000 collections, of the process and of PostgreSQL; and their number.

    `once` is called every interval, and an interval before the first. A server process reports its
    scans late, at the first statement after a second: so both readings are late by the same.
    """
    time.sleep(EVERY)
    once()
    time.sleep(EVERY)
    before = collections(database)
    process, server = machine.processor_seconds([pid]), many_sources.server_seconds(database)
    begun = time.monotonic()
    for turn in range(1, round(seconds / EVERY) + 1):
        once()
        time.sleep(max(begun + turn * EVERY - time.monotonic(), 0))
    process = machine.processor_seconds([pid]) - process
    server = many_sources.server_seconds(database) - server
    count = collections(database) - before
    if count == 0:
        raise RuntimeError("nothing was collected")
    return process / count * 1000, server / count * 1000, count


def by_hand(database: EmbeddedDatabase, sources: int, seconds: float) -> tuple[float, float, int]:
    """Measure the floor, in this process."""
    query = QUERY.format(columns=FACTS).encode()
    with database.connect() as connection:

        def once() -> None:
            for _ in range(sources):
                connection.execute(query, prepare=True).fetchone()

        return measure(database, os.getpid(), seconds, once)


def compare_collections(
    database: EmbeddedDatabase, present: list[tuple[Program, str]], sources: int, seconds: float
) -> dict[str, int]:
    """Print what collections cost; the number of samples that each exporter serves."""
    print("\nProcessor time of 1,000 collections", flush=True)
    client, floor, count = by_hand(database, sources, seconds)
    print(f"by hand: {client:.3f} s, PostgreSQL {floor:.3f} s ({count} measured)", flush=True)
    samples, ours = {}, 0.0
    for program, path in present:
        with running(program, path, database.dsn, sources) as started:
            once = started.scrape if program.at_scrape else lambda: None
            process, server, count = measure(database, started.pid, seconds, once)
            samples[program.name] = started.samples()
        ours = ours or process
        print(f"{program.name}: {process:.3f} s, {process / ours:.2f} of ours; ", end="")
        print(f"PostgreSQL {server:.3f} s, {server / floor:.2f} of by hand ({count} measured)")
    return samples


def compare_scrapes(
    database: EmbeddedDatabase,
    present: list[tuple[Program, str]],
    sources: int,
    samples: dict[str, int],
) -> None:
    """Print how often each can be scraped."""
    wrk = shutil.which("wrk")
    if wrk is None:
        print("\nScrapes are not measured: wrk is not installed.")
        return
    print("\nScrapes, 8 connections", flush=True)
    ours = 0.0
    for program, path in present:
        lacking = max(samples[OURS.name] - samples[program.name], 0) // sources
        with running(program, path, database.dsn, sources, lacking) as started:
            time.sleep(EVERY)  # until the other collectors of ours have run once
            size, served = len(started.scrape()), started.samples()
            with machine.pinned(first=False):
                rate = scraping.requests_per_second(wrk, started.url)
        ours = ours or rate
        print(
            f"{program.name}: {rate:.1f} a second, {served} samples, {size / 1000:.0f} kB; ", end=""
        )
        print(f"ours has {ours / rate:.1f} times as many", flush=True)


def main() -> None:
    """Measure collections, then scrapes."""
    parser = argparse.ArgumentParser(prog="benchmarks.peers", description=__doc__)
    parser.add_argument("--sources", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=12, help="of collecting, for each")
    options = parser.parse_args()
    print(f"{options.sources} sources every {EVERY} s; {machine.described()}", flush=True)
    found = [(each, path) for each in PEERS if (path := each.find())]
    present = [(OURS, str(programs.PROGRAM)), *found]
    with servers.started() as database:
        fill(database, *TABLE.format(rows=100_000, active=2000).split(";\n"))
        fill(database, INDEX, "VACUUM ANALYZE public.conversations")
        samples = compare_collections(database, present, options.sources, options.seconds)
        compare_scrapes(database, present, options.sources, samples)


if __name__ == "__main__":
    main()
