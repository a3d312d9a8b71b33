"""What recovery by hand and a planned stop would do, and what they have done."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from exporter.config import format_duration
from exporter.recovery.audit.control import Pause
from exporter.recovery.audit.interventions import Intervention
from exporter.recovery.close.candidates import Outcome, Preview
from exporter.recovery.close.planned_stop import LEFT_ALONE, StopPlan
from exporter.recovery.decision.brakes import stopped_because
from exporter.recovery.manual import Held, ResumePlan
from exporter.recovery.plan.plan import Plan, left_alone
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import RECENT
from exporter.text import UNKNOWN, age, finite, instant, number_of, printable, shorten, table

NOTHING_CHANGED = "Nothing was changed; --yes closes them."
BRAKED = "Nothing was changed; --yes --despite-brake closes them."
#: Of one session, and of any other number.
ACTIVE = ("active session", "active sessions")
CLOSED = ("was closed", "were closed")
LEFT = ("is left alone", "are left alone")


def plan_text(plan: Plan, database: str) -> str:
    """The plan: exact counts first, then what would be written, then what speaks against it."""
    counts = plan.counts
    silent = format_duration(plan.selection.rule.table.source.orphaned_after)
    which = f"orphaned (not seen for more than {silent})"
    found = f"{number_of(counts.active, *ACTIVE)}, {counts.orphaned} of them {which}"
    lines = _plan_lines(plan, database, found)
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
    found = f"{number_of(plan.active, *ACTIVE)}, {plan.concerned} of them {which}"
    lines = _plan_lines(plan, database, found)
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


def plan_json(plan: Plan, database: str) -> dict[str, object]:
    """The same for programs. Times are Unix timestamps, durations seconds; null is unknown."""
    return _json(
        plan,
        database,
        active=plan.counts.active,
        orphaned=plan.counts.orphaned,
        brakes=plan.brakes,
        warnings=[text for text in (plan.hidden, plan.future_ends, plan.pause_error) if text],
        paused=plan.pause is not None,
    )


def stop_json(plan: StopPlan, database: str) -> dict[str, object]:
    """The same of a planned stop."""
    return _json(
        plan,
        database,
        active=plan.active,
        concerned=plan.concerned,
        seen_recently=plan.seen_recently,
        refused=plan.is_refused,
        warnings=[plan.hidden] if plan.hidden else [],
    )


def _json(plan: Plan | StopPlan, database: str, **values: object) -> dict[str, object]:
    sessions = [
        {
            "id": each.session,
            "last_seen": finite(each.last_seen),
            "silence_seconds": finite(each.silence),
            "becomes": dict(each.changes),
            "times": dict(each.times),
            "returning": dict(each.returning),
            "undone": each.is_undone,
        }
        for each in plan.previews
    ]
    planned = {
        **values,
        "left_alone": {key: count for key, count, _ in _left_alone(plan)},
        "would_close": plan.count,
        "would_close_undone": plan.undone_count,
        "ids_left_alone": dict(plan.unselected),
        "sessions": sessions,
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
        kept = [(key, getattr(plan, key), why) for key, why in LEFT_ALONE.items()]
    limits = plan.limits
    if limits.options:
        other = max(eligible - plan.selected, 0)
        kept.append(("not_chosen", other, f"not chosen by {limits.options}"))
    if limits.most is not None:
        kept.append(("over_limit", plan.selected - plan.count, "over --limit"))
    return kept


def unselected_lines(unselected: Mapping[str, str]) -> list[str]:
    """Each session that --id names and that would be left alone, and why."""
    return [f"    --id {printable(shorten(each))}: {why}" for each, why in unselected.items()]


def _plan_lines(plan: Plan | StopPlan, database: str, found: str) -> list[str]:
    """What was found, how many would be closed, and what would be written to the first of them."""
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
        lines.append(_preview_table(rule, plan.previews))
    return [*lines, *more_lines(count, len(plan.previews))]


def more_lines(count: int, listed: int) -> list[str]:
    """That so many of the sessions are not listed, and how to list them."""
    return [f"… and {count - listed} more; --show {count} shows all"] if count > listed else []


def _preview_table(rule: Rule, previews: Sequence[Preview]) -> str:
    """What would be written to each session."""
    headers = [f"{name} becomes" for name in rule.changes] + list(rule.returning)
    marks_undone = any(each.is_undone for each in previews)
    headers += ["undone before"] if marks_undone else []
    rows = []
    for each in previews:
        last_seen = UNKNOWN if each.last_seen is None else instant(each.last_seen)
        written = [each.written(name) for name in rule.changes]
        values = [each.returning[name] for name in rule.returning]
        cells = ["NULL" if value is None else shorten(str(value)) for value in values]
        undone = ["yes" if each.is_undone else "no"] if marks_undone else []
        rows.append([each.session, last_seen, age(each.silence), *written, *cells, *undone])
    return table(["id", "last seen", "silent for", *headers], rows)


def resume_text(plan: ResumePlan, paused: Pause | None, source: str, database: str) -> str:
    """The pause, what is held and why, and what automatic recovery closes once it is resumed."""
    held = plan.held
    if held is None:
        about = "" if paused is None else f" {pause_text(paused)}"
        found = f"{source} ({database}){about}; nothing is held"
        return "\n".join([found, *obstacle_lines(plan.obstacles)])
    since = instant(held.stop.at)
    why = stopped_because(held.stop)
    if held.stop.brake == "budget":
        why = "not stopped, but may close fewer sessions within 24 hours than are orphaned"
    elif not held.is_written:
        why = f"about to be stopped by the next run, because {held.stop.why}"
    count = number_of(held.count, "session is held", "sessions are held")
    lines = [
        f"{source} ({database}) is {printable(why)}",
        f"  {count}; once resumed, automatic recovery closes those of them",
        f"  that are still orphaned; what fell silent after {since} is judged as a new wave",
    ]
    if paused is not None:
        lines.append(f"  it {pause_text(paused, 'is also')}")
    lines += obstacle_lines(plan.obstacles)
    if held.hidden:
        lines.append(f"  the sessions cannot be shown: {printable(held.hidden)}")
    if held.previews:
        lines.append(_preview_table(held.selection.rule, held.previews))
    return "\n".join([*lines, *more_lines(held.count, len(held.previews))])


def obstacle_lines(obstacles: Iterable[str]) -> list[str]:
    """What else keeps automatic recovery from closing, which no `resume` ends."""
    return [printable(f"  nothing is closed while this lasts: {each}") for each in obstacles]


def resumed_text(held: Held | None, ended: Pause | None) -> str:
    """What a person has ended; empty where that is nothing."""
    done = list[str]()
    if held is not None:
        done.append(number_of(held.count, "session was held", "sessions were held"))
    if ended is not None:
        why = "" if ended.reason is None else f" ({ended.reason})"
        done.append(f"the pause of {instant(ended.at)} by {ended.role}{why} has ended")
    return printable(f"is resumed: {', and '.join(done)}") if done else ""


def nothing_to_resume_text(interventions: Iterable[Intervention]) -> str:
    """That there is nothing to resume, and which person has resumed before."""
    before = next((each for each in interventions if each.kind == "resume"), None)
    if before is None:
        return "was not paused, and nothing is held"
    why = "" if before.reason is None else f": {before.reason}"
    return printable(
        f"was not paused, and nothing is held; it was resumed before, at {instant(before.at)} by "
        f"{before.role or UNKNOWN}{why}"
    )


def outcome_json(outcome: Outcome, *, left: int = 0, is_complete: bool = True) -> dict[str, Any]:
    """What was done, for programs; `is_complete` is whether the run came to its end."""
    return {
        "run": str(outcome.run) if outcome.closed or not is_complete else None,
        "outcome": {
            "closed": outcome.closed,
            "skipped": outcome.skipped,
            "locked": left,
            "refused": dict(outcome.refused),
            "complete": is_complete,
        },
    }


def outcome_text(
    outcome: Outcome,
    *,
    skipped: str = "active again, or locked by another transaction",
    left: int = 0,
    over_limit: int = 0,
) -> str:
    """What was done, how to undo it, and how many sessions are left to close."""
    lines = [f"  {number_of(outcome.closed, *CLOSED)}"]
    if outcome.skipped:
        lines.append(f"  {outcome.skipped} skipped: {skipped}")
    for session, why in outcome.refused.items():
        lines.append(printable(f"  {session} was set aside: {why}"))
    if left:
        still = number_of(left, "is still active", "are still active")
        lines.append(f"  {still}: locked by another transaction; run the command again")
    if over_limit:
        left_over = number_of(over_limit, "more is left", "more are left")
        lines.append(f"  {left_over}, because of --limit")
    if outcome.closed:
        lines.append(f"  run {outcome.run}; to undo it: session-exporter undo {outcome.run}")
    return "\n".join(lines)


def pause_text(pause: Pause, verb: str = "is") -> str:
    """Since when automatic recovery is paused, by which role, and why."""
    why = "" if pause.reason is None else f": {pause.reason}"
    return printable(f"{verb} paused since {instant(pause.at)} by {pause.role}{why}")
