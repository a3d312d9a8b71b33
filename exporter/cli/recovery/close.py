"""`session-exporter close`: closing the sessions that a planned stop ends."""

from typing import Annotated

import typer

from exporter.cli import limits, options
from exporter.cli.each_recovered import for_each_recovered
from exporter.cli.each_source import require_rule
from exporter.cli.output.plan import stop_json, stop_text
from exporter.cli.output.progress import progress_of
from exporter.cli.output.report import Report
from exporter.cli.output.run import NOTHING_CHANGED, ended_early_text, outcome_json, outcome_text
from exporter.config import Source
from exporter.errors import UsageError
from exporter.postgres import Reader
from exporter.recovery import manual
from exporter.recovery.close.candidates import Outcome
from exporter.recovery.close.planned_stop import close_sessions, require_stopped
from exporter.recovery.rule.connections import open_writer, writing_settings


def close(  # noqa: PLR0917 - typer passes them by name
    source: options.ASource,
    config_file: options.ConfigFile = options.DEFAULT_CONFIG,
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
    yes: options.Yes = False,
    batch: options.BatchSize = None,
    pause: options.Pause = None,
    id_: limits.Ids = None,
    older_than: limits.OlderThan = None,
    limit: limits.Limit = None,
    reason: options.Reason = None,
    show: limits.Show = 20,
    format_: options.Format = options.ListFormat.TABLE,
) -> bool:
    """Show which active sessions a planned stop would close, and how; with --yes close them."""
    if all_ == (server is not None):
        came = "both" if all_ else "neither"
        raise UsageError(f"expected either --server ID or --all, got {came}")
    if even_live and not all_:
        raise UsageError("--even-live goes with --all; --server closes live sessions anyway")
    if server is not None and not options.plain_text("--server", server).strip():
        raise UsageError("--server: expected the id of a server, got nothing; is a variable unset?")
    given_why, config = options.given_reason(reason), options.load(config_file)
    chosen = options.set_pace(require_rule(config, source), batch, pause)
    if server is not None and chosen.recovery.server is None:
        raise UsageError(
            f"{config.path}: sources.{source}.recovery.server is not set, so the sessions of one "
            "server cannot be told apart; name the column there, or use --all"
        )

    given = limits.limits_of(chosen, id_, older_than, limit)

    async def done(reader: Reader, each: Source, database: str) -> tuple[int, bool]:
        """How many were to be closed, and whether all of them are."""
        nonlocal given
        plan = await manual.plan_stop(
            reader, each, server=server, even_live=even_live, show=show, limits=given
        )
        given = given.without(plan.count)
        report.begin(stop_text(plan, database), **stop_json(plan, database))
        if not plan.count:
            return 0, True
        if not yes:
            if plan.is_refused:
                report.note(
                    "  --yes would be refused; stop the application first, or add --even-live"
                )
            return plan.count, True
        require_stopped(plan)
        outcome, progress = Outcome(), progress_of(plan.count)
        try:
            async with open_writer(config.databases[database], each) as writer:
                left = await close_sessions(
                    reader, writer, plan, progress, outcome, reason=given_why, adapts=batch is None
                )
        except BaseException:  # Ctrl-C, or a lost connection: a commit without an answer may hold
            report.add(ended_early_text(outcome), **outcome_json(outcome, is_complete=False))
            raise
        skipped = "ended, moved to another server, or active again"
        over = plan.selected - plan.count
        report.add(
            outcome_text(outcome, skipped=skipped, left=left, over_limit=over),
            **outcome_json(outcome, left=left),
        )
        return plan.count, not outcome.refused and not left

    with Report(format_) as report:
        results, failed = for_each_recovered(config, [chosen], done, settings=writing_settings)
        if not yes and any(count for count, _ in results):
            report.note(NOTHING_CHANGED)
    return failed or not all(is_complete for _, is_complete in results)
