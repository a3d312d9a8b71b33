"""`session-exporter recover`: closes orphaned sessions by hand."""

from typing import Annotated

import typer

from exporter.cli import options
from exporter.cli.config_file import load
from exporter.cli.each_source import for_each_source, require_rule
from exporter.cli.output import recovery as output
from exporter.cli.output.progress import progress_of
from exporter.config import Source
from exporter.postgres import Reader
from exporter.recovery import manual
from exporter.recovery.close.batches import Outcome
from exporter.recovery.rule.connections import open_writer, reading_settings


def recover(  # noqa: PLR0917 - typer passes them by name
    source: options.ASource,
    config_file: options.ConfigFile = options.DEFAULT_CONFIG,
    yes: options.Yes = False,
    backlog: Annotated[
        bool, typer.Option("--backlog", help="Also sessions older than max_age.")
    ] = False,
    despite_brake: Annotated[
        bool, typer.Option("--despite-brake", help="Also while a brake is on.")
    ] = False,
    batch: options.BatchSize = None,
    pause: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Pause between transactions; 0 for none."),
    ] = None,
    limit: options.PlanRows = 20,
) -> None:
    """Show which orphaned sessions would be closed, and how; with --yes close them."""
    config = load(config_file)
    wait = options.duration("--pause", pause, may_be_zero=True)
    require_rule(config, source)

    async def done(reader: Reader, each: Source, database: str) -> tuple[int, Outcome | None]:
        each = options.set_pace(each, batch, wait)
        plan = await manual.prepare_recovery(reader, each, with_backlog=backlog, limit=limit)
        print(output.plan_text(plan, database), flush=True)
        if not yes or not plan.count:
            return plan.count, None
        if not despite_brake:
            manual.require_no_brake(plan)
        outcome, progress = Outcome(), progress_of(plan.count)
        try:
            async with open_writer(config.databases[database], each) as writer:
                await manual.recover(reader, writer, plan, progress, outcome)
        except BaseException:  # a lost connection, or Ctrl-C
            print(output.interrupted_text(outcome), flush=True)
            raise
        print(output.outcome_text(outcome), flush=True)
        return plan.count, outcome

    results, failed = for_each_source(config, source, done, settings=reading_settings)
    if not yes and any(count for count, _ in results):
        print("Nothing was changed; --yes closes them.")
    if failed or any(outcome and outcome.refused for _, outcome in results):
        raise typer.Exit(1)
