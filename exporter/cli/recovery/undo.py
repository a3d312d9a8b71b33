"""`session-exporter undo`: undoes a run of recovery."""

import uuid
from typing import Annotated

import typer

from exporter.cli.config_file import load
from exporter.cli.each_source import for_each_source, has_rule
from exporter.cli.options import DEFAULT_CONFIG, ConfigFile, Yes
from exporter.cli.output.recovery import undo_outcome_text, undo_text
from exporter.config import Source
from exporter.errors import UsageError
from exporter.postgres import Reader
from exporter.recovery import manual
from exporter.recovery.rule.connections import open_writer, reading_settings


def undo(
    run: Annotated[str, typer.Argument(metavar="RUN")],
    config_file: ConfigFile = DEFAULT_CONFIG,
    yes: Yes = False,
) -> None:
    """Show which sessions of a run can be undone; with --yes write back what was there before."""
    config = load(config_file)
    try:
        wanted = uuid.UUID(run)
    except ValueError:
        raise UsageError(
            f"RUN: expected the id of a run, as `runs` lists it, got '{run}'"
        ) from None

    async def done(reader: Reader, each: Source, database: str) -> tuple[bool, bool]:
        """Whether the run was found, and whether some of it could not be undone."""
        prepared = await manual.prepare_undo(reader, each, wanted)
        if prepared is None:
            return False, False
        print(undo_text(prepared), flush=True)
        if not yes or not prepared.plan.numbers:
            return True, False
        async with open_writer(config.databases[database], each) as writer:
            outcome = await manual.undo(writer, prepared)
        print(undo_outcome_text(outcome))
        return True, bool(outcome.refused)

    results, failed = for_each_source(config, None, done, settings=reading_settings, only=has_rule)
    if not failed and not any(is_found for is_found, _ in results):
        raise UsageError(f"no run {wanted} in any database of {config_file}; `runs` lists them")
    if not failed and not yes:
        print("Nothing was changed; --yes undoes it.")
    if failed or any(is_refused for _, is_refused in results):
        raise typer.Exit(1)
