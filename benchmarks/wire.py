"""Through a network: how long reads take when each round trip takes 10 ms, and what they send.

The budget: active takes one round trip and 3 ms, with one send; the daily statistics, the size and
binding to a table take two. A proxy on loopback delays what it carries.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from benchmarks.collecting import CONFIG, TABLE, fill, milliseconds
from benchmarks.support import machine, servers
from exporter import sessions
from exporter.collection.collectors import COLLECTORS, Collector
from exporter.config import load_config
from exporter.postgres import Database


class SlowNetwork:
    """A proxy that keeps every piece for half a round trip; `pieces` is what clients have sent."""

    def __init__(self, port: int, round_trip: float) -> None:
        self.pieces = 0
        self._port = port
        self._delay = round_trip / 2
        self._ways: set[asyncio.Task[None]] = set()

    async def start(self) -> asyncio.Server:
        """Listen on a free port of loopback."""
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        answers, server = await asyncio.open_connection("127.0.0.1", self._port)
        for source, target, counts in ((reader, server, 1), (answers, client, 0)):
            way = asyncio.create_task(self._carry(source, target, counts))
            self._ways.add(way)
            way.add_done_callback(self._ways.discard)

    async def _carry(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, counts: int
    ) -> None:
        loop = asyncio.get_running_loop()
        while data := await source.read(65536):
            self.pieces += counts
            loop.call_later(self._delay, target.write, data)
        loop.call_later(self._delay, target.close)


async def measure(config_text: str, dsn: str, port: int, round_trip: float, times: int) -> None:
    """Print a line for each kind of read."""
    network = SlowNetwork(port, round_trip)
    server = await network.start()
    through = dsn.replace(f":{port}/", f":{server.sockets[0].getsockname()[1]}/")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(config_text.format(dsn=through), encoding="utf-8")
        loaded = load_config(path)
    database, source = Database(loaded.databases["app"]), loaded.sources["conversations"]
    reader = database.reader(timeout=30, timezone=sessions.time_zone(source))
    try:
        table = await sessions.bind(reader, source)
        known = {each.name: await each.collect(reader, table, None) for each in COLLECTORS}

        def collecting(collector: Collector) -> Callable[[], Awaitable[object]]:
            return lambda: collector.collect(reader, table, known[collector.name])

        ways = {each.name: collecting(each) for each in COLLECTORS}
        ways["binding"] = lambda: sessions.bind(reader, source)
        for name, way in ways.items():
            before = network.pieces
            (taken,) = await milliseconds(times, way)
            sent = (network.pieces - before) / times
            trip = round_trip * 1000
            print(f"{name}: {taken:.1f} ms, {taken / trip:.1f} round trips, {sent:.1f} sends")
    finally:
        await database.close()
        server.close()


def main() -> None:
    """Measure each kind of read."""
    parser = argparse.ArgumentParser(prog="benchmarks.wire", description=__doc__)
    parser.add_argument("--round-trip", type=float, default=0.01, help="in seconds")
    parser.add_argument("--times", type=int, default=50)
    options = parser.parse_args()
    print(f"a round trip of {options.round_trip * 1000:.0f} ms; {machine.described()}", flush=True)
    with servers.started() as database:
        fill(database, *TABLE.format(rows=100_000, active=2000).split(";\n"))
        fill(
            database,
            "CREATE INDEX active_sessions ON public.conversations (session_start) WHERE is_active",
            "VACUUM ANALYZE public.conversations",
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            work = measure(
                CONFIG, database.dsn, database.server.port, options.round_trip, options.times
            )
            runner.run(work)


if __name__ == "__main__":
    main()
