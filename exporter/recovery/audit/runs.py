"""The runs of recovery, from the audit table."""

import uuid

from exporter.postgres import Reader
from exporter.queries import fill, literal
from exporter.recovery.audit.installation import has_audit
from exporter.recovery.status import Run


async def list_runs(reader: Reader, source: str) -> list[Run]:
    """The newest fifty runs of a source, newest first. Raises SourceError."""
    return await _read_runs(reader, f"a.source = {literal(source)}", limit=50)


async def newest_runs(reader: Reader, source: str, *, limit: int) -> list[Run]:
    """The newest runs of a source, by a bounded read; the audit must exist.

    A run before the last thousand audited sessions is not found. Raises SourceError.
    """
    newest = fill("recovery/audit/newest_runs", source=literal(source), limit=str(limit))
    condition = f"a.source = {literal(source)} AND a.run = ANY (ARRAY(\n{newest}\n))"
    statement = fill("recovery/audit/runs", condition=condition, limit=str(limit))
    return [Run(*row) for row in await reader.rows(statement)]


async def find_run(reader: Reader, run: uuid.UUID) -> Run | None:
    """One run, or None if the audit does not have it. Raises SourceError."""
    runs = await _read_runs(reader, f"a.run = {literal(str(run))}::uuid", limit=1)
    return runs[0] if runs else None


async def find_beginning(reader: Reader, source: str, digits: str) -> list[Run]:
    """The newest fifty runs of a source whose id begins with these digits, in lower case.

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
