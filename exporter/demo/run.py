"""The demo: an embedded PostgreSQL, session systems with history and traffic, and the exporter."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import uvloop

from exporter import logs
from exporter.collection.snapshots import Snapshots
from exporter.config import load_config
from exporter.daemon import process
from exporter.daemon.app import Exporter
from exporter.demo import setup, traffic
from exporter.demo.server.server import PostgresServer, wheel_binaries

_NEXT_TO_US = Path(__file__).with_name("config.yaml")
_IN_THE_REPOSITORY = Path(__file__).parents[2] / "config.yaml"
#: The documented example: packed beside this file, or at the top of the repository.
CONFIG = _NEXT_TO_US if _NEXT_TO_US.exists() else _IN_THE_REPOSITORY

_WELCOME = """
The demo runs; Ctrl-C ends it and removes everything.

  Open  http://{address}/         which sources are collected
        http://{address}/metrics  what Prometheus scrapes

This is what was found just now, in four session tables of three applications:

{overview}

What is to be seen in /metrics:

  sessions_orphaned{{source="conversations"}} starts at 18: connections dropped and nobody ended
      the sessions. More than 5 would page somebody (sessions_orphaned_alert_threshold).
  sessions_active moves all the time: sessions start, speak and end. Three in a hundred are lost,
      and become orphans in their turn: after 10 minutes in coaching and transcripts, after
      2 hours in the others.
  sessions_active_age_seconds shows how old the active ones are, sessions_daily_* what became of
      the sessions of each of the last seven days, sessions_*_by_label training by difficulty.
  sessions_inconsistent{{source="training",kind="finished_but_active"}} counts sessions with ten
      messages that nobody completed.

The rows behind a number, in another terminal:

  DATABASE_URL={dsn} \\
      {command} orphans conversations --config.file {config}

What closing them would write; --backlog for those older than a week as well, --yes to do it:

  DATABASE_URL={recovery_dsn} \\
      {command} recover conversations --backlog --config.file {config}
"""


def run_demo(
    sock: socket.socket,
    command: str,
    say: Callable[[str], None],
    overview: Callable[[Snapshots], str],
) -> None:
    """Run until Ctrl-C or SIGTERM; `say` gets what a person reads, `command` is how we are called.

    `overview` renders what was collected.
    Raises ExporterError when PostgreSQL cannot be started.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    say("Starting an embedded PostgreSQL and filling it with two weeks of sessions …")
    try:
        with PostgresServer(wheel_binaries(18)) as server:
            database = setup.create(server)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_run(sock, database, command, say, overview))
            # What is left is to remove the server; a second Ctrl-C must not stop that half-way.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            say("Stopping PostgreSQL and removing its files …")
    except KeyboardInterrupt:
        say("Ended before everything was up; nothing is left behind.")


async def _run(
    sock: socket.socket,
    database: setup.DemoDatabase,
    command: str,
    say: Callable[[str], None],
    overview: Callable[[Snapshots], str],
) -> None:
    config = load_config(CONFIG, {**os.environ, "DATABASE_URL": database.exporter_dsn})
    logs.start(logs.WARNING)
    host, port = sock.getsockname()[:2]

    async def welcome(exporter: Exporter) -> None:
        while not exporter.snapshots.is_ready():  # noqa: ASYNC110 - the store knows no asyncio
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

    going = asyncio.create_task(traffic.run(database.app_dsn))
    try:
        await process.run(config, sock, started=welcome)
    finally:
        going.cancel()
        with suppress(asyncio.CancelledError):
            await going


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """Let SIGTERM, or a terminal that is closed, unwind like Ctrl-C: the server is stopped."""
    raise KeyboardInterrupt
