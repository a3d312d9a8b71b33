"""Sources with owners and a list, and what a verdict makes of their rows."""

from pathlib import Path

from exporter import sessions
from exporter.config import Source, load_config
from exporter.postgres import Reader
from exporter.sessions import STATEMENT_TIME, SessionTable, evidence_statements
from exporter.sessions.verdict import Verdict
from tests.support.collection.declarations import one_database

EVIDENCE = """\
owners:
  servers:
    unique_per_start: true
    table: {table: public.servers, id: server_id}
lists:
  calls:
    urls: {app: "http://127.0.0.1:1/calls"}
"""


def source_with_evidence(folder: Path, text: str) -> Source:
    """The one source that a YAML text declares; there are owners `servers` and a list `calls`."""
    path = folder / "config.yaml"
    path.write_text(EVIDENCE + one_database(text), encoding="utf-8")
    (source,) = load_config(path, {"DATABASE_URL": ""}).sources.values()
    return source


async def causes_of(
    reader: Reader, table: SessionTable, verdict: Verdict, after: float | None = None
) -> dict[str, str | None]:
    """The cause of each active row by its id, also of those that are not orphaned."""
    cause, orphaned = table.cause(STATEMENT_TIME, after), table.orphaned(STATEMENT_TIME, after)
    query = (
        f"WITH {sessions.CLOCK_QUERY} SELECT {table.id_text}, {cause}, {orphaned}"
        f" FROM {table.table} AS s WHERE {table.rows}"
    )
    *_, found = await reader.read(*evidence_statements(verdict, table.encoding), query)
    assert all((why is not None) == is_orphaned for _, why, is_orphaned in found.rows)
    return {key: why for key, why, _ in found.rows}
