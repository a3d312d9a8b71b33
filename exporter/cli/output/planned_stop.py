"""What a planned stop would do and has done, as text for a terminal."""

from exporter.cli.output.recovery import preview_lines
from exporter.cli.output.report import printable
from exporter.config import format_duration
from exporter.recovery.close.batches import Outcome
from exporter.recovery.close.planned_stop import StopPlan
from exporter.recovery.rule.selection import LIVELY


def stop_text(plan: StopPlan, database: str) -> str:
    """The plan: exact counts first, then what would be written, then what speaks against it."""
    source, stop = plan.rule.table.source, plan.stop
    if stop.server is None:
        which = f"started before {stop.before}"
    else:
        which = f"of server {printable(stop.server)}"
    moment = format_duration(LIVELY)
    lines = [
        f"{source.name} ({database}), table {plan.rule.relation.sql}:",
        f"  {plan.active} active sessions, {plan.in_scope} of them {which}",
    ]
    kept = [
        (plan.exempt, "protected, by recovery.exempt"),
        (plan.endless, "without an end: recovery.end_at gives none"),
    ]
    lines += [f"    {count} are left alone: {why}" for count, why in kept if count]
    lines.append(f"  {plan.ready} would be closed")
    lines += preview_lines(plan.rule, plan.previews, plan.ready)
    if plan.unshown is not None:
        lines.append(f"  they cannot be shown: {printable(plan.unshown)}")
    if stop.server is None:
        lines.append(f"  {plan.lively} of the active sessions showed life within the last {moment}")
        if plan.rule.table.last_seen_at is None and source.recovery.evidence is None:
            lines.append(
                "  The source has neither last_seen_at nor evidence: only a start is a sign of life"
            )
    return "\n".join(lines)


def refusal(plan: StopPlan) -> str:
    """Why nothing was closed."""
    return (
        f"nothing was closed: {plan.lively} of {plan.active} active sessions showed life within "
        f"the last {format_duration(LIVELY)}, so the application seems to be running; stop it "
        "first, or add --even-live"
    )


def stopped_text(outcome: Outcome, left: int) -> str:
    """What was done, how to take it back, and what is left to do."""
    lines = [f"  {len(outcome.recovered)} were closed"]
    if outcome.passed_over:
        lines.append(
            f"  {outcome.passed_over} were passed over: they had ended, moved away or shown life "
            "by then"
        )
    lines += [
        printable(f"  {session} was set aside: {why}") for session, why in outcome.refused.items()
    ]
    if left:
        lines.append(
            f"  {left} are active still: somebody works on them just now; run the command again"
        )
    if outcome.recovered:
        lines.append(f"  run {outcome.run}; session-exporter undo {outcome.run} takes it back")
    return "\n".join(lines)
