"""`session-exporter check`: whether the config file is valid, and fits the databases."""

import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from exporter.cli.options import DEFAULT_CONFIG, ConfigFile, ListFormat, OneSource, load
from exporter.config import Config
from exporter.errors import UsageError
from exporter.text import as_json


def check(
    source: OneSource = None,
    config_file: ConfigFile = DEFAULT_CONFIG,
    live: Annotated[
        bool, typer.Option("--live", help="Check each source against its database, read-only.")
    ] = False,
    all_: Annotated[
        bool,
        typer.Option("--all", help="With --live, show every check, also successful ones."),
    ] = False,
    format_: Annotated[
        ListFormat, typer.Option("--format", help="Output format.")
    ] = ListFormat.TABLE,
) -> bool:
    """Validate the config file, and with --live the databases.

    Nothing is written. The exit code is 1 if something is wrong.
    """
    config = load(config_file)
    if source is not None and not live:
        raise UsageError("SOURCE is for --live; without it the whole file is validated")
    if live:
        # Everything that reads a database takes longer to import than the rest of `check` takes.
        from exporter.cli.live_check import check_live  # noqa: PLC0415

        for remark in _remarks(config):
            print(f"{config_file}: {remark}", file=sys.stderr)
        chosen = config if source is None else _only(config, source)
        return check_live(chosen, format_, with_all=all_)
    series = sum(each.series() * len(each.databases) for each in config.all_sources.values())
    if format_ is ListFormat.JSON:
        found = {
            "config": str(config_file),
            "sources": len(config.all_sources),
            "databases": len(config.databases),
            "series": series,
            "hash": config.digest,
            "remarks": [*_remarks(config), *_objective_remarks(config)],
        }
        print(as_json(found))
        return False
    counted = f"sources: {len(config.all_sources)}, databases: {len(config.databases)}"
    print(
        f"{config_file} is valid ({counted}, at most {series} time series about sessions, "
        f"hash {config.digest})"
    )
    for remark in (*_remarks(config), *_objective_remarks(config)):
        print(f"! {remark}")
    return False


def _only(config: Config, source: str) -> Config:
    """The config with one source and its databases; raises UsageError where there is none."""
    if source in config.listed:
        chosen: dict[str, object] = {"sources": {}, "listed": {source: config.listed[source]}}
    else:
        # Sources are found as by the other commands, which connect and take longer to import.
        from exporter.cli.each_source import find_sources  # noqa: PLC0415

        (found,) = find_sources(config, source)
        chosen = {"sources": {source: found}, "listed": {}}
    places = config.all_sources[source].databases
    databases = {name: each for name, each in config.databases.items() if name in places}
    return config.model_copy(update={**chosen, "databases": databases})


def _remarks(config: Config) -> Iterator[str]:
    files = [each.password_file for each in config.databases.values()]
    files += [each.recovery.password_file for each in config.sources.values()]
    if any(files):
        # Few have these, or the others.
        from exporter.check.connection.password_files import password_file_remarks  # noqa: PLC0415

        yield from password_file_remarks(config)
    if config.owners or config.lists:
        from exporter.check.evidence_remarks import evidence_remarks  # noqa: PLC0415 - as above

        yield from evidence_remarks(config)


def _objective_remarks(config: Config) -> Iterator[str]:
    """Those that `--live` replaces, because it counts the sessions."""
    if any(each.objective is not None for each in config.sources.values()):
        from exporter.check.collectors.needed_sessions import (  # noqa: PLC0415 - as above
            objective_remarks,
        )

        yield from objective_remarks(config)
