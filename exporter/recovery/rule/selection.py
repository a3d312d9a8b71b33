"""Which sessions a run closes, and with which end: orphans, one owner's, or all of them.

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
    """What stops: one owner, or all that started before an instant, written as SQL takes it."""

    owner: str | None
    before: str = ""
    even_live: bool = False
    """Also sessions that show life or, of one owner, that a list holds."""

    @property
    def needs_silence(self) -> bool:
        """Whether a recent sign of life anywhere in the table forbids it."""
        return self.owner is None and not self.even_live


@dataclass(frozen=True, slots=True)
class Selection:
    """Sessions to close: how they are found, and what is rechecked under the lock."""

    rule: Rule
    condition: str
    with_backlog: bool
    """Whether what is too old to be closed without explicit permission is closed too."""
    end: str
    """When the session ended, as timestamptz."""
    is_version_fixed: bool
    """Whether a session has to be exactly as it was found, not only to fit still."""
    description: Mapping[str, object]
    """For the audit."""
    most: int | None = None
    """How many are closed at most, the longest silent first; None is all."""
    wanted: str = "true"
    """What is asked where sessions are found, and not under the lock: an undo changes the row, so
    that it has another version then. Never NULL."""
    undone: str = "false"
    """Whether a person has undone a session that is closed all the same; never NULL."""

    @property
    def young(self) -> str:
        """Whether a session is not of the backlog, or that does not matter."""
        return "true" if self.with_backlog else f"NOT {self.rule.is_backlog}"

    @property
    def first(self) -> str:
        """ORDER BY and LIMIT of a query for the most; nothing where all are closed."""
        if self.most is None:
            return ""
        return f"ORDER BY {self.rule.table.last_seen_order}, {self.rule.id.order} LIMIT {self.most}"

    def statement(self, name: str, **parts: str) -> str:
        """A template about the sessions that can be closed: those with an id and an end."""
        is_complete = f"{self.rule.id.is_complete} AND ({self.end}) IS NOT NULL"
        recoverable = f"{self.condition} AND {self.wanted} AND {is_complete}"
        selected = {
            "recoverable": recoverable,
            "young": self.young,
            "end": self.end,
            "first": self.first,
            "undone": self.undone,
        }
        return self.rule.statement(name, **(selected | parts))

    def close_statement(self, *, is_one_of: str, versions: str, **parts: str) -> str:
        """Recheck, close, and write the audit: sent as it is, or in a function in the database.

        `is_one_of` is of which sessions, and `versions` a jsonb object that has for each of their
        keys the only version of its row that is closed. The other parts are `run`, `trigger`,
        `reason`, `result`, which is how it says what was closed, `skips_held`, which is whether
        sessions that a stop holds are left alone, and `young` and `held` if not as here.
        """
        return self.statement(
            "recovery/close/close",
            recoverable=self.condition,  # with an id and an end: the statement itself looks
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
    """What recovery closes."""
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
    """What a person closes: what another one has undone only where this is asked for."""
    selection, undone = orphaned_sessions(rule, with_backlog=with_backlog), is_undone(rule)
    selection = replace(selection, condition=rule.recoverable_by_hand)
    if with_undone:
        return replace(selection, undone=undone)
    return replace(selection, wanted=f"NOT {undone}")


def held_sessions(rule: Rule, stopped_at: float) -> Selection:
    """The orphaned sessions that were last seen before a stop, which was at this Unix time.

    Without those that automatic recovery leaves alone.
    """
    selection, seen = orphaned_sessions(rule, with_backlog=False), rule.table.last_seen
    was_seen_before = f"{seen} < pg_catalog.to_timestamp({unix_time(stopped_at)})"
    may_be_closed = is_closable(f"({left_alone_statement(rule)})", session=rule.id.key(), seen=seen)
    condition = f"{selection.condition} AND {was_seen_before} AND {may_be_closed}"
    return replace(selection, condition=condition)


def stopping_sessions(rule: Rule, stop: PlannedStop) -> Selection:
    """The active sessions of what stops.

    One owner's, however live they look: it is stopping. But unless `even_live`, not one that a
    list still holds. Or all that started before an instant; then, unless `even_live`, a session
    that shows life is left alone, whenever it begins to.
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
    # What the application's own end call would write now. An orphan was left long before, and ends
    # as recovery would end it. Clocks differ, and no duration is negative.
    now = own_end_or(table, f"greatest(pg_catalog.now(), {table.started_at.sql})")
    selection = orphaned_sessions(rule, with_backlog=True)
    return replace(
        selection,
        condition=f"{table.rows} AND {condition} AND NOT {rule.exempt}",
        end=f"CASE WHEN {orphaned} THEN ({rule.end}) ELSE {now} END",
        # A last heartbeat on the way down keeps no session from being closed.
        is_version_fixed=False,
        description={**selection.description, **description},
        undone=is_undone(rule),
    )


def is_concerned(rule: Rule, stop: PlannedStop) -> str:
    """Whether an active session is one of the owner's, or started before the instant."""
    if stop.owner is not None:
        return is_of_owner(rule, stop.owner)
    table, bound = rule.table, f"{literal(stop.before)}::timestamptz"
    start, start_bound = table.started_at, bound
    if start.unit is not None and start.is_whole:
        # A whole number of seconds may be up to one second before the real start.
        unit = {1.0: "second", 1e3: "milliseconds"}.get(start.unit, "microseconds")
        start_bound = f"pg_catalog.date_trunc('{unit}', {bound})"
    # Where the start is not known, what was seen before that moment had started by then.
    known = f"CASE WHEN {start.sql} IS NOT NULL THEN {start.before(start_bound)}"
    return f"coalesce({known} ELSE {table.last_seen} < {bound} END, false)"


def heeds_list(source: Source, stop: PlannedStop) -> bool:
    """Whether sessions of an owner stay open that a list holds."""
    return source.list is not None and stop.owner is not None and not stop.even_live


def seen_recently(rule: Rule) -> str:
    """Whether a session was seen within RECENT, or further evidence or a list says it lives."""
    seen = f"coalesce({rule.table.last_seen} > pg_catalog.now() - {interval(RECENT)}, false)"
    is_alive = f"{seen} OR {rule.alive}"
    if rule.table.source.list is not None:
        is_alive += f" OR {rule.table.is_live_in_list(TRANSACTION_TIME)}"
    return f"({is_alive})"
