"""What recovery by hand and a planned stop would do, and what they have done."""

from collections.abc import Iterator, Sequence

from exporter.config import format_duration
from exporter.recovery.audit.control import Pause
from exporter.recovery.audit.runs import Run
from exporter.recovery.close.batches import Outcome
from exporter.recovery.close.candidates import Preview
from exporter.recovery.close.planned_stop import StopPlan
from exporter.recovery.manual import PreparedUndo
from exporter.recovery.plan import Plan, future_ends_text
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import RECENT
from exporter.recovery.undo import UndoOutcome
from exporter.text import UNKNOWN, age, instant, printable, shorten, table


def plan_text(plan: Plan, database: str) -> str:
    """The plan: exact counts first, then what would be written, then what speaks against it."""
    source, counts = plan.rule.table.source, plan.counts
    silent = format_duration(source.orphaned_after)
    orphaned = f"{counts.orphaned} of them orphaned (not seen for more than {silent})"
    kept = [
        (counts.alive, "alive, by recovery.evidence"),
        (counts.nameless, "without an id"),
        (counts.exempt, "protected, by recovery.exempt"),
        (counts.endless, "without an end: recovery.end_at gives none"),
    ]
    if not plan.with_backlog:
        longest = format_duration(source.recovery.max_age)
        kept.append((counts.backlog, f"backlog, not seen for more than {longest}; see --backlog"))
    lines = [
        f"{source.name} ({database}), table {plan.rule.relation.sql}:",
        f"  {counts.active} active sessions, {orphaned}",
        *_kept_lines(*kept),
        f"  {plan.count} would be closed",
        *_preview_lines(plan.rule, plan.previews, plan.count),
    ]
    if plan.hidden:
        lines.append(f"warning: the new values cannot be shown: {printable(plan.hidden)}")
    if plan.future_ends:
        lines.append(f"warning: {future_ends_text(plan.future_ends)}")
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
    """The plan: exact counts first, then what would be written, then what speaks against it."""
    source, stop = plan.rule.table.source, plan.stop
    if stop.server is None:
        which = f"started before {stop.before}"
    else:
        which = f"of server {printable(stop.server)}"
    lines = [
        f"{source.name} ({database}), table {plan.rule.relation.sql}:",
        f"  {plan.active} active sessions, {plan.concerned} of them {which}",
        *_kept_lines(
            (plan.exempt, "protected, by recovery.exempt"),
            (plan.endless, "without an end: recovery.end_at gives none"),
        ),
        f"  {plan.ready} would be closed",
        *_preview_lines(plan.rule, plan.previews, plan.ready),
    ]
    if plan.unshown is not None:
        lines.append(f"  the sessions cannot be shown: {printable(plan.unshown)}")
    if stop.server is None:
        moment = format_duration(RECENT)
        lines.append(
            f"  {plan.seen_recently} of the active sessions showed life within the last {moment}"
        )
        if plan.rule.table.last_seen_at is None and source.recovery.evidence is None:
            lines.append(
                "  The source has neither last_seen_at nor evidence: only a start is a sign of life"
            )
    return "\n".join(lines)


def _kept_lines(*kept: tuple[int, str]) -> list[str]:
    return [f"    {count} are left alone: {why}" for count, why in kept if count]


def _preview_lines(rule: Rule, previews: Sequence[Preview], count: int) -> Iterator[str]:
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


def interrupted_text(outcome: Outcome) -> str:
    """What was done before it ended early. Whether a commit without an answer holds is unknown."""
    return (
        f"  {outcome.closed} were closed before the run ended early; if the connection was lost, "
        f"its last batch may be closed too\n  run {outcome.run}; session-exporter undo "
        f"{outcome.run} shows what it closed, and with --yes undoes it"
    )


def pause_text(pause: Pause, verb: str = "is") -> str:
    """Since when automatic recovery is paused, by which role, and why."""
    why = "" if pause.reason is None else f": {pause.reason}"
    return printable(f"{verb} paused since {instant(pause.at)} by {pause.role}{why}")


def runs_table(runs: Sequence[Run]) -> str:
    """The runs, in this order."""
    rows = [
        [str(r.run), instant(r.at), r.source, r.trigger, r.role, str(r.sessions), str(r.undone)]
        for r in runs
    ]
    return table(["run", "at", "source", "trigger", "role", "sessions", "undone"], rows)


def undo_text(prepared: PreparedUndo) -> str:
    """What undoing would do."""
    run, plan = prepared.run, prepared.plan
    lines = [f"run {run.run} on {run.source}, {instant(run.at)}: {run.sessions} sessions"]
    kept = [
        (plan.undone, "were undone before"),
        (plan.changed, "are left alone: their rows were written to since"),
        (plan.gone, "are gone"),
    ]
    lines += [f"  {count} {what}" for count, what in kept if count]
    lines.append(f"  {len(plan.numbers)} are unchanged since and would be restored")
    if prepared.is_closed_again:
        lines.append(
            "  automatic recovery is on and will close these again; to prevent that, run "
            f"session-exporter pause {run.source} first"
        )
    return "\n".join(lines)


def undo_outcome_text(outcome: UndoOutcome) -> str:
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


def _cell(value: object) -> str:
    return "NULL" if value is None else shorten(str(value))
