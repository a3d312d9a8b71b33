"""The plans of recovery by hand and of a planned stop."""

from dataclasses import asdict

from exporter.cli.output.sessions import (
    LEFT,
    hidden_lines,
    known_to_daemon,
    known_to_daemon_text,
    more_lines,
    preview_table,
    previews_json,
    threshold_text,
    unselected_lines,
)
from exporter.cli.output.stops import pause_text
from exporter.config import format_duration
from exporter.recovery.close.chosen import NEVER_CLOSED
from exporter.recovery.close.planned_stop import StopPlan, kept_by_list
from exporter.recovery.plan.plan import Plan, left_alone
from exporter.recovery.rule.selection import RECENT
from exporter.text import number_of, printable, shorten

#: Of one session, and of any other number.
ACTIVE = ("active session", "active sessions")


def plan_text(plan: Plan, database: str) -> str:
    """The plan: exact counts first, then the new values, then reasons against it."""
    counts = plan.counts
    fixed = plan.selection.rule.table.source.fixed_threshold
    silent = threshold_text(fixed)
    which = f"orphaned (not seen for more than {silent})"
    found = f"{number_of(counts.active, *ACTIVE)}, {counts.orphaned} of them {which}"
    lines = _plan_lines(plan, database, found)
    if plan.future_ends:
        lines.append(f"warning: {plan.future_ends}")
    if others := known_to_daemon_text(plan.selection.rule.table.source):
        lines.append(f"  {others}, and are closed here once they are old")
    lines += [f"brake {printable(brake)}" for brake in plan.brakes]
    if plan.function is not None:
        lines.append(f"  by {plan.function.sql} in the database, which audits what it does")
    if plan.pause is not None:
        about = pause_text(plan.pause)
        lines.append(f"  automatic recovery {about}; recovery by hand is not affected")
    if plan.pause_error:
        why = printable(plan.pause_error)
        lines.append(f"  whether automatic recovery is paused is unknown: {why}")
    return "\n".join(lines)


def stop_text(plan: StopPlan, database: str) -> str:
    """The same of a planned stop."""
    rule, stop = plan.selection.rule, plan.stop
    which = f"started before {stop.before}"
    if stop.owner is not None:
        which = f"of owner {printable(stop.owner)}"
    found = f"{number_of(plan.active, *ACTIVE)}, {plan.concerned} of them {which}"
    lines = _plan_lines(plan, database, found)
    if plan.listed_ids:
        ids = ", ".join(printable(shorten(each)) for each in plan.listed_ids)
        more = plan.listed - len(plan.listed_ids)
        rest = f", and {more} more" if more else ""
        lines.append(f"  in list {rule.table.source.list}: {ids}{rest}")
    if stop.owner is None:
        moment = format_duration(RECENT)
        lines.append(
            f"  {plan.seen_recently} of the active sessions showed life within the last {moment}"
            + (f", or are in list {rule.table.source.list}" if rule.table.source.list else "")
        )
        if rule.table.last_seen_at is None and rule.table.source.recovery.evidence is None:
            lines.append(
                "  The source has neither last_seen_at nor evidence: only a start is a sign of life"
            )
    return "\n".join(lines)


def plan_json(plan: Plan, database: str) -> dict[str, object]:
    """The same for programs. docs/commands.md describes it."""
    source = plan.selection.rule.table.source
    others = {"known_to_daemon_alone": known_to_daemon(source)} if source.has_evidence else {}
    return _json(
        plan,
        database,
        active=plan.counts.active,
        orphaned=plan.counts.orphaned,
        **others,
        brakes=plan.brakes,
        warnings=[text for text in (plan.hidden, plan.future_ends, plan.pause_error) if text],
        paused=plan.pause is not None,
    )


def stop_json(plan: StopPlan, database: str) -> dict[str, object]:
    """The same of a planned stop."""
    rule = plan.selection.rule
    listed = {"listed": [rule.id.as_json(each) for each in plan.listed_ids]}
    return _json(
        plan,
        database,
        active=plan.active,
        concerned=plan.concerned,
        seen_recently=plan.seen_recently,
        refused=plan.is_refused,
        **(listed if rule.table.source.list is not None else {}),
        warnings=[plan.hidden] if plan.hidden else [],
    )


def _json(plan: Plan | StopPlan, database: str, **values: object) -> dict[str, object]:
    planned = {
        **values,
        "left_alone": {key: count for key, count, _ in _left_alone(plan)},
        "would_close": plan.count,
        "would_close_undone": plan.undone_count,
        "ids_left_alone": dict(plan.unselected),
        "sessions": previews_json(plan.selection.rule, plan.previews),
    }
    return {
        "source": plan.selection.rule.table.source.name,
        "database": database,
        "plan": planned,
    }


def _left_alone(plan: Plan | StopPlan) -> list[tuple[str, int, str]]:
    """The sessions that are left alone: the category in JSON, how many, and why."""
    if isinstance(plan, Plan):
        found = asdict(plan.counts) | {"undone": plan.undone}
        eligible = plan.eligible
        left = left_alone(plan.selection, with_undone=plan.with_undone)
        kept = [(key, found[key], why) for key, why in left.items()]
    else:
        eligible = plan.ready
        source = plan.selection.rule.table.source
        listed = {} if source.list is None else {"listed": kept_by_list(source)}
        closed_never = (listed | NEVER_CLOSED).items()
        kept = [(key, getattr(plan, key), why) for key, why in closed_never]
    limits = plan.limits
    if limits.options:
        other = max(eligible - plan.selected, 0)
        kept.append(("not_chosen", other, f"not chosen by {limits.options}"))
    if limits.most is not None:
        kept.append(("over_limit", plan.selected - plan.count, "over --limit"))
    return kept


def _plan_lines(plan: Plan | StopPlan, database: str, found: str) -> list[str]:
    """The counts, the number of sessions to close, and the new values of the first of them."""
    rule, count = plan.selection.rule, plan.count
    undone = f", {plan.undone_count} of them undone by a person before" if plan.undone_count else ""
    lines = [
        f"{rule.table.source.name} ({database}), table {rule.relation.sql}:",
        f"  {found}",
        *(
            f"    {number_of(number, *LEFT)}: {why}"
            for _, number, why in _left_alone(plan)
            if number
        ),
        *unselected_lines(plan.unselected),
        f"  {count} would be closed{undone}",
    ]
    if plan.previews:
        lines.append(preview_table(rule, plan.previews))
    lines += more_lines(count, len(plan.previews))
    return [*lines, *hidden_lines(plan.hidden)]
