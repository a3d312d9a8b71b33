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


async def is_paused(reader: Reader, source_name: str) -> bool:
    """Whether automatic recovery of a source is paused. Raises SourceError."""
    return await find_pause(reader, source_name) is not None


async def is_paused_in(transaction: Transaction, source_name: str) -> bool:
    """The same within a transaction that is to close sessions. Raises SourceError."""
    if not (await transaction.run(fill("recovery/control/has_pause"))).rows[0][0]:
        return False
    found = await transaction.run(fill("recovery/control/paused", source=literal(source_name)))
    return bool(found.rows)


async def find_pause(reader: Reader, source_name: str) -> Pause | None:
    """The pause of a source, or None, also where the table is missing. Raises SourceError."""
    if not await _has_table(reader):
        return None
    rows = await reader.rows(fill("recovery/control/paused", source=literal(source_name)))
    return Pause(*rows[0]) if rows else None


async def pause(reader: Reader, writer: Writer, source_name: str, *, reason: str | None) -> bool:
    """Pause a source; returns whether it was not paused before.

    Raises SourceError, and AuditUnusable where the table is missing.
    """
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
    async with writer.transaction() as transaction:
        return bool((await transaction.run(statement)).rows)


async def resume(reader: Reader, writer: Writer, source_name: str) -> Pause | None:
    """End the pause of a source and return what it was, or None. Raises SourceError."""
    if not await _has_table(reader):
        return None
    async with writer.transaction() as transaction:
        ended = await transaction.run(fill("recovery/control/resume", source=literal(source_name)))
    return Pause(*ended.rows[0]) if ended.rows else None


async def _has_table(reader: Reader) -> bool:
    return bool(await reader.value(fill("recovery/control/has_pause")))
