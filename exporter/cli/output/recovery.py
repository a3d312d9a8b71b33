"""What recovery by hand and a planned stop would do, and what they have done."""

from collections.abc import Sequence

from exporter.config import format_duration
from exporter.recovery.audit.control import Pause
from exporter.recovery.close.candidates import Outcome
from exporter.recovery.close.planned_stop import StopPlan
from exporter.recovery.plan import Plan
from exporter.recovery.rule.selection import RECENT
from exporter.text import UNKNOWN, age, instant, printable, shorten, table

NOTHING_CHANGED = "Nothing was changed; --yes closes them."


def plan_text(plan: Plan, database: str) -> str:
    """The plan: exact counts first, then what would be written, then what speaks against it."""
    source, counts = plan.selection.rule.table.source, plan.counts
    silent = format_duration(source.orphaned_after)
    kept = [
        (counts.alive, "alive, by recovery.evidence"),
        (counts.nameless, "without an id"),
        (counts.exempt, "protected, by recovery.exempt"),
        (counts.endless, "without an end: recovery.end_at gives none"),
    ]
    if not plan.selection.with_backlog:
        longest = format_duration(source.recovery.max_age)
        kept.append((counts.backlog, f"backlog, not seen for more than {longest}; see --backlog"))
    which = f"orphaned (not seen for more than {silent})"
    found = f"{counts.active} active sessions, {counts.orphaned} of them {which}"
    lines = _plan_lines(plan, database, found, kept, plan.count)
    if plan.hidden:
        lines.append(f"warning: the new values cannot be shown: {printable(plan.hidden)}")
    if plan.future_ends:
        lines.append(f"warning: {plan.future_ends}")
    lines += [f"brake {printable(brake)}" for brake in plan.brakes]
    if plan.function is not None:
        lines.append(f"  by {plan.function.sql} in the database, which audits what it does")
    if plan.pause is not None:
        about = pause_text(plan.pause)
        lines.append(f"  automatic recovery {about}; recovery by hand goes ahead")
    if plan.pause_error:
        why = printable(plan.pause_error)
        lines.append(f"  whether automatic recovery is paused is unknown: {why}")
    return "\n".join(lines)


def stop_text(plan: StopPlan, database: str) -> str:
    """The same of a planned stop."""
    rule, stop = plan.selection.rule, plan.stop
    which = f"started before {stop.before}"
    if stop.server is not None:
        which = f"of server {printable(stop.server)}"
    kept = [
        (plan.exempt, "protected, by recovery.exempt"),
        (plan.endless, "without an end: recovery.end_at gives none"),
    ]
    found = f"{plan.active} active sessions, {plan.concerned} of them {which}"
    lines = _plan_lines(plan, database, found, kept, plan.ready)
    if plan.hidden:
        lines.append(f"  the sessions cannot be shown: {printable(plan.hidden)}")
    if stop.server is None:
        moment = format_duration(RECENT)
        lines.append(
            f"  {plan.seen_recently} of the active sessions showed life within the last {moment}"
        )
        if rule.table.last_seen_at is None and rule.table.source.recovery.evidence is None:
            lines.append(
                "  The source has neither last_seen_at nor evidence: only a start is a sign of life"
            )
    return "\n".join(lines)


def _plan_lines(
    plan: Plan | StopPlan, database: str, found: str, kept: Sequence[tuple[int, str]], count: int
) -> list[str]:
    """What was found, how many would be closed, and what would be written to the first of them."""
    rule = plan.selection.rule
    lines = [
        f"{rule.table.source.name} ({database}), table {rule.relation.sql}:",
        f"  {found}",
        *(f"    {number} are left alone: {why}" for number, why in kept if number),
        f"  {count} would be closed",
    ]
    if plan.previews:
        headers = [f"{name} becomes" for name in rule.changes] + list(rule.returning)
        rows = []
        for each in plan.previews:
            last_seen = UNKNOWN if each.last_seen is None else instant(each.last_seen)
            values = [each.changes[name] for name in rule.changes]
            values += [each.returning[name] for name in rule.returning]
            cells = ["NULL" if value is None else shorten(str(value)) for value in values]
            rows.append([each.session, last_seen, age(each.silence), *cells])
        lines.append(table(["id", "last seen", "silent for", *headers], rows))
    if count > len(plan.previews):
        lines.append(f"… and {count - len(plan.previews)} more")
    return lines


def outcome_text(
    outcome: Outcome,
    *,
    skipped: str = "active again, or locked by another transaction",
    left: int = 0,
) -> str:
    """What was done, how to undo it, and how many sessions are left to close."""
    lines = [f"  {outcome.closed} were closed"]
    if outcome.skipped:
        lines.append(f"  {outcome.skipped} skipped: {skipped}")
    for session, why in outcome.refused.items():
        lines.append(printable(f"  {session} was set aside: {why}"))
    if left:
        lines.append(
            f"  {left} are still active: locked by another transaction; run the command again"
        )
    if outcome.closed:
        lines.append(f"  run {outcome.run}; to undo it: session-exporter undo {outcome.run}")
    return "\n".join(lines)


def pause_text(pause: Pause, verb: str = "is") -> str:
    """Since when automatic recovery is paused, by which role, and why."""
    why = "" if pause.reason is None else f": {pause.reason}"
    return printable(f"{verb} paused since {instant(pause.at)} by {pause.role}{why}")
