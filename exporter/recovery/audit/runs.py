"""The runs of recovery, from the audit table."""

import uuid
from dataclasses import dataclass

from exporter.postgres import Reader
from exporter.queries import fill, literal
from exporter.recovery.audit.installation import has_audit


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `at` is Unix time; `undone` of its sessions were undone."""

    run: uuid.UUID
    source: str
    trigger: str
    role: str
    at: float
    sessions: int
    undone: int
    reason: str | None
    """What a person has given as the reason of closing."""
    undo_reason: str | None


async def list_runs(reader: Reader, source: str) -> list[Run]:
    """The latest fifty runs of a source, newest first. Raises SourceError."""
    return await _read_runs(reader, f"a.source = {literal(source)}", limit=50)


async def find_run(reader: Reader, run: uuid.UUID) -> Run | None:
    """One run, or None where the audit table does not have it. Raises SourceError."""
    runs = await _read_runs(reader, f"a.run = {literal(str(run))}::uuid", limit=1)
    return runs[0] if runs else None


async def find_beginning(reader: Reader, source: str, digits: str) -> list[Run]:
    """The latest fifty runs of a source whose id begins with these digits, in lower case.

    Raises SourceError.
    """
    text = "pg_catalog.replace(a.run::text, '-', '')"
    begins = f"pg_catalog.starts_with({text}, {literal(digits)})"
    return await _read_runs(reader, f"a.source = {literal(source)} AND {begins}", limit=50)


async def _read_runs(reader: Reader, condition: str, *, limit: int) -> list[Run]:
    if not await has_audit(reader):
        return []
    statement = fill("recovery/audit/runs", condition=condition, limit=str(limit))
    return [Run(*row) for row in await reader.rows(statement)]
