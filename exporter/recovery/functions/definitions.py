"""The functions that `sql function` prints, for a role that may only call them.

They consist of the same statements that recovery sends; literals become parameters. A DBA reads
and creates them.
"""

import math

from exporter.postgres.error_causes import (
    ENDS_AHEAD,
    HELD,
    NOT_AUDITED,
    NOT_WRITTEN,
    STILL_ACTIVE,
)
from exporter.queries import array, fill, fit_name, identifier, join_lines, literal
from exporter.recovery.functions.function import Function
from exporter.recovery.rule.left_alone import is_undone
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import orphaned_sessions, versions_by_id

SCHEMA = "session_exporter"
#: The most sessions of one call: all of them stay locked until it ends.
MOST_PER_CALL = 1000

#: The templates of the tasks that maintain the audit, by name.
MAINTENANCE = {
    "contradicted": "recovery/maintenance/contradicted",
    "alive": "recovery/maintenance/contradicted_by_evidence",
    "old": "recovery/maintenance/prune",
}
#: The tasks that process the audit page by page, and return the time at which a page begins.
PAGED = frozenset({"contradicted", "alive"})
PAGE_ROWS = 1000
#: The end of a page, as a parameter of the function.
BEFORE = "session_exporter_before"


def recover_function(rule: Rule) -> Function:
    """The function that closes the given sessions, if they are still orphaned.

    For `auto` it obeys the hourly budget, and leaves alone the backlog and sessions that a stop
    holds. For a person it refuses sessions that a stop holds, unless there is a reason.
    """
    source = rule.table.source
    is_permitted = "session_exporter_trigger = 'manual' AND session_exporter_with_backlog"
    selection = orphaned_sessions(rule, with_backlog=False)
    run, notify = "session_exporter_run", ""
    if source.recovery.notify:
        statement = rule.statement("recovery/close/notify", run=run)
        notify = fill("recovery/functions/notify", notify=statement)
    body = rule.statement(
        "recovery/functions/recover_body",
        demands=_demands("session_exporter_ids"),
        queue=rule.statement("recovery/close/queue"),
        budget=rule.budget_statement(None),
        paused=rule.statement("recovery/control/pause/paused"),
        lock=rule.statement("recovery/close/lock", is_one_of=rule.id.is_in("session_exporter_ids")),
        close=selection.close_statement(
            is_one_of=rule.id.is_in("session_exporter_locked"),
            versions=versions_by_id("session_exporter_locked", "session_exporter_versions"),
            result=fill("recovery/close/closed_rows"),
            run=run,
            trigger="session_exporter_trigger",
            reason="session_exporter_reason",
            not_backlog=f"(({is_permitted}) IS TRUE OR {selection.not_backlog})",
            skips_held="session_exporter_trigger = 'auto'",
        ),
        notify=notify,
        held_by_stop=literal(HELD),
        ends_ahead=literal(ENDS_AHEAD),
        not_written=literal(NOT_WRITTEN),
        still_active=literal(STILL_ACTIVE),
        not_audited=literal(NOT_AUDITED),
    )
    return Function(
        schema=SCHEMA,
        name=fit_name(f"recover_{source.name}"),
        arguments="text[], text[], uuid, text, boolean, text",
        declared="""
    session_exporter_ids text[],
    session_exporter_versions text[],
    session_exporter_run uuid,
    session_exporter_trigger text,
    session_exporter_with_backlog boolean,
    session_exporter_reason text DEFAULT NULL
""",
        returns="TABLE (session_exporter_session text, session_exporter_returning jsonb)",
        body=body,
        purpose="closes orphaned sessions",
        source=source,
    )


def undo_function(rule: Rule) -> Function:
    """The function that undoes the recoveries in rows of the audit."""
    source = rule.table.source
    ours = "SELECT pg_catalog.unnest(session_exporter_ours)"
    return Function(
        schema=SCHEMA,
        name=fit_name(f"undo_{source.name}"),
        arguments="bigint[], text",
        declared="session_exporter_numbers bigint[], session_exporter_reason text DEFAULT NULL",
        returns="SETOF bigint",
        body=rule.statement(
            "recovery/functions/undo_body",
            demands=_demands("session_exporter_numbers"),
            lock=rule.statement("recovery/undo/lock", numbers=ours),
            columns=array(rule.changes),
            undo=rule.undo_statement(rule.changes, numbers=ours, reason="session_exporter_reason"),
        ),
        purpose="undoes recoveries",
        source=source,
    )


def maintenance_statement(rule: Rule, task: str, before: str) -> str:
    """The statement of one task; `before` is the end of its page of the audit, as SQL."""
    page = rule.statement("recovery/maintenance/page", before=before, rows=str(PAGE_ROWS))
    return rule.statement(MAINTENANCE[task], page=page)


def maintenance_function(rule: Rule) -> Function:
    """The function that maintains the audit: it records contradictions, and deletes old rows."""
    source = rule.table.source
    return Function(
        schema=SCHEMA,
        name=fit_name(f"maintain_{source.name}"),
        arguments="text, timestamptz",
        declared="""
    session_exporter_task text,
    session_exporter_before timestamptz DEFAULT 'infinity'
""",
        returns="SETOF timestamptz",
        body=fill(
            "recovery/functions/maintenance_body",
            **{task: maintenance_statement(rule, task, BEFORE) for task in MAINTENANCE},
        ),
        purpose="maintains the audit",
        source=source,
    )


def stuck_function(rule: Rule, *, named_after: str) -> Function:
    """The function for people: finds orphaned sessions, backlog included, and closes them."""
    # Where each row has its own threshold, a person can only demand a longer silence.
    minutes = math.ceil((rule.table.source.fixed_threshold or 0.0) / 60)
    session, type_ = "session_exporter_closed.session_exporter_session", rule.id.type
    if rule.id.is_single:
        session = f"{session}::{type_}"
    else:
        session, type_ = rule.id.array(session), "text[]"
    own = {"p_threshold_minutes", "session_id", "stuck_since"}
    names = [name for name in rule.returning if name not in own]
    columns = [
        session,
        *(f"session_exporter_returning ->> {literal(name)}::text" for name in names),
        "session_exporter_seen.session_exporter_since",
    ]
    returned = [
        f"session_id {type_}",
        *(f"{identifier(name)} text" for name in names),
        "stuck_since timestamptz",
    ]
    return Function(
        schema=rule.relation.schema,
        name=fit_name(f"recover_stuck_{named_after}"),
        arguments="integer",
        declared=f"p_threshold_minutes integer DEFAULT {minutes}",
        returns=f"TABLE ({', '.join(returned)})",
        body=rule.statement(
            "recovery/functions/stuck_body",
            minutes=str(minutes),
            most=str(MOST_PER_CALL),
            recoverable=f"{rule.recoverable} AND NOT {is_undone(rule)}",
            columns=join_lines(columns, indent=8),
            recover=recover_function(rule).sql,
        ),
        purpose="for people: closes what is stuck",
        source=rule.table.source,
    )


def _demands(given: str) -> str:
    """The checks before anything is locked; `given` is the array parameter of the function."""
    return fill("recovery/functions/requirements", given=given, most=str(MOST_PER_CALL))
