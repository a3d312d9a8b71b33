"""The demo: an embedded PostgreSQL, session systems with history and traffic, and the exporter."""

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn

import uvloop

from exporter import logs
from exporter.collection.snapshots import Snapshots
from exporter.daemon import machine_clock, process
from exporter.daemon.app import Exporter
from exporter.daemon.http.access import Details
from exporter.demo import live_applications, setup, traffic
from exporter.demo.example import CONFIG, load_demo
from exporter.demo.server.server import PostgresServer, wheel_binaries

_WELCOME = """
The demo is running; Ctrl-C stops it and removes all of its files.

  Open  http://{address}/         the state of each source
        http://{address}/metrics  the metrics for Prometheus

The first collection of five session tables and a list, of five applications:

{overview}

In /metrics:

  sessions_orphaned{{source="conversations"}} starts at 18: connections were lost and the sessions
      were never ended. The alert fires above 5 (sessions_orphaned_alert_threshold).
  sessions_active changes continuously: sessions start, show activity and end. 3 % are lost and
      become orphaned: after 10 minutes in coaching and transcripts, after 2 hours in the others.
  sessions_active_age_seconds shows the ages of the active sessions, sessions_daily_* the results
      of the sessions of each of the last seven days, sessions_*_by_label training by difficulty.
  sessions_orphaned_by_cause{{source="practice_calls"}} counts calls that the server has lost
      (ghost) or that were on a server that died (ownerless; one is killed every 150 seconds).
  sessions_disagreeing{{source="role_plays"}} is above 0 for 45 seconds of every 105: then each
      endpoint of the API has a separate store. It has no table: its lists are the source.
  sessions_inconsistent{{source="training",kind="finished_but_active"}} counts sessions with ten
      messages that were never completed.

The rows behind a number, in another terminal:

  DATABASE_URL={dsn} \\
      {command} orphans conversations --config.file {config}

The plan to close them; --backlog includes those older than a week, --yes executes it:

  DATABASE_URL={recovery_dsn} \\
      {command} recover conversations --backlog --config.file {config}
"""


def run_demo(
    sock: socket.socket,
    command: str,
    say: Callable[[str], None],
    overview: Callable[[Snapshots], str],
) -> None:
    """Run until Ctrl-C, SIGTERM or SIGHUP; `say` prints text, `command` is the name of the program.

    `overview` renders what was collected.
    Raises ExporterError when PostgreSQL cannot be started.
    """
    arrived: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> NoReturn:
        arrived.append(number)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    say("Starting an embedded PostgreSQL with two weeks of sessions …")
    server = PostgresServer(wheel_binaries(18))
    try:
        try:
            server.start()
            database = setup.create(server)
            if arrived:  # Python ignores an exception in a finalizer or a weakref callback
                raise KeyboardInterrupt
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_run(sock, database, command, say, overview))
            say("Stopping PostgreSQL and removing its files …")
        finally:
            _ignore_signals()
            server.stop()
    except KeyboardInterrupt:
        say("Stopped during the start; all files were removed.")


def _ignore_signals() -> None:
    """A second Ctrl-C must not interrupt the removal of the server."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


async def _run(
    sock: socket.socket,
    database: setup.DemoDatabase,
    command: str,
    say: Callable[[str], None],
    overview: Callable[[Snapshots], str],
) -> None:
    logs.start(logs.WARNING)
    host, port = sock.getsockname()[:2]

    async def welcome(exporter: Exporter) -> None:
        while not exporter.snapshots.is_ready():  # noqa: ASYNC110 - snapshots have no event to wait for
            await asyncio.sleep(0.05)
        say(
            _WELCOME.format(
                address=f"{host}:{port}",
                overview=overview(exporter.snapshots),
                dsn=database.exporter_dsn,
                recovery_dsn=database.recovery_dsn,
                command=command,
                config=CONFIG,
            )
        )

    async with live_applications.serving(database.app_dsn) as urls:
        config = load_demo(database.exporter_dsn, urls)
        exporter = Exporter(config, machine_clock.CLOCK, Details.EVERYONE)
        welcoming = asyncio.create_task(welcome(exporter))
        going = asyncio.create_task(traffic.run(database.app_dsn))
        try:
            await process.run(exporter, sock)
        finally:
            welcoming.cancel()
            going.cancel()
            with suppress(asyncio.CancelledError):
                await going
