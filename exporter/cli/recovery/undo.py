"""`session-exporter undo`: restoring the values before a run."""

import re
import uuid
from functools import partial
from typing import Annotated

import typer

from exporter.cli import options
from exporter.cli.each_recovered import for_each_recovered, open_reported_writer
from exporter.cli.each_source import find_recovered
from exporter.cli.options import limits
from exporter.cli.output.report import Report
from exporter.cli.output.sessions import LEFT, more_lines, unselected_lines
from exporter.cli.output.terminal.progress import Progress
from exporter.cli.output.terminal.table import Id, table
from exporter.config import Config, Source
from exporter.errors import ExporterError, UsageError
from exporter.postgres import Reader
from exporter.recovery import manual
from exporter.recovery import undo as undoing
from exporter.recovery.audit.runs import find_beginning
from exporter.recovery.rule.limits import Limits
from exporter.recovery.status import Run
from exporter.recovery.undo import NOT_RESTORED, UndoOutcome, UndoPlan
from exporter.text import instant, number_of, printable, some_of

#: The fewest first digits of the id of a run: fewer could match another run tomorrow.
FEWEST_DIGITS = 8
UNDONE = ("was undone", "were undone")


def undo(  # noqa: PLR0917 - typer passes them by name
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", help="The id of the run, or its first 8 characters."),
    ],
    config_file: options.ConfigFile = options.DEFAULT_CONFIG,
    yes: options.Yes = False,
    id_: limits.Ids = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            min=1,
            metavar="N",
            help="Undo at most N sessions, in the order of their closing.",
        ),
    ] = None,
    reason: options.Reason = None,
    show: limits.Show = 20,
    format_: options.Format = options.ListFormat.TABLE,
) -> bool:
    """Plan undoing a run of recovery; undo it with --yes.

    Where a row is unchanged since, the values before the run are written back.
    """
    given_why, config = options.parse_reason(reason), options.load(config_file)
    given = Limits(ids=limits.plain_ids(id_), most=limit)
    wanted = _find_run(config, run)

    restorable = set[str]()

    async def done(reader: Reader, each: Source, database: str) -> tuple[bool, bool]:
        """Whether the run was found, and whether some of it could not be undone."""
        found = await manual.plan_undo(reader, each, wanted, given)
        if found is None:
            return False, False
        if found[1].restored:
            restorable.add(each.name)
        _, plan = found
        report.begin(_plan_text(*found, show), **_plan_json(*found, database, show))
        if not yes or not plan.restored:
            return True, False
        outcome, progress = UndoOutcome(), Progress(len(plan.restored), "sessions")
        early = partial(_report_early_end, report, outcome)
        async with open_reported_writer(config, database, each, progress, early) as writer:
            await undoing.undo(
                writer,
                plan,
                batch=each.recovery.batch,
                adapts=True,
                progress=progress,
                reason=given_why,
                outcome=outcome,
            )
        report.add(_outcome_text(outcome), outcome=_outcome_json(outcome))
        return True, bool(outcome.refused)

    sources = find_recovered(config, None)
    with Report(format_) as report:
        results, failed = for_each_recovered(config, sources, done)
        if not failed and not any(is_found for is_found, _ in results):
            raise UsageError(f"no run {wanted} in any database of {config_file}; `runs` lists them")
        if restorable and not failed and not yes:
            report.note("Nothing was changed; --yes undoes it.")
    return failed or any(is_refused for _, is_refused in results)


def _find_run(config: Config, given: str) -> uuid.UUID:
    """The run of an id or of its beginning, in all databases; raises UsageError."""
    try:
        return uuid.UUID(given)
    except ValueError:
        digits = given.replace("-", "").lower()
    if not re.fullmatch(rf"[0-9a-f]{{{FEWEST_DIGITS},32}}", digits):
        raise UsageError(
            f"RUN: expected the id of a run, as `runs` lists it, or its beginning of at least "
            f"{FEWEST_DIGITS} characters, got {given!a}"
        )
    found, failed = for_each_recovered(
        config,
        find_recovered(config, None),
        lambda reader, each, _: find_beginning(reader, each.name, digits),
    )
    runs = sorted({str(each.run) for of_one in found for each in of_one})
    if len(runs) > 1:
        raise UsageError(f"RUN: {given} is the beginning of several runs: {some_of(runs)}")
    if failed:
        raise ExporterError(
            f"whether {given} is the beginning of several runs is unknown; give the whole id"
        )
    if not runs:
        raise UsageError(f"no run {given} in any database of {config.path}; `runs` lists them")
    return uuid.UUID(runs[0])


def _plan_text(run: Run, plan: UndoPlan, show: int) -> str:
    """The plan of undoing."""
    sessions = number_of(run.sessions, "session", "sessions")
    lines = [f"run {run.run} on {run.source}, {instant(run.at)}: {sessions}"]
    phrases = {state: (LEFT, f": {why}") for state, why in NOT_RESTORED.items()}
    phrases |= {"undone": (UNDONE, " before"), "gone": (("is gone", "are gone"), "")}
    for state, count in plan.left_alone.items():
        if count:
            forms, why = phrases[state]
            lines.append(f"  {number_of(count, *forms)}{why}")
    lines += unselected_lines(plan.unselected)
    unchanged = number_of(len(plan.restored), "is unchanged", "are unchanged")
    lines.append(f"  {unchanged} since and would be restored")
    if shown := [*plan.restored.items()][:show]:
        rows = [[Id(session), str(number)] for number, session in shown]
        lines.append(table(["id", "audit row"], rows))
    lines += more_lines(len(plan.restored), len(shown))
    if plan.restored:
        lines.append(
            "  recovery leaves undone sessions alone until they show life, except by recover "
            "--undone"
        )
    return "\n".join(lines)


def _plan_json(run: Run, plan: UndoPlan, database: str, show: int) -> dict[str, object]:
    """The same for programs."""
    planned = {
        "run_sessions": run.sessions,
        "left_alone": dict(plan.left_alone),
        "would_restore": len(plan.restored),
        "ids_left_alone": dict(plan.unselected),
        "sessions": [
            {"id": plan.rule.id.as_json(session), "audit_row": number}
            for number, session in [*plan.restored.items()][:show]
        ],
    }
    return {"source": run.source, "database": database, "run": str(run.run), "plan": planned}


def _report_early_end(report: Report, outcome: UndoOutcome) -> None:
    report.add(
        f"  {number_of(outcome.undone, *UNDONE)} before it ended early; if the connection was "
        "lost, its last batch may be undone too; run it again for the rest",
        outcome=_outcome_json(outcome, is_complete=False),
    )


def _outcome_json(outcome: UndoOutcome, *, is_complete: bool = True) -> dict[str, object]:
    return {
        "undone": outcome.undone,
        "skipped": outcome.skipped,
        "refused": {str(number): why for number, why in outcome.refused.items()},
        "complete": is_complete,
    }


def _outcome_text(outcome: UndoOutcome) -> str:
    lines = [f"  {number_of(outcome.undone, *UNDONE)}"]
    if outcome.skipped:
        lines.append(
            f"  {outcome.skipped} skipped: written to meanwhile, or locked by another transaction"
        )
    lines += [
        f"  audit row {number} could not be undone: {printable(why)}"
        for number, why in outcome.refused.items()
    ]
    return "\n".join(lines)
