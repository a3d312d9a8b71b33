"""The commands that close sessions by hand, and take it back: recover, undo, runs."""

import sys
import time
import uuid
from collections.abc import Callable
from typing import Annotated

import typer

from exporter import sessions
from exporter.cli.app import DEFAULT_CONFIG, ConfigFile, OneSource, app
from exporter.cli.each_source import duration, for_each_source, has_rule, load, looking
from exporter.cli.output import recovery
from exporter.cli.output.report import printable
from exporter.config import Config, Source
from exporter.errors import PermissionDenied, SourceError, UsageError
from exporter.postgres import Reader, Writer
from exporter.recovery.audit.control import find_pause
from exporter.recovery.audit.installation import has_audit
from exporter.recovery.audit.runs import Run, find_run, list_runs
from exporter.recovery.close.batches import Outcome
from exporter.recovery.close.by_function import CallingOther, by_hand, find_call, find_undo
from exporter.recovery.close.candidates import find_candidates
from exporter.recovery.functions.definitions import MOST
from exporter.recovery.plan import Plan, make_plan
from exporter.recovery.rule.rule import bind_rule, connection_settings, prove
from exporter.recovery.undo import plan_undo, undo

#: How often progress is told where there is no terminal, in seconds.
TELL_EVERY = 10.0

Yes = Annotated[bool, typer.Option("--yes", help="Do it. Without it, only the plan is shown.")]


@app.command()
def recover(  # noqa: PLR0917 - typer passes them by name
    source: Annotated[str, typer.Argument(metavar="SOURCE")],
    config_file: ConfigFile = DEFAULT_CONFIG,
    yes: Yes = False,
    backlog: Annotated[
        bool, typer.Option("--backlog", help="Also sessions older than max_age.")
    ] = False,
    despite_brake: Annotated[
        bool, typer.Option("--despite-brake", help="Also while a brake is on.")
    ] = False,
    batch: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="Sessions per transaction.")
    ] = None,
    pause: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Between two transactions; 0 for none.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Rows of the plan.")] = 20,
) -> None:
    """Show which orphaned sessions would be closed, and how; with --yes close them."""
    config = load(config_file)
    wait = duration("--pause", pause, may_be_zero=True)

    async def done(reader: Reader, each: Source, database: str) -> tuple[Plan, Outcome | None]:
        rule = await bind_rule(reader, each)
        call = await find_call(reader, rule)
        await prove(reader, rule, writes=call is None)
        plan = await make_plan(
            reader, rule, with_backlog=backlog, limit=limit, audits=call is None or call.is_own
        )
        print(recovery.plan_text(plan, database), flush=True)
        if call is not None:
            print(recovery.call_text(call), flush=True)
        await _tell_pause(reader, each)
        if not yes or not plan.count:
            return plan, None
        if plan.brakes and not despite_brake:
            raise Braked(
                "nothing was closed, because a brake is on; look at the plan, and if it is right, "
                "add --despite-brake"
            )
        pages = find_candidates(reader, rule, with_backlog=backlog)
        candidates = [each async for page in pages for each in page]
        writer = Writer(
            connection_settings(config, each, database), timezone=sessions.time_zone(each)
        )
        outcome = Outcome(uuid.uuid4())
        try:
            progress = drop_closed_rows(progress_of(len(candidates)))
            if call is not None and not call.is_own:
                other = CallingOther(writer, reader, rule, call, with_backlog=backlog)
                await other.run(candidates, progress=progress, continuing=outcome)
            else:
                await by_hand(writer, reader, rule, call, with_backlog=backlog).run(
                    candidates,
                    batch=batch or each.recovery.batch,
                    pause=each.recovery.pause if wait is None else wait,
                    progress=progress,
                    continuing=outcome,
                )
        except BaseException:  # a lost connection, or Ctrl-C
            print(recovery.interrupted_text(outcome), flush=True)
            raise
        finally:
            await writer.close()
        print(recovery.outcome_text(outcome), flush=True)
        return plan, outcome

    results, failed = for_each_source(config, recoverable(config, source), done, settings=looking)
    if not yes and any(plan.count for plan, _ in results):
        print("Nothing was changed; --yes closes them.")
    if failed or any(outcome and outcome.refused for _, outcome in results):
        raise typer.Exit(1)


@app.command("undo")
def undo_run(
    run: Annotated[str, typer.Argument(metavar="RUN")],
    config_file: ConfigFile = DEFAULT_CONFIG,
    yes: Yes = False,
) -> None:
    """Show which sessions of a run can be taken back; with --yes write back what was there."""
    config = load(config_file)
    try:
        wanted = uuid.UUID(run)
    except ValueError:
        raise UsageError(
            f"RUN: expected the id of a run, as `runs` lists it, got '{run}'"
        ) from None

    async def done(reader: Reader, each: Source, database: str) -> tuple[bool, int]:
        found = await find_run(reader, wanted) if await has_audit(reader) else None
        if found is None or found.source != each.name:
            return False, 0
        rule = await bind_rule(reader, each)
        function = await find_undo(reader, rule)
        plan = await plan_undo(reader, rule, wanted)
        print(recovery.undo_text(found, plan), flush=True)
        if (
            plan.numbers
            and each.recovery.mode == "auto"
            and not await _is_known_paused(reader, each)
        ):
            print(
                "  automatic recovery is on, and closes again what is orphaned still: "
                f"session-exporter pause {each.name} first"
            )
        if not yes or not plan.numbers:
            return True, 0
        writer = Writer(
            connection_settings(config, each, database), timezone=sessions.time_zone(each)
        )
        try:
            undone, refused = await undo(
                writer,
                rule,
                plan,
                batch=min(each.recovery.batch, MOST),
                pause=each.recovery.pause,
                function=function,
            )
        finally:
            await writer.close()
        print(f"  {undone} were taken back")
        if passed_over := len(plan.numbers) - undone - len(refused):
            print(f"  {passed_over} were passed over: somebody has written to them meanwhile")
        for number, why in refused.items():
            print(f"  row {number} of the audit could not be: {printable(why)}")
        return True, len(refused)

    results, failed = for_each_source(config, None, done, settings=looking, only=has_rule)
    if not failed and not any(known for known, _ in results):
        raise UsageError(f"no run {wanted} in any database of {config_file}; `runs` lists them")
    if not failed and not yes:
        print("Nothing was changed; --yes does it.")
    if failed or any(refused for _, refused in results):
        raise typer.Exit(1)


@app.command()
def runs(source: OneSource = None, config_file: ConfigFile = DEFAULT_CONFIG) -> None:
    """List the runs of recovery, newest first."""

    async def listed(reader: Reader, each: Source, _database: str) -> list[Run]:
        return await list_runs(reader, source=each.name) if await has_audit(reader) else []

    found, failed = for_each_source(
        load(config_file), source, listed, settings=looking, only=has_rule
    )
    print(recovery.runs_table(sorted((run for each in found for run in each), key=_newest)))
    if failed:
        raise typer.Exit(1)


class Braked(SourceError):
    """Too much looks orphaned at once."""


def recoverable(config: Config, name: str) -> str:
    """The name, unless nobody knows what closing a session of that source writes."""
    source = config.sources.get(name)
    if source is not None and not has_rule(source):
        raise UsageError(
            f"{config.path}: sources.{name}.recovery has no set and no call, so nobody knows "
            "what closing a session writes"
        )
    return name


async def _tell_pause(reader: Reader, source: Source) -> None:
    """Say that nobody but a human recovers the source now; who asks by hand has decided."""
    try:
        found = await find_pause(reader, source.name)
    except PermissionDenied as error:
        print(f"  whether automatic recovery is paused is not known: {printable(str(error))}")
        return
    if found is not None:
        print(f"  automatic recovery {recovery.pause_text(found)}; by hand it goes ahead")


async def _is_known_paused(reader: Reader, source: Source) -> bool:
    try:
        return await find_pause(reader, source.name) is not None
    except PermissionDenied:
        return False


def _newest(run: Run) -> float:
    return -run.at


def drop_closed_rows(tell: Callable[[Outcome], None]) -> Callable[[Outcome], None]:
    """Tell of the progress, and keep no session that is closed: there may be very many."""

    def told(outcome: Outcome) -> None:
        tell(outcome)
        outcome.recovered.clear()

    return told


def progress_of(total: int) -> Callable[[Outcome], None]:
    """What tells how far it is: on a terminal one line written over, elsewhere one now and then."""
    is_terminal = sys.stderr.isatty()
    told = time.monotonic()

    def tell(outcome: Outcome) -> None:
        nonlocal told
        done = outcome.closed + outcome.passed_over + len(outcome.refused)
        is_last = done >= total
        if is_terminal:
            filled = 30 * done // max(total, 1)
            bar = "#" * filled + "." * (30 - filled)
            print(f"\r  [{bar}] {done} of {total}", end="\n" if is_last else "", file=sys.stderr)
        elif time.monotonic() - told > TELL_EVERY:
            told = time.monotonic()
            print(f"  {done} of {total}", file=sys.stderr, flush=True)

    return tell
