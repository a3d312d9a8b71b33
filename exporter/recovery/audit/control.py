"""Pauses of automatic recovery: kept in the source's database, for all exporters."""

from dataclasses import dataclass

from exporter.errors import AuditUnusable
from exporter.postgres import Reader, Transaction, Writer
from exporter.queries import fill, literal


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause that is on. `at` is Unix time; `role` has set it."""

    at: float
    role: str
    reason: str | None


async def is_paused(reader: Reader | Transaction, source_name: str) -> bool:
    """Whether automatic recovery of a source is paused. Raises SourceError."""
    return await find_pause(reader, source_name) is not None


async def find_pause(reader: Reader | Transaction, source_name: str) -> Pause | None:
    """The pause of a source, or None, also where the table is missing. Raises SourceError."""
    if not await _has_table(reader):
        return None
    rows = await reader.rows(fill("recovery/control/paused", source=literal(source_name)))
    return Pause(*rows[0]) if rows else None


async def pause(reader: Reader, writer: Writer, source_name: str, *, reason: str | None) -> bool:
    """Pause a source; returns whether it was not paused before. Raises SourceError."""
    if not await _has_table(reader):
        raise AuditUnusable(
            "there is no table session_exporter.pause, in which a pause is kept; "
            "`session-exporter sql audit` prints the commands that create it"
        )
    statement = fill(
        "recovery/control/pause",
        source=literal(source_name),
        reason="NULL" if reason is None else literal(reason),
    )
    return bool(await writer.rows(statement))


async def resume(reader: Reader, writer: Writer, source_name: str) -> Pause | None:
    """End the pause of a source and return what it was, or None. Raises SourceError."""
    if not await _has_table(reader):
        return None
    rows = await writer.rows(fill("recovery/control/resume", source=literal(source_name)))
    return Pause(*rows[0]) if rows else None


async def _has_table(reader: Reader | Transaction) -> bool:
    ((has_table,),) = await reader.rows(fill("recovery/control/has_pause"))
    return bool(has_table)
