"""Evidence in the database: a table in which owners report, and queries for owners and sessions."""

from collections.abc import Collection, Sequence
from datetime import datetime

from exporter.clock import Clock
from exporter.config.evidence import ListSource, OwnerSource, OwnerTable
from exporter.config.fields.sql_lexer import escape_strings
from exporter.errors import BackingOff, SourceError
from exporter.evidence.answers import (
    ABOVE_NONE,
    AHEAD,
    MOST_OWNERS,
    ListAnswer,
    ListedSession,
    OwnersAnswer,
    StoreAnswer,
    Unknown,
)
from exporter.postgres import Reader
from exporter.queries import array, fill
from exporter.sessions import CLOCK_QUERY, STATEMENT_TIME, relation

#: The name of the only store of a list that is a query.
STORE = "sql"

_TOO_MANY = Unknown("size", f"there are more than {MOST_OWNERS} owners")


async def owners_in_database(
    reader: Reader, settings: OwnerSource, clock: Clock, also: Collection[str] = ()
) -> OwnersAnswer | Unknown:
    """Which owners live, by a table or a query; of a table, when these owners last reported `also`.

    Raises BackingOff alone.
    """
    at = clock.monotonic()
    try:
        if settings.table is not None:
            rows = await reader.rows(await _table_statement(reader, settings.table, also))
            return _reporting(rows, at)
        query = escape_strings(settings.sql or "")
        rows = await reader.rows(fill("evidence/owners", query=query, most=str(MOST_OWNERS + 1)))
    except BackingOff:
        raise
    except SourceError as error:
        return Unknown(error.reason, str(error))
    if len(rows) > MOST_OWNERS:
        return _TOO_MANY
    ids = [owner for (owner,) in rows if owner is not None]
    if len(set(ids)) < len(ids):
        return Unknown("shape", "the answer has the same id twice")
    return OwnersAnswer(frozenset(ids), at)


def _reporting(
    rows: Sequence[tuple[str | None, float | None]], at: float
) -> OwnersAnswer | Unknown:
    """The owners that have reported, lately where there is no time; one may have several rows."""
    if len(rows) > MOST_OWNERS:
        return _TOO_MANY
    alive = {owner for owner, reported_at in rows if owner is not None and reported_at is None}
    reported = dict[str, float]()
    for owner, reported_at in rows:
        if owner is None or reported_at is None or owner in alive or reported_at < ABOVE_NONE:
            continue
        reported[owner] = max(reported_at, reported.get(owner, reported_at))
    return OwnersAnswer(frozenset(alive), at, reported=reported)


async def list_in_database(reader: Reader, settings: ListSource, clock: Clock) -> ListAnswer:
    """The live sessions, by a query. Raises only BackingOff."""
    at = clock.monotonic()
    query = escape_strings(settings.sql or "")
    statement = fill("evidence/sessions", query=query, most=str(settings.max_items + 1))
    try:
        rows = await reader.rows(statement)
    except BackingOff:
        raise
    except SourceError as error:
        return ListAnswer({STORE: Unknown(error.reason, str(error))})
    return ListAnswer({STORE: _sessions(rows, settings, at)})


def _sessions(
    rows: Sequence[tuple[str | None, ...]], settings: ListSource, at: float
) -> StoreAnswer | Unknown:
    if len(rows) > settings.max_items:
        most = settings.max_items
        return Unknown("size", f"the list has more than {most} sessions (max_items)")
    found = dict[str, ListedSession]()
    for session, started_at, last_seen_at, key in rows:
        if session in found:
            return Unknown("shape", "the answer has the same id twice")
        try:
            listed = ListedSession(
                _timestamp("started_at", started_at),
                _timestamp("last_seen_at", last_seen_at),
                key,
            )
        except ValueError as error:
            return Unknown("shape", str(error))
        if session is not None:
            found[session] = listed
    return StoreAnswer(found, at)


def _timestamp(name: str, text: str | None) -> float | None:
    """The Unix time of a timestamptz in JSON; None for what stands for none. Raises ValueError."""
    if text is None or text.lstrip("-") == "infinity":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"{name}: expected a timestamp with time zone, got {text[:40]!r}")
    at = moment.timestamp()
    return at if at >= ABOVE_NONE else None


async def _table_statement(reader: Reader, settings: OwnerTable, also: Collection[str]) -> str:
    table = await relation.find(reader, settings.table)
    owner = f"({table.expression(settings.id)})::text"
    wanted, reported = "true", "NULL::float8"
    if settings.seen_at is not None:
        seen_at = table.expression(settings.seen_at)
        recent = f"({seen_at}) > {STATEMENT_TIME.ago(settings.within)}"
        lives = f"{recent} AND ({seen_at}) <= {STATEMENT_TIME.ahead(AHEAD)}"
        reported = f"CASE WHEN {lives} THEN NULL ELSE extract(epoch FROM {seen_at})::float8 END"
        if also:  # else an index on seen_at serves
            recent = f"({recent} OR {owner} = ANY ({array(also)}::text[]))"
        wanted = f"pg_catalog.isfinite({seen_at}) AND {recent}"
    return fill(
        "evidence/owners_of_table",
        clock=CLOCK_QUERY,
        table=table.sql,
        owner=owner,
        reported=reported,
        wanted=wanted,
        most=str(MOST_OWNERS + 1),
    )
