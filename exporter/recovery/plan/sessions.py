"""The statement by which one run of recovery reads all values about sessions that it needs."""

from collections.abc import Collection
from typing import NamedTuple

from exporter.errors import BackingOff, SourceError
from exporter.postgres import Reader
from exporter.queries import array, fill
from exporter.recovery.decision.observation import Stop
from exporter.recovery.decision.watch import MOST_FOLLOWED
from exporter.recovery.plan.counts import counts_statement, shows_beat_of_owner
from exporter.recovery.rule.checks import name_failing_key, read_naming_key
from exporter.recovery.rule.left_alone import is_closable, left_alone_statement
from exporter.recovery.rule.owner import owner_of
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import orphaned_sessions
from exporter.sessions import SessionTable, interval, unix_time


class ReadSessions(NamedTuple):
    """The row of the statement. Times are Unix times of the database's clock."""

    now: float
    server: str
    counts: dict[str, int] | None
    """By category; None where no session is active."""
    beating: int
    held: int
    left_alone: int
    candidate_count: int
    """The number of candidates, without sessions set aside; not all of them are read."""
    candidates: list[tuple[str, str, float, str | None, str | None]]
    """Session, version, when its age made it orphaned, owner, cause; longest silent first."""
    orphans: list[tuple[str, float, str | None, float | None, str | None, *tuple[float, ...]]]
    """The newest orphans: session, when its age made it orphaned, owner, when recovery closed it
    before, its cause if the source has evidence, and its own threshold in seconds if each row has
    one. A session that evidence proves lost became orphaned when it was last seen."""
    owners: list[tuple[str, int, int]]
    """Name, active sessions, and sessions that show that the owner runs."""
    longest: float | None
    """The longest threshold of an active session, in seconds; None if all share one."""


async def read_sessions(
    reader: Reader,
    rule: Rule,
    stop: Stop | None,
    *,
    is_audited: bool,
    set_aside: Collection[str],
    last: Collection[str],
) -> ReadSessions:
    """Read them; no session that is `set_aside` is a candidate.

    Candidates of `last` come after all others.
    Raises SourceError that names the failing key.
    """
    recovery, owner = rule.table.source.recovery, owner_of(rule)
    selection = orphaned_sessions(rule, with_backlog=False)
    owners = "no_owners" if rule.table.owner is None else "owners"
    statement = selection.statement(
        "recovery/observation/observation",
        **_own_threshold(rule),
        owner=owner,
        cause=rule.cause,
        server=fill("recovery/observation/server"),
        counts=counts_statement(rule),
        owners=selection.statement(
            f"recovery/observation/{owners}", owner=owner, beating=shows_beat_of_owner(rule)
        ),
        stopped_at=unix_time(float("-inf") if stop is None else stop.at),
        left_alone=left_alone_statement(rule, is_audited=is_audited),
        closable=is_closable(
            "session_exporter_left_alone",
            session="o.session_exporter_id",
            seen="o.session_exporter_seen",
        ),
        closed_at=rule.statement(
            "recovery/observation/closed_at",
            is_audited_as=rule.id.is_audited_as("r.session_exporter_id"),
        )
        if is_audited
        else "NULL::float8",
        set_aside=array(set_aside),
        last=array(last),
        most=str(max(recovery.per_run, recovery.max_count) * 2),
        most_watched=str(MOST_FOLLOWED),
    )
    (row,) = await read_naming_key(reader, rule, statement)
    return ReadSessions(*row)


def _own_threshold(rule: Rule) -> dict[str, str]:
    """The parts of the statement for thresholds of rows."""
    table = rule.table
    if table.orphaned_at is None:
        after = interval(table.source.recovery_threshold)
        orphaned_at = _unless_proved(table, f"session_exporter_seen + {after}")
        return {"own": "", "orphaned_at": orphaned_at, "own_seconds": ""}
    columns = (
        f"{table.orphaned_at} AS session_exporter_orphaned_at",
        f"{table.own_seconds} AS session_exporter_after",
    )
    return {
        "own": "".join(f",\n        {each}" for each in columns),
        "orphaned_at": _unless_proved(table, "session_exporter_orphaned_at"),
        "own_seconds": ",\n            r.session_exporter_after",
    }


def _unless_proved(table: SessionTable, orphaned_at: str) -> str:
    if not table.source.has_evidence:
        return orphaned_at
    proved = "session_exporter_cause IN ('ownerless', 'ghost')"
    return f"CASE WHEN {proved} THEN session_exporter_seen ELSE {orphaned_at} END"


async def find_evidence_error(reader: Reader, rule: Rule) -> SourceError | None:
    """Why the evidence cannot be read for the orphaned sessions, or None. Raises BackingOff."""
    try:
        await reader.read(rule.statement("recovery/plan/evidence"))
    except BackingOff:
        raise
    except SourceError as error:
        return await name_failing_key(reader, rule, error)
    return None


async def read_clock_and_server(reader: Reader) -> tuple[float, str]:
    """The observation if the sessions cannot be read. Raises SourceError."""
    statement = fill("recovery/observation/blind", server=fill("recovery/observation/server"))
    ((now, server),) = await reader.rows(statement)
    return now, server
