"""`session-exporter run`: the daemon."""

from typing import Annotated

import typer

from exporter import logs
from exporter.cli import options
from exporter.cli.config_file import load
from exporter.cli.each_source import wait_for
from exporter.daemon import process
from exporter.logs import LogFormat


def run(
    config_file: options.ConfigFile = options.DEFAULT_CONFIG,
    listen_address: options.ListenAddress = f":{options.DEFAULT_PORT}",
    log_format: Annotated[
        LogFormat, typer.Option("--log.format", help="Format of log lines.")
    ] = LogFormat.LOGFMT,
) -> None:
    """Collect on a schedule and serve /metrics until SIGTERM."""
    config = load(config_file)
    sock = process.listen(*options.parse_address(listen_address))
    logs.start(format_=log_format)
    wait_for(process.run(config, sock))
