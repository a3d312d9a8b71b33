"""Which sessions a run closes, and with which end: orphans, one server's, or all there are.

The row is `s`. No condition is ever NULL.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from exporter.errors import SchemaMismatch
from exporter.queries import identifier, literal
from exporter.recovery.rule.rule import Rule, own_end_or
from exporter.sessions import interval

#: A sign of life younger than this, in seconds, says that the application is still there.
LIVELY = 60.0


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked for, and looked at again under the lock."""

    condition: str
    young: str
    """Whether a session that fits is closed without anybody's special word."""
    end: str
    """When the session ended, as timestamptz."""
    is_version_fixed: bool
    """Whether a session has to be exactly as it was found, and not only to fit still."""
    described: Mapping[str, object]
    """For the audit."""


def orphans(rule: Rule, *, with_backlog: bool) -> Scope:
    """What recovery closes."""
    return Scope(
        condition=rule.recoverable,
        young="true" if with_backlog else f"NOT {rule.is_backlog}",
        end=rule.end,
        is_version_fixed=True,
        described=rule.described,
    )


def selected(rule: Rule, scope: Scope) -> dict[str, str]:
    """Which rows are candidates, as the parts that templates of recovery share."""
    is_complete = f"{rule.id} IS NOT NULL AND ({scope.end}) IS NOT NULL"
    return {"recoverable": f"{scope.condition} AND {is_complete}", "young": scope.young}


def of_server(rule: Rule, server: str) -> Scope:
    """The active sessions of one server, however live they look: it is stopping.

    Raises SchemaMismatch where the table has no such column as `recovery.server`.
    """
    scope = _stopping(rule, is_in_scope(rule, server=server))
    return replace(scope, described=rule.described | {"server": server})


def started_before(rule: Rule, instant: str, *, even_live: bool) -> Scope:
    """The active sessions that started before an instant, which is written as SQL takes it.

    Without `even_live` a session that shows life is left alone, whenever it begins to.
    """
    condition = is_in_scope(rule, before=instant)
    scope = _stopping(
        rule, condition if even_live else f"{condition} AND NOT {seen_recently(rule)}"
    )
    described = rule.described | {"started_before": instant, "even_live": even_live}
    return replace(scope, described=described)


def is_in_scope(rule: Rule, *, server: str | None = None, before: str = "") -> str:
    """Whether an active session is one of the server's, or started before the instant."""
    if server is not None:
        return f"coalesce({server_column(rule)} = {literal(server)}, false)"
    table, bound = rule.table, f"{literal(before)}::timestamptz"
    start, start_bound = table.started_at, bound
    if start.unit is not None and start.is_whole:
        # A whole number of seconds may be up to one second before the real start.
        unit = "second" if start.unit == 1 else "milliseconds"
        start_bound = f"date_trunc('{unit}', {bound})"
    # Where the start is not known, what was seen before that moment had started by then.
    known = f"CASE WHEN ({start.raw}) IS NOT NULL THEN {start.before(start_bound)}"
    return f"coalesce({known} ELSE {table.last_seen} < {bound} END, false)"


def server_column(rule: Rule) -> str:
    """The column that `recovery.server` names."""
    try:
        column = rule.relation.column(rule.table.source.recovery.server or "")
    except SchemaMismatch as error:
        raise SchemaMismatch(f"recovery.server: {error}") from None
    return f"s.{identifier(column.name)}"


def seen_recently(rule: Rule) -> str:
    """Whether a session was seen a moment ago, or further evidence proves it alive."""
    seen = f"coalesce({rule.table.last_seen} > now() - {interval(LIVELY)}, false)"
    return f"({seen} OR {rule.alive})"


def _stopping(rule: Rule, condition: str) -> Scope:
    table = rule.table
    orphaned = f"coalesce({table.orphaned()}, false) AND NOT {rule.alive}"
    # What the application's own end call would write, were it asked now. An orphan was left long
    # before, and ends as recovery would end it. Clocks differ, and no duration is negative.
    now = own_end_or(table, f"greatest(now(), {table.started_at.sql})")
    return Scope(
        condition=f"{table.rows} AND {condition} AND NOT {rule.exempt}",
        young="true",
        end=f"CASE WHEN {orphaned} THEN ({rule.end}) ELSE {now} END",
        # A last heartbeat on the way down keeps no session from being closed.
        is_version_fixed=False,
        described={},
    )
