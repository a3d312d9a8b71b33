"""`session-exporter recover`: closing orphaned sessions by hand."""

from functools import partial
from typing import Annotated

import typer

from exporter.cli import options
from exporter.cli.each_recovered import for_each_recovered, open_reported_writer
from exporter.cli.each_source import require_rule
from exporter.cli.options import limits
from exporter.cli.output.plan import plan_json, plan_text
from exporter.cli.output.report import Report
from exporter.cli.output.run import (
    BRAKED,
    NOTHING_CHANGED,
    outcome_json,
    outcome_text,
    report_early_end,
)
from exporter.cli.output.terminal.progress import Progress
from exporter.config import Source
from exporter.postgres import Reader
from exporter.recovery import manual
from exporter.recovery.close.candidates import Outcome
from exporter.recovery.close.closer import EvidenceSettings, no_evidence
from exporter.recovery.plan.plan import Plan, make_plan


def recover(  # noqa: PLR0917 - typer passes them by name
    source: options.ASource,
    config_file: options.ConfigFile = options.DEFAULT_CONFIG,
    yes: options.Yes = False,
    backlog: Annotated[
        bool, typer.Option("--backlog", help="Also close sessions silent for longer than max_age.")
    ] = False,
    undone: Annotated[
        bool, typer.Option("--undone", help="Also close sessions that a person has undone.")
    ] = False,
    despite_brake: Annotated[
        bool,
        typer.Option(
            "--despite-brake",
            help="Close even while a brake is on; see --reason.",
        ),
    ] = False,
    batch: options.BatchSize = None,
    pause: options.Pause = None,
    id_: limits.Ids = None,
    older_than: limits.OlderThan = None,
    limit: limits.Limit = None,
    reason: options.Reason = None,
    show: limits.Show = 20,
    format_: options.Format = options.ListFormat.TABLE,
) -> bool:
    """Plan closing orphaned sessions; close them with --yes.

    The plan shows which sessions would be closed, and their new values.
    """
    # A printed function asks for a reason while a stop holds a session.
    said = "--despite-brake" if despite_brake else None
    given_why, config = options.parse_reason(reason) or said, options.load(config_file)
    chosen = options.set_pace(require_rule(config, source), batch, pause)
    given = limits.limits_of(chosen, id_, older_than, limit)

    async def done(reader: Reader, each: Source, database: str) -> tuple[Plan, Outcome | None]:
        if not each.has_evidence:
            return await closed(reader, each, database)
        from exporter.cli.recovery.evidence import asked_evidence  # noqa: PLC0415 - few have

        async with asked_evidence(config, each, database, reader) as evidence:
            return await closed(reader, each, database, evidence)

    async def closed(
        reader: Reader, each: Source, database: str, evidence: EvidenceSettings = no_evidence
    ) -> tuple[Plan, Outcome | None]:
        nonlocal given
        plan = await make_plan(
            reader, each, with_backlog=backlog, with_undone=undone, show=show, limits=given
        )
        given = given.without(plan.count)
        report.begin(plan_text(plan, database), **plan_json(plan, database))
        if not yes or not plan.count:
            return plan, None
        if not despite_brake:
            manual.require_no_brake(plan)
        manual.require_past_ends(plan)
        outcome, progress = Outcome(), Progress(plan.count, "sessions")
        early = partial(report_early_end, report, outcome)
        async with open_reported_writer(config, database, each, progress, early) as writer:
            await manual.recover(
                reader,
                writer,
                plan,
                progress,
                outcome,
                reason=given_why,
                adapts=batch is None,
                evidence=evidence,
            )
        over = plan.selected - plan.count
        report.add(outcome_text(outcome, over_limit=over), **outcome_json(outcome))
        return plan, outcome

    with Report(format_) as report:
        results, failed = for_each_recovered(config, [chosen], done)
        if not yes and (waiting := [plan for plan, _ in results if plan.count]):
            braked = any(plan.brakes for plan in waiting)
            report.note(BRAKED if braked else NOTHING_CHANGED)
    return failed or any(outcome and outcome.refused for _, outcome in results)
