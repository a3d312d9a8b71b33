"""Closed rows without an end, `closed_without_end`: one rule for the count and the list."""

from exporter.collection.daily import calendar_days as calendar
from exporter.postgres import Reader
from exporter.sessions import SessionTable, orphaned


def columns(table: SessionTable) -> list[str]:
    """The computed columns of a row that started on one of the days."""
    found = [
        f"({table.active}) IS TRUE AS is_active",
        f"{table.started_at.dated} AS started_at",  # the days are a condition on it
    ]
    if table.ended_at is not None:
        found.append(f"{table.ended_at.sql} AS ended_at")
    if table.source.duration is not None:
        found.append(f"{table.duration} AS duration")
    return found


def complete(table: SessionTable) -> list[str]:
    """The conditions for a closed row whose end and duration are complete."""
    conditions = []
    if table.ended_at is not None:
        conditions.append(orphaned.is_end_of_closed("started_at", "ended_at"))
    if table.source.duration is not None:
        conditions.append("duration >= '0'")
    return conditions


def is_without_end(table: SessionTable) -> str:
    """Whether a row is closed and not complete, by columns()."""
    return f"NOT is_active AND ({' AND '.join(complete(table))}) IS NOT TRUE"


async def of_the_days(reader: Reader, table: SessionTable) -> str:
    """The condition for rows within the days of the daily statistics. Raises SourceError."""
    days = await calendar.read_days(reader, table)
    started = calendar.by_day(table, days, days, started_at="started_at", labels=())["started"]
    return f"{table.exists} AND ({started})"
