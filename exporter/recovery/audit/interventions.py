"""Decisions of persons about automatic recovery: pauses, and the ends of pauses and stops."""

from dataclasses import dataclass

from exporter.postgres import Reader
from exporter.queries import fill, literal
from exporter.recovery.audit.installation import has_audit


@dataclass(frozen=True, slots=True)
class Intervention:
    """One such decision. `at` is Unix time."""

    at: float
    kind: str
    """`pause` or `resume`."""
    role: str | None
    held: int | None
    """How many sessions the resumed stop held; None for a pause."""
    reason: str | None


async def list_interventions(reader: Reader, source_name: str) -> list[Intervention]:
    """The newest fifty of a source, newest first; none without an audit. Raises SourceError."""
    if not await has_audit(reader):
        return []
    statement = fill("recovery/audit/interventions", source=literal(source_name))
    return [Intervention(*row) for row in await reader.rows(statement)]
