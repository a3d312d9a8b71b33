"""The sessions that a run closes, and their ends: orphans, those of one owner, or all.

The row is `s`. No condition is ever NULL.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from exporter.config import RowThreshold, Source
from exporter.queries import literal
from exporter.recovery.rule.left_alone import is_closable, is_undone, left_alone_statement
from exporter.recovery.rule.owner import is_of_owner
from exporter.recovery.rule.rule import Rule, own_end_or
from exporter.sessions import TRANSACTION_TIME, interval, unix_time

#: A sign of life younger than this, in seconds, means that the application is running.
RECENT = 60.0


@dataclass(frozen=True, slots=True)
class PlannedStop:
    """The scope of a stop: one owner, or all sessions that started before an instant (SQL text)."""

    owner: str | None
    before: str = ""
    even_live: bool = False
    """Also sessions that show life or, for one owner, that a list holds."""

    @property
    def needs_silence(self) -> bool:
        """Whether a recent sign of life anywhere in the table forbids it."""
        return self.owner is None and not self.even_live


@dataclass(frozen=True, slots=True)
class Selection:
    """Sessions to close: the conditions to find them, and to recheck under the lock."""

    rule: Rule
    condition: str
    with_backlog: bool
    """Whether the backlog is closed too."""
    end: str
    """When the session ended, as timestamptz."""
    is_version_fixed: bool
    """Whether a session must be unchanged since it was found, not only still qualify."""
    description: Mapping[str, object]
    """For the audit."""
    most: int | None = None
    """Maximum number of sessions to close, longest silent first; None: all."""
    wanted: str = "true"
    """A condition for finding sessions that is not rechecked under the lock: an undo changes the
    version of the row anyway. Never NULL."""
    undone: str = "false"
    """Whether a person has undone a session that is closed all the same; never NULL."""

    @property
    def not_backlog(self) -> str:
        """Whether a session is not backlog, or backlog is included."""
        return "true" if self.with_backlog else f"NOT {self.rule.is_backlog}"

    @property
    def first(self) -> str:
        """ORDER BY and LIMIT for the maximum number; empty if all are closed."""
        if self.most is None:
            return ""
        return f"ORDER BY {self.rule.table.last_seen_order}, {self.rule.id.order} LIMIT {self.most}"

    def statement(self, name: str, **parts: str) -> str:
        """A template about the sessions that can be closed: those with an id and an end."""
        is_complete = f"{self.rule.id.is_complete} AND ({self.end}) IS NOT NULL"
        recoverable = f"{self.condition} AND {self.wanted} AND {is_complete}"
        selected = {
            "recoverable": recoverable,
            "not_backlog": self.not_backlog,
            "end": self.end,
            "first": self.first,
            "undone": self.undone,
        }
        return self.rule.statement(name, **(selected | parts))

    def close_statement(self, *, is_one_of: str, versions: str, **parts: str) -> str:
        """Recheck, close, and write the audit: sent as it is, or in a function in the database.

        `is_one_of` is the condition for the sessions, and `versions` a jsonb object with the only
        version of the row that may be closed, for each key. The other parts are `run`, `trigger`,
        `reason`, `result` (how closed sessions are returned), `skips_held` (whether sessions that a
        stop holds are left alone), and `not_backlog` and `held` to override those of the selection.
        """
        return self.statement(
            "recovery/close/close",
            recoverable=self.condition,  # the statement itself checks for an id and an end
            rule=literal(json.dumps(self.description)),
            is_ahead=self.rule.is_ahead(is_written=True),
            is_one_of=is_one_of,
            versions=versions,
            **({"held": self.rule.is_held} | parts),
        )


def versions_by_id(ids: str, versions: str) -> str:
    """A jsonb object of two arrays of texts, as SQL."""
    return f"pg_catalog.jsonb_object({ids}::text[], {versions}::text[])"


def orphaned_sessions(rule: Rule, *, with_backlog: bool) -> Selection:
    """The selection of automatic recovery."""
    source = rule.table.source
    return Selection(
        rule=rule,
        condition=rule.recoverable,
        with_backlog=with_backlog,
        end=rule.end,
        is_version_fixed=True,
        description={
            "id": rule.id.column_names,
            **_threshold(source),
            "end_at": source.recovery.end_at or "last_seen",
            "evidence": source.recovery.evidence,
            "exempt": source.recovery.exempt,
        },
    )


def _threshold(source: Source) -> dict[str, object]:
    if isinstance(source.orphaned_after, RowThreshold):
        return {"orphaned_after": source.orphaned_after.sql}
    return {"orphaned_after_seconds": source.orphaned_after}


def sessions_by_hand(rule: Rule, *, with_backlog: bool, with_undone: bool) -> Selection:
    """The selection of a person: undone sessions only on request."""
    selection, undone = orphaned_sessions(rule, with_backlog=with_backlog), is_undone(rule)
    selection = replace(selection, condition=rule.recoverable_by_hand)
    if with_undone:
        return replace(selection, undone=undone)
    return replace(selection, wanted=f"NOT {undone}")


def held_sessions(rule: Rule, stopped_at: float) -> Selection:
    """The orphaned sessions that were last seen before a stop at this Unix time.

    Sessions that automatic recovery leaves alone are excluded.
    """
    selection, seen = orphaned_sessions(rule, with_backlog=False), rule.table.last_seen
    was_seen_before = f"{seen} < pg_catalog.to_timestamp({unix_time(stopped_at)})"
    may_be_closed = is_closable(f"({left_alone_statement(rule)})", session=rule.id.key(), seen=seen)
    condition = f"{selection.condition} AND {was_seen_before} AND {may_be_closed}"
    return replace(selection, condition=condition)


def stopping_sessions(rule: Rule, stop: PlannedStop) -> Selection:
    """The active sessions in the scope of a stop.

    For one owner: all of its sessions, however live they look, because it is stopping; but unless
    `even_live`, none that a list still holds. Otherwise all sessions that started before an
    instant; unless `even_live`, a session that shows life at any time is left alone.
    """
    table = rule.table
    condition = is_concerned(rule, stop)
    if heeds_list(table.source, stop):
        condition += f" AND NOT {table.is_live_in_list(TRANSACTION_TIME)}"
    if stop.needs_silence:
        condition += f" AND NOT {seen_recently(rule)}"
    description: dict[str, object] = {"owner": stop.owner}
    if table.source.list is not None:
        description["even_live"] = stop.even_live
    if stop.owner is None:
        description = {"started_before": stop.before, "even_live": stop.even_live}
    orphaned = f"coalesce({table.orphaned(TRANSACTION_TIME)}, false) AND NOT {rule.alive}"
    # The value that the application's own end call would write now. An orphan was abandoned long
    # before, and gets the end of recovery. Clocks differ, and no duration may be negative.
    now = own_end_or(table, f"greatest(pg_catalog.now(), {table.started_at.sql})")
    selection = orphaned_sessions(rule, with_backlog=True)
    return replace(
        selection,
        condition=f"{table.rows} AND {condition} AND NOT {rule.exempt}",
        end=f"CASE WHEN {orphaned} THEN ({rule.end}) ELSE {now} END",
        # A last heartbeat during the shutdown does not prevent closing a session.
        is_version_fixed=False,
        description={**selection.description, **description},
        undone=is_undone(rule),
    )


def is_concerned(rule: Rule, stop: PlannedStop) -> str:
    """Whether an active session belongs to the owner, or started before the instant."""
    if stop.owner is not None:
        return is_of_owner(rule, stop.owner)
    table, bound = rule.table, f"{literal(stop.before)}::timestamptz"
    start, start_bound = table.started_at, bound
    if start.unit is not None and start.is_whole:
        # A whole number of seconds may be up to one second before the real start.
        unit = {1.0: "second", 1e3: "milliseconds"}.get(start.unit, "microseconds")
        start_bound = f"pg_catalog.date_trunc('{unit}', {bound})"
    # If the start is unknown, a session that was seen before that time had started by then.
    known = f"CASE WHEN {start.sql} IS NOT NULL THEN {start.before(start_bound)}"
    return f"coalesce({known} ELSE {table.last_seen} < {bound} END, false)"


def heeds_list(source: Source, stop: PlannedStop) -> bool:
    """Whether sessions of an owner that a list holds stay open."""
    return source.list is not None and stop.owner is not None and not stop.even_live


def seen_recently(rule: Rule) -> str:
    """Whether a session was seen within RECENT, or further evidence or a list proves it alive."""
    seen = f"coalesce({rule.table.last_seen} > pg_catalog.now() - {interval(RECENT)}, false)"
    is_alive = f"{seen} OR {rule.alive}"
    if rule.table.source.list is not None:
        is_alive += f" OR {rule.table.is_live_in_list(TRANSACTION_TIME)}"
    return f"({is_alive})"
