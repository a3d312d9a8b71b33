"""`session-exporter close`: closing the sessions that a planned stop ends."""

from functools import partial
from typing import Annotated

import typer

from exporter.cli import options
from exporter.cli.each_recovered import for_each_recovered, open_reported_writer
from exporter.cli.each_source import require_rule
from exporter.cli.options import limits
from exporter.cli.output.plan import stop_json, stop_text
from exporter.cli.output.report import Report
from exporter.cli.output.run import NOTHING_CHANGED, outcome_json, outcome_text, report_early_end
from exporter.cli.output.terminal.progress import Progress
from exporter.config import Source
from exporter.errors import UsageError
from exporter.postgres import Reader
from exporter.recovery import manual
from exporter.recovery.close.candidates import Outcome
from exporter.recovery.close.closer import EvidenceSettings, no_evidence
from exporter.recovery.close.planned_stop import close_sessions, require_stopped
from exporter.recovery.rule.connections import writing_settings


def close(  # noqa: PLR0917 - typer passes them by name
    source: options.ASource,
    config_file: options.ConfigFile = options.DEFAULT_CONFIG,
    owner: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Close the sessions of this server, worker or pod."),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Close all sessions that started before this command.")
    ] = False,
    even_live: Annotated[
        bool,
        typer.Option(
            "--even-live",
            help="With --all: close also while sessions show life. With --owner: close also "
            "sessions that the list of the source holds, without requesting it.",
        ),
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
    """Plan closing sessions for a planned stop; --yes closes.

    The plan shows which active sessions would be closed, and their new values.
    """
    if all_ == (owner is not None):
        came = "both" if all_ else "neither"
        raise UsageError(f"expected either --owner ID or --all, got {came}")
    if owner is not None and not options.plain_text("--owner", owner).strip():
        raise UsageError("--owner: expected the id of an owner, got nothing; is a variable unset?")
    given_why, config = options.parse_reason(reason), options.load(config_file)
    chosen = options.set_pace(require_rule(config, source), batch, pause)
    if owner is not None and chosen.owner is None:
        raise UsageError(
            f"{config.path}: sources.{source}.owner is not set, so the sessions of one owner "
            "cannot be told apart; name the column there, or use --all"
        )

    if even_live and owner is not None and chosen.list is None:
        raise UsageError(
            "--even-live goes with --all, or with a source that has a list; --owner closes live "
            "sessions anyway"
        )

    given = limits.limits_of(chosen, id_, older_than, limit)

    async def done(reader: Reader, each: Source, database: str) -> tuple[int, bool]:
        if each.list is None or even_live:
            return await closed(reader, each, database)
        from exporter.cli.recovery.evidence import asked_evidence  # noqa: PLC0415 - few have

        otherwise = "; --even-live closes without it"
        async with asked_evidence(config, each, database, reader, otherwise=otherwise) as evidence:
            return await closed(reader, each, database, evidence)

    async def closed(
        reader: Reader, each: Source, database: str, evidence: EvidenceSettings = no_evidence
    ) -> tuple[int, bool]:
        """How many were to be closed, and whether all of them are."""
        nonlocal given
        plan = await manual.plan_stop(
            reader, each, owner=owner, even_live=even_live, show=show, limits=given
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
        outcome, progress = Outcome(), Progress(plan.count, "sessions")
        early = partial(report_early_end, report, outcome)
        async with open_reported_writer(config, database, each, progress, early) as writer:
            left = await close_sessions(
                reader,
                writer,
                plan,
                progress,
                outcome,
                reason=given_why,
                adapts=batch is None,
                evidence=evidence,
            )
        rest = "or active again" if each.list is None else f"active again, or in list {each.list}"
        report.add(
            outcome_text(
                outcome,
                skipped=f"ended, moved to another owner, {rest}",
                left=left,
                over_limit=plan.selected - plan.count,
            ),
            **outcome_json(outcome, left=left),
        )
        return plan.count, not outcome.refused and not left

    with Report(format_) as report:
        results, failed = for_each_recovered(config, [chosen], done, settings=writing_settings)
        if not yes and any(count for count, _ in results):
            report.note(NOTHING_CHANGED)
    return failed or not all(is_complete for _, is_complete in results)
