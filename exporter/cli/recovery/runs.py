"""`session-exporter runs`: the runs of recovery."""

import typer

from exporter.cli.config_file import load
from exporter.cli.each_source import for_each_source, has_rule
from exporter.cli.options import DEFAULT_CONFIG, ConfigFile, OneSource
from exporter.cli.output.recovery import runs_table
from exporter.recovery.audit.runs import list_runs
from exporter.recovery.rule.connections import reading_settings


def runs(source: OneSource = None, config_file: ConfigFile = DEFAULT_CONFIG) -> None:
    """List the runs of recovery, newest first."""
    found, failed = for_each_source(
        load(config_file),
        source,
        lambda reader, each, _: list_runs(reader, each.name),
        settings=reading_settings,
        only=has_rule,
    )
    newest_first = sorted((run for each in found for run in each), key=lambda run: -run.at)
    print(runs_table(newest_first))
    if failed:
        raise typer.Exit(1)
