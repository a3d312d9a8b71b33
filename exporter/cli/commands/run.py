"""`session-exporter run`: the daemon."""

from typing import Annotated

import typer
import uvloop

from exporter import logs
from exporter.cli import options
from exporter.daemon import machine_clock, process
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
    uvloop.run(process.run(Exporter(config, machine_clock.CLOCK), sock))
