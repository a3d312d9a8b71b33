"""`session-exporter check`: whether the config file is valid, and fits the databases."""

from typing import Annotated

import typer

from exporter.cli.options import DEFAULT_CONFIG, ConfigFile, ListFormat, load


def check(
    config_file: ConfigFile = DEFAULT_CONFIG,
    live: Annotated[
        bool, typer.Option("--live", help="Check each source against its database, read-only.")
    ] = False,
    all_: Annotated[
        bool,
        typer.Option("--all", help="With --live, show every check, also of what is well."),
    ] = False,
    format_: Annotated[
        ListFormat, typer.Option("--format", help="Output format of --live.")
    ] = ListFormat.TABLE,
) -> bool:
    """Validate the config file; with --live check it against the databases."""
    config = load(config_file)
    if live:
        # Everything that reads a database takes longer to import than the rest of `check` takes.
        from exporter.cli.live_check import check_live  # noqa: PLC0415

        return check_live(config, format_, with_all=all_)
    series = sum(each.series() * len(each.databases) for each in config.sources.values())
    counted = f"sources: {len(config.sources)}, databases: {len(config.databases)}"
    print(f"{config_file} is valid ({counted}, at most {series} time series about sessions)")
    return False
