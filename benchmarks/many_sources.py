"""1,000 sources every 10 seconds: what they cost the server, the exporter, and its event loop.

The budgets: PostgreSQL at most 3 % of a core, the exporter at most 6 %; the loop is late by at most
2.6 ms in 99 of 100 cases, and never by more than 30 ms; at most 100 MB; no run missed; `once` at
most 3 s. The daemon's own parts run here, without HTTP: databases, schedule, snapshots.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from benchmarks.collecting import TABLE, fill
from benchmarks.support import machine, programs, servers
from exporter import logs
from exporter.config import load_config
from exporter.daemon.app import Exporter
from exporter.daemon.machine_clock import CLOCK
from exporter.daemon.schedule import Schedule
from exporter.demo.server.databases import EmbeddedDatabase

EVERY = 10.0
PROBE_SECONDS = 0.005

SOURCE = """\
  sessions_{number}:
    database: app_{database}
    table: public.conversations
    active: is_active
    started_at: session_start
    ended_at: session_end
    duration: duration_seconds
    id: session_id
    orphaned_after: 2h
    every: 10s
    daily: null
"""


def write_config(folder: Path, dsn: str, sources: int, databases: int) -> Path:
    """Write a config of many sources, spread over several entries for one database."""
    lines = ["databases:\n"]
    lines += [f'  app_{number}: {{dsn: "{dsn}"}}\n' for number in range(databases)]
    lines += ["sources:\n"]
    lines += [
        SOURCE.format(number=number, database=number % databases) for number in range(sources)
    ]
    path = folder / "config.yaml"
    path.write_text("".join(lines), encoding="utf-8")
    return path


@dataclass
class Probe:
    """How late the event loop is, in seconds, asked all the time."""

    delays: list[float] = field(default_factory=list)

    async def watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + PROBE_SECONDS
            await asyncio.sleep(PROBE_SECONDS)
            self.delays.append(max(loop.time() - due, 0.0))


def server_seconds(database: EmbeddedDatabase) -> float:
    """Processor time of all processes of the server so far."""
    return machine.processor_seconds(database.server.processes())


async def measure(config: Path, database: EmbeddedDatabase, seconds: float) -> None:
    """Let everything run for some intervals, then measure, and print what it cost."""
    exporting = Exporter(load_config(config), CLOCK)
    schedule = Schedule(exporting.jobs, CLOCK)
    schedule.start()
    await asyncio.sleep(2 * EVERY)  # until all are bound, and none is new
    probe = Probe()
    watching = asyncio.create_task(probe.watch())
    begun, ours, theirs = time.perf_counter(), time.process_time(), server_seconds(database)
    await asyncio.sleep(seconds)
    took = time.perf_counter() - begun
    ours, theirs = time.process_time() - ours, server_seconds(database) - theirs
    watching.cancel()
    states = exporting.snapshots.states.values()
    skipped = sum(sum(each.skipped.values()) for each in exporting.snapshots.counters.values())
    failed = sum(not state.succeeded for state in states)
    late = statistics.quantiles(probe.delays, n=100)[-1] * 1000
    probes = f"{1 / PROBE_SECONDS:.0f} probes a second included"
    print(f"exporter {ours / took:.1%} of a core ({probes}), PostgreSQL {theirs / took:.1%}")
    print(f"loop late by {late:.1f} ms (99 %), at most {max(probe.delays) * 1000:.1f} ms")
    print(f"collectors without success: {failed}; runs missed: {skipped}")
    await schedule.stop(5)
    await exporting.close()


def main() -> None:
    """Measure the schedule, and then the command `once`."""
    parser = argparse.ArgumentParser(prog="benchmarks.many_sources", description=__doc__)
    parser.add_argument("--sources", type=int, default=1000)
    parser.add_argument("--databases", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    print(f"{options.sources} sources, {options.databases} databases; {machine.described()}")
    logs.log_errors_only()
    with servers.started() as database, tempfile.TemporaryDirectory() as folder:
        fill(database, *TABLE.format(rows=1000, active=20).split(";\n"))
        fill(
            database,
            "CREATE INDEX active_sessions ON public.conversations (session_start) WHERE is_active",
            "VACUUM ANALYZE public.conversations",
        )
        config = write_config(Path(folder), database.dsn, options.sources, options.databases)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(measure(config, database, options.seconds))
        once = programs.run("once", "-c", config)
        print(f"once: {once.seconds:.1f} s, {once.peak_mib * 1.048576:.0f} MB")


if __name__ == "__main__":
    main()
