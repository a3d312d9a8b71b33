"""`session-exporter run` and `demo`: the daemon, on your databases or on an embedded one."""

import functools
import sys
from typing import Annotated

import typer
import uvloop

from exporter import logs
from exporter.cli import options
from exporter.cli.commands.once import counts
from exporter.daemon import process
from exporter.daemon.app import Exporter
from exporter.logs import LogFormat


def run(
    config_file: options.ConfigFile = options.DEFAULT_CONFIG,
    listen_address: options.ListenAddress = f":{options.DEFAULT_PORT}",
    log_format: Annotated[
        LogFormat, typer.Option("--log.format", help="Format of log lines.")
    ] = LogFormat.LOGFMT,
) -> None:
    """Collect on a schedule and serve /metrics until SIGTERM."""
    config = options.load(config_file)
    sock = process.listen(*options.parse_address(listen_address))
    logs.start(format_=log_format)
    uvloop.run(process.run(Exporter(config, process.CLOCK), sock))


def demo(listen_address: options.ListenAddress = f"127.0.0.1:{options.DEFAULT_PORT}") -> None:
    """Run an embedded PostgreSQL with simulated traffic, and the exporter on it."""
    from exporter.demo.run import run_demo  # noqa: PLC0415 - only the demo needs its extra

    say = functools.partial(print, flush=True)  # a pipe would get it at the very end
    sock = process.listen(*options.parse_address(listen_address))
    run_demo(sock, sys.argv[0], say, counts)
