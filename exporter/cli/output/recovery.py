"""What recovery would do and has done, as text for a terminal and for programs."""

from collections.abc import Iterator, Sequence

from exporter.cli.output.report import UNKNOWN, age, instant, printable, shortened, table
from exporter.config import format_duration
from exporter.recovery.audit.control import Pause
from exporter.recovery.audit.runs import Run
from exporter.recovery.close.batches import Outcome
from exporter.recovery.close.by_function import Call
from exporter.recovery.close.candidates import Preview
from exporter.recovery.plan import Plan, future_ends_text
from exporter.recovery.rule.rule import Rule
from exporter.recovery.undo import UndoPlan


def plan_text(plan: Plan, database: str) -> str:
    """The plan: exact counts first, then what would be written, then what speaks against it."""
    source, counts = plan.rule.table.source, plan.counts
    silent = format_duration(source.orphaned_after)
    orphaned = f"{counts.orphaned} of them orphaned (not seen for more than {silent})"
    lines = [
        f"{source.name} ({database}), table {plan.rule.relation.sql}:",
        f"  {counts.active} active sessions, {orphaned}",
    ]
    kept = [
        (counts.alive, "alive, by recovery.evidence"),
        (counts.nameless, "without an id"),
        (counts.exempt, "protected, by recovery.exempt"),
        (counts.endless, "without an end: recovery.end_at gives none"),
    ]
    if not plan.with_backlog:
        longest = format_duration(source.recovery.max_age)
        kept.append((counts.backlog, f"backlog, not seen for more than {longest}; see --backlog"))
    lines += [f"    {count} are left alone: {why}" for count, why in kept if count]
    lines.append(f"  {plan.count} would be closed")
    lines += preview_lines(plan.rule, plan.previews, plan.count)
    if plan.hidden:
        lines.append(f"warning: what they would become cannot be shown: {printable(plan.hidden)}")
    if plan.future_ends:
        lines.append(f"warning: {future_ends_text(plan.future_ends)}")
    lines += [f"brake {printable(brake)}" for brake in plan.brakes]
    return "\n".join(lines)


def preview_lines(rule: Rule, previews: Sequence[Preview], count: int) -> Iterator[str]:
    """What would be written, for the first of `count` sessions."""
    if previews:
        changed, returned = list(rule.changes), list(rule.returning)
        rows = [
            [each.session, UNKNOWN if each.last_seen is None else instant(each.last_seen)]
            + [age(each.silence)]
            + [_cell(each.changes[name]) for name in changed]
            + [_cell(each.returning[name]) for name in returned]
            for each in previews
        ]
        written = [f"{name} becomes" for name in changed]
        yield table(["id", "last seen", "silent for", *written, *returned], rows)
    if count > len(previews):
        yield f"… and {count - len(previews)} more"


def call_text(call: Call) -> str:
    """Who closes the sessions where it is not us, and what that means."""
    if call.is_own:
        return f"  by {call.function.sql} in the database, which writes down what it does"
    return (
        f"  by {call.function.sql} in the database, which is not of `session-exporter sql "
        "function`: it decides by itself\n  what it closes and what it writes, nothing is written "
        "down, and there is no undo"
    )


def outcome_text(outcome: Outcome) -> str:
    """What was done, and how to take it back."""
    lines = [f"  {outcome.closed} were closed"]
    if outcome.passed_over:
        lines.append(
            f"  {outcome.passed_over} were passed over: they showed life, or somebody else works "
            "on them just now"
        )
    lines += [
        printable(f"  {session} was set aside: {why}") for session, why in outcome.refused.items()
    ]
    if outcome.closed and not outcome.can_undo:
        lines.append("  nothing was written down of it, and nothing takes it back")
    elif outcome.closed:
        lines.append(f"  run {outcome.run}; session-exporter undo {outcome.run} takes it back")
    return "\n".join(lines)


def interrupted_text(outcome: Outcome) -> str:
    """What was done before it ended early. Nobody knows of a commit that was not answered."""
    closed = f"  {outcome.closed} were closed before it ended early"
    unknown = ", and the batch that it was at may be, if the connection was lost"
    run = f"  run {outcome.run}; session-exporter undo {outcome.run} shows what it has closed"
    return f"{closed}{unknown}\n{run}, and with --yes takes it back"


def pause_text(pause: Pause, verb: str = "is") -> str:
    """Since when automatic recovery is paused, by whom, and why."""
    why = "" if pause.reason is None else f": {pause.reason}"
    return printable(f"{verb} paused since {instant(pause.at)} by {pause.role}{why}")


def runs_table(runs: Sequence[Run]) -> str:
    """The runs, newest first."""
    rows = [
        [
            str(each.run),
            instant(each.at),
            each.source,
            each.trigger,
            each.role,
            str(each.sessions),
            str(each.undone),
        ]
        for each in runs
    ]
    return table(["run", "at", "source", "trigger", "role", "sessions", "undone"], rows)


def undo_text(run: Run, plan: UndoPlan) -> str:
    """What undoing would do."""
    lines = [f"run {run.run} on {run.source}, {instant(run.at)}: {run.sessions} sessions"]
    kept = [
        (plan.undone, "were undone before"),
        (plan.changed, "are left alone: somebody has written to them since"),
        (plan.gone, "are gone"),
    ]
    lines += [f"  {count} {what}" for count, what in kept if count]
    lines.append(f"  {len(plan.numbers)} are as they were left and would be as they were before")
    return "\n".join(lines)


def _cell(value: object) -> str:
    return "NULL" if value is None else shortened(str(value))
