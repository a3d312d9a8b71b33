"""What a person decides about automatic recovery, for all exporters: its pauses."""

from dataclasses import dataclass

from exporter.errors import PermissionDenied
from exporter.postgres import Reader, Transaction, Writer
from exporter.queries import fill, literal, text_or_null
from exporter.recovery.audit.installation import has_audit, require_audit


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause that is on. `at` is Unix time; `role` has set it."""

    at: float
    role: str
    reason: str | None


async def find_pause(reader: Reader | Transaction, source_name: str) -> Pause | None:
    """The pause of a source, or None, also where there is no audit. Raises SourceError."""
    if not await has_audit(reader):
        return None
    rows = await reader.rows(fill("recovery/control/paused", source=literal(source_name)))
    return Pause(*rows[0]) if rows else None


async def find_pause_or_error(reader: Reader, source_name: str) -> tuple[Pause | None, str]:
    """The pause of a source, or why this role may not know it. Raises other SourceErrors."""
    try:
        return await find_pause(reader, source_name), ""
    except PermissionDenied as error:
        return None, str(error)


async def pause(reader: Reader, writer: Writer, source_name: str, *, reason: str | None) -> bool:
    """Pause a source; returns whether it was not paused before. Raises SourceError."""
    await require_audit(reader)
    statement = fill(
        "recovery/control/pause",
        source=literal(source_name),
        reason=text_or_null(reason),
    )
    return bool(await writer.rows(statement))


async def resume(reader: Reader, writer: Writer, source_name: str) -> Pause | None:
    """End the pause of a source and return what it was, or None. Raises SourceError."""
    if not await has_audit(reader):
        return None
    rows = await writer.rows(fill("recovery/control/resume", source=literal(source_name)))
    return Pause(*rows[0]) if rows else None
