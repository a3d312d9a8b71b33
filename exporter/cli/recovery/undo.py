"""`session-exporter undo`: writing back what was there before a run."""

import uuid
from typing import Annotated

import typer

from exporter.cli.each_source import find_recovered, for_each_source
from exporter.cli.options import DEFAULT_CONFIG, ConfigFile, Yes, load
from exporter.config import Source
from exporter.errors import UsageError
from exporter.postgres import Reader
from exporter.recovery import manual
from exporter.recovery import undo as undoing
from exporter.recovery.audit.runs import Run
from exporter.recovery.rule.connections import open_writer, reading_settings
from exporter.recovery.undo import UndoOutcome, UndoPlan
from exporter.text import instant, printable


def undo(
    run: Annotated[str, typer.Argument(metavar="RUN")],
    config_file: ConfigFile = DEFAULT_CONFIG,
    yes: Yes = False,
) -> bool:
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
        found = await manual.plan_undo(reader, each, wanted)
        if found is None:
            return False, False
        _, plan = found
        print(_plan_text(*found), flush=True)
        if not yes or not plan.numbers:
            return True, False
        pace = each.recovery
        async with open_writer(config.databases[database], each) as writer:
            outcome = await undoing.undo(writer, plan, batch=pace.batch, pause=pace.pause)
        print(_outcome_text(outcome))
        return True, bool(outcome.refused)

    sources = find_recovered(config, None)
    results, failed = for_each_source(config, sources, done, settings=reading_settings)
    if not failed and not any(is_found for is_found, _ in results):
        raise UsageError(f"no run {wanted} in any database of {config_file}; `runs` lists them")
    if not failed and not yes:
        print("Nothing was changed; --yes undoes it.")
    return failed or any(is_refused for _, is_refused in results)


def _plan_text(run: Run, plan: UndoPlan) -> str:
    """What undoing would do."""
    lines = [f"run {run.run} on {run.source}, {instant(run.at)}: {run.sessions} sessions"]
    kept = [
        (plan.undone, "were undone before"),
        (plan.changed, "are left alone: their rows were written to since"),
        (plan.gone, "are gone"),
    ]
    lines += [f"  {count} {what}" for count, what in kept if count]
    lines.append(f"  {len(plan.numbers)} are unchanged since and would be restored")
    if plan.is_closed_again:
        lines.append(
            "  automatic recovery is on and will close these again; to prevent that, run "
            f"session-exporter pause {run.source} first"
        )
    return "\n".join(lines)


def _outcome_text(outcome: UndoOutcome) -> str:
    """What was undone, and what was not."""
    lines = [f"  {outcome.undone} were undone"]
    if outcome.skipped:
        lines.append(
            f"  {outcome.skipped} skipped: written to meanwhile, or locked by another transaction"
        )
    lines += [
        f"  audit row {number} could not be undone: {printable(why)}"
        for number, why in outcome.refused.items()
    ]
    return "\n".join(lines)
