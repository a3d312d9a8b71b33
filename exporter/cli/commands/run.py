"""`session-exporter run`: the daemon."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from exporter import logs
from exporter.check.connection.password_files import password_file_remarks
from exporter.cli import options
from exporter.config import Config
from exporter.daemon import machine_clock, process
from exporter.daemon.app import Exporter
from exporter.daemon.http.access import Details
from exporter.daemon.http.route_prefix import route_prefix
from exporter.daemon.http.web_config import WebConfig
from exporter.logs import LogFormat, LogLevel


def run(
    config_file: options.ConfigFile = options.DEFAULT_CONFIG,
    listen_address: options.ListenAddress = f":{options.DEFAULT_PORT}",
    *,
    web_config_file: Annotated[
        Path | None,
        typer.Option(
            "--web.config.file",
            metavar="FILE",
            help="TLS, passwords and headers, as in other exporters.",
            show_default=False,
        ),
    ] = None,
    external_url: Annotated[
        str | None,
        typer.Option(
            "--web.external-url",
            metavar="URL",
            help="The URL of this server behind a proxy; its path is the route prefix.",
            show_default=False,
        ),
    ] = None,
    prefix: Annotated[
        str | None,
        typer.Option(
            "--web.route-prefix",
            metavar="PATH",
            help="The path under which everything is served.",
            show_default=False,
        ),
    ] = None,
    details: Annotated[
        Details,
        typer.Option(
            "--web.details", help="Readers who see error messages, ids and the columns of show."
        ),
    ] = Details.AUTHENTICATED,
    command_prefix: Annotated[
        str,
        typer.Option(
            "--web.command-prefix",
            metavar="TEXT",
            help="Prefix of commands on the status page, "
            "such as 'kubectl exec deploy/session-exporter --'.",
            show_default=False,
        ),
    ] = "",
    enable_lifecycle: Annotated[
        bool,
        typer.Option("--web.enable-lifecycle", help="Allow POST /-/reload."),
    ] = False,
    log_format: Annotated[
        LogFormat, typer.Option("--log.format", help="Write log lines in this format.")
    ] = LogFormat.LOGFMT,
    log_level: Annotated[
        LogLevel,
        typer.Option("--log.level", help="Log only lines of this level or above."),
    ] = LogLevel.INFO,
) -> None:
    """Collect on a schedule and serve /metrics until SIGTERM.

    SIGHUP reads the config file again.
    """
    config = options.load(config_file)
    served_under = route_prefix(external_url, prefix)
    web = WebConfig(web_config_file)
    sock = process.listen(*options.parse_address(listen_address))
    logs.start(log_level.number, log_format)
    _warn_of_passwords(config)
    if details is Details.AUTHENTICATED and web_config_file is None:
        details = Details.NOBODY  # no request can be: no row is read for it
    exporter = Exporter(config, machine_clock.CLOCK, details)
    exporter.command_prefix = options.plain_text("--web.command-prefix", command_prefix).strip()
    uvloop.run(
        process.run(
            exporter,
            sock,
            web=web,
            prefix=served_under,
            load=partial(_read_again, config_file),
            is_lifecycle_enabled=enable_lifecycle,
        )
    )


def _read_again(config_file: Path) -> Config:
    config = options.load(config_file)
    _warn_of_passwords(config)
    return config


def _warn_of_passwords(config: Config) -> None:
    for remark in password_file_remarks(config):
        logs.warning("password_file_readable", problem=remark)
