"""Puts the parts together: start, stop and the signals. The only module that reads the clock."""

import asyncio
import contextlib
import gc
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterator

import uvicorn

from exporter import logs
from exporter.clock import Clock
from exporter.collection.collection import Binding, Collection
from exporter.collection.collectors import COLLECTORS
from exporter.collection.snapshots import Key, Snapshots, State
from exporter.config import Config
from exporter.daemon import http
from exporter.daemon.metrics_page import ConfigFacts, Page
from exporter.daemon.schedule import Job, Schedule
from exporter.errors import ExporterError
from exporter.postgres import Database
from exporter.recovery.automatic import AutomaticRecovery
from exporter.recovery.rule.connections import writing_settings
from exporter.recovery.webhook.job import WebhookJob

#: How long running collections may take to end after SIGTERM, in seconds.
STOP_PATIENCE = 5.0


def _since_boot() -> float:
    """Seconds that go on while the machine is suspended, where the system has such a clock.

    time.monotonic() stands still on Linux then: what was read before would be served as if it were
    new (clock_gettime(2), CLOCK_BOOTTIME).
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME) if HAS_BOOTTIME else time.monotonic()


HAS_BOOTTIME = hasattr(time, "CLOCK_BOOTTIME")
CLOCK = Clock(monotonic=_since_boot, wall=time.time)


class Exporter:
    """Everything made from one config: databases, collections, snapshots and the page."""

    def __init__(self, config: Config) -> None:
        self.databases = {name: Database(each) for name, each in config.databases.items()}
        pairs = [
            (self.databases[database], Binding(source))
            for source in config.sources.values()
            for database in source.databases
        ]
        planned = [
            (database, binding, collector)
            for collector in COLLECTORS
            for database, binding in pairs
            if collector.every(binding.source) is not None
        ]
        self.snapshots = Snapshots(
            [
                (Key(database.name, binding.source.name, collector.name), State(interval=every))
                for database, binding, collector in planned
                if (every := collector.every(binding.source)) is not None
            ],
            recoveries=[
                (database.name, binding.source.name)
                for database, binding in pairs
                if binding.source.recovery.is_declared
            ],
        )
        self.collections = [
            Collection(database, binding, collector, snapshots=self.snapshots, clock=CLOCK)
            for database, binding, collector in planned
        ]
        self.recoveries = [
            AutomaticRecovery(
                database.settings, binding.source, snapshots=self.snapshots, clock=CLOCK
            )
            for database, binding in pairs
            if binding.source.recovery.is_declared
        ]
        self.tellings = [
            WebhookJob(
                writing_settings(database.settings, binding.source),
                binding.source,
                clock=CLOCK,
            )
            for database, binding in pairs
            if binding.source.recovery.webhook is not None
        ]
        self.page = Page(
            sources=config.sources,
            databases=self.databases,
            snapshots=self.snapshots,
            config=ConfigFacts(config.digest, CLOCK.wall()),
            clock=CLOCK,
        )

    async def collect_once(self) -> None:
        """Run every collection once, each database as parallel as its budget allows."""
        await asyncio.gather(*(collection.run() for collection in self.collections))

    async def close(self) -> None:
        """Hang up all connections."""
        for database in self.databases.values():
            await database.close()
        for recovery in self.recoveries:
            await recovery.close()
        for telling in self.tellings:
            await telling.close()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: it would raise SIGTERM again at the end (exit 143)."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Bind the address now, so that a port in use is a sentence before anything has started.

    Without a host it listens on every address, of IPv6 and IPv4 where there is both.
    """
    try:
        if not host and socket.has_dualstack_ipv6():
            sock = socket.create_server(
                ("", port), family=socket.AF_INET6, backlog=1024, dualstack_ipv6=True
            )
        else:
            family, *_, address = socket.getaddrinfo(host or "0.0.0.0", port)[0]  # noqa: S104 - asked for
            sock = socket.create_server(address[:2], family=family, backlog=1024)
    except (OSError, OverflowError, UnicodeError) as error:
        # create_server() repeats the address behind the reason.
        reason = str(getattr(error, "strerror", None) or error).partition(" (while ")[0]
        raise ExporterError(
            f"cannot listen on {host}:{port}: {reason}; "
            "choose another address with --web.listen-address"
        ) from None
    return sock


async def _settle(exporter: Exporter) -> None:
    """Take what is there to stay out of garbage collection, once everything was collected once.

    With 1,000 sources each full collection would hold up the event loop for 75 ms; what comes and
    goes afterwards is little.
    """
    while not exporter.snapshots.is_ready():  # noqa: ASYNC110 - the store knows no asyncio
        await asyncio.sleep(1.0)
    gc.collect()
    gc.freeze()


async def run(
    config: Config,
    sock: socket.socket,
    *,
    started: Callable[[Exporter], Awaitable[None]] | None = None,
) -> None:
    """Collect and serve until SIGTERM or SIGINT; `started` runs beside it from the start."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    exporter = Exporter(config)
    jobs: list[Job] = [*exporter.collections, *exporter.recoveries, *exporter.tellings]
    schedule = Schedule(jobs, CLOCK)
    server = _Server(
        uvicorn.Config(
            http.Application(exporter.page, exporter.snapshots, CLOCK),
            log_config=None,
            access_log=False,
            lifespan="off",
            proxy_headers=False,
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=int(STOP_PATIENCE),
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    beside = [asyncio.create_task(_settle(exporter))]
    if started is not None:
        beside.append(asyncio.ensure_future(started(exporter)))
    stopping = asyncio.create_task(stop.wait())
    schedule.start()
    host, port = sock.getsockname()[:2]
    host = f"[{host}]" if ":" in host else host
    logs.info("started", address=f"{host}:{port}", sources=len(config.sources))
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            raise ExporterError(f"the web server has ended by itself: {serving.exception()!r}")
        logs.info("stopping")
        await schedule.stop(STOP_PATIENCE)
    finally:
        server.should_exit = True
        stopping.cancel()
        for task in beside:
            task.cancel()
        await exporter.close()
        await asyncio.gather(serving, stopping, *beside, return_exceptions=True)
    logs.info("stopped")
