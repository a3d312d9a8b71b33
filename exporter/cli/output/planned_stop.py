"""What a planned stop would do."""

from exporter.cli.output.recovery import kept_lines, preview_lines
from exporter.config import format_duration
from exporter.recovery.close.planned_stop import StopPlan
from exporter.recovery.rule.selection import RECENT
from exporter.text import printable


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
        *kept_lines(
            (plan.exempt, "protected, by recovery.exempt"),
            (plan.endless, "without an end: recovery.end_at gives none"),
        ),
        f"  {plan.ready} would be closed",
        *preview_lines(plan.rule, plan.previews, plan.ready),
    ]
    if plan.unshown is not None:
        lines.append(f"  the sessions cannot be shown: {printable(plan.unshown)}")
    if stop.server is None:
        moment = format_duration(RECENT)
        lines.append(f"  {plan.lively} of the active sessions showed life within the last {moment}")
        if plan.rule.table.last_seen_at is None and source.recovery.evidence is None:
            lines.append(
                "  The source has neither last_seen_at nor evidence: only a start is a sign of life"
            )
    return "\n".join(lines)
