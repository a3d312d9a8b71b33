"""`session-exporter close`: the sessions of a server, or of an application, that stops."""

from pathlib import Path
from typing import Annotated

import typer

from exporter import sessions
from exporter.cli.app import DEFAULT_CONFIG, ConfigFile, app
from exporter.cli.each_source import duration, for_each_source, load, plain_text, require_set
from exporter.cli.output import planned_stop as report
from exporter.cli.recovery.recover import Yes, progress_of
from exporter.config import Config, Source
from exporter.errors import SourceError, UsageError
from exporter.postgres import Reader, Writer
from exporter.recovery.close.planned_stop import (
    Stop,
    StopPlan,
    clock,
    close_sessions,
    make_stop_plan,
)
from exporter.recovery.rule.rule import bind_rule, connection_settings, prove


@app.command()
def close(  # noqa: PLR0917 - typer passes them by name
    source: Annotated[str, typer.Argument(metavar="SOURCE")],
    config_file: ConfigFile = DEFAULT_CONFIG,
    server: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The sessions of this server, by recovery.server."),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="All sessions that started before this command.")
    ] = False,
    even_live: Annotated[
        bool, typer.Option("--even-live", help="With --all: also while sessions show life.")
    ] = False,
    yes: Yes = False,
    batch: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="Sessions per transaction.")
    ] = None,
    pause: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Between two transactions.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Rows of the plan.")] = 20,
) -> None:
    """Show which active sessions a planned stop would close, and how; with --yes close them."""
    _check_usage(server, all_=all_, even_live=even_live)
    config = load(config_file)
    _check_source(config, source, needs_server=server is not None, path=config_file)
    wait = duration("--pause", pause)

    async def done(reader: Reader, each: Source, database: str) -> tuple[StopPlan, bool]:
        # Before anything else: what starts from now on is none of ours.
        stop = Stop(server, await clock(reader), even_live)
        rule = await bind_rule(reader, each)
        await prove(reader, rule)
        plan = await make_stop_plan(reader, rule, stop, limit=limit)
        print(report.stop_text(plan, database), flush=True)
        if plan.is_refused and plan.ready:
            if yes:
                raise StillAlive(report.refusal(plan))
            print("  --yes would be refused; stop the application first, or add --even-live")
        if not yes or not plan.ready:
            return plan, True
        writer = Writer(
            connection_settings(config, each, database), timezone=sessions.time_zone(each)
        )
        try:
            outcome, left = await close_sessions(
                reader,
                writer,
                plan,
                batch=batch or each.recovery.batch,
                pause=each.recovery.pause if wait is None else wait,
                progress=progress_of(plan.ready),
            )
        finally:
            await writer.close()
        print(report.stopped_text(outcome, left), flush=True)
        return plan, not outcome.refused and not left

    results, failed = for_each_source(config, source, done, settings=connection_settings)
    if not yes and any(plan.ready for plan, _ in results):
        print("Nothing was changed; --yes closes them.")
    if failed or not all(is_complete for _, is_complete in results):
        raise typer.Exit(1)


class StillAlive(SourceError):
    """The application seems to be running."""


def _check_usage(server: str | None, *, all_: bool, even_live: bool) -> None:
    if all_ == (server is not None):
        came = "both" if all_ else "neither"
        raise UsageError(f"expected either --server ID or --all, got {came}")
    if even_live and not all_:
        raise UsageError("--even-live goes with --all; --server closes live sessions anyway")
    if server is not None and not plain_text("--server", server).strip():
        raise UsageError("--server: expected the id of a server, got nothing; is a variable unset?")


def _check_source(config: Config, name: str, *, needs_server: bool, path: Path) -> None:
    source = config.sources.get(name)
    if source is None:
        return  # for_each_source says which there are
    require_set(config, name)
    if needs_server and source.recovery.server is None:
        raise UsageError(
            f"{path}: sources.{name}.recovery has no server, so nobody knows whose a session is; "
            "write the column there, or use --all"
        )
