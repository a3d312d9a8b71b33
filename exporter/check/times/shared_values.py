"""Values of a time column that most active rows share: they may stand for none."""

from collections.abc import AsyncIterator

from exporter.check.findings import Finding, FindingWriter
from exporter.config import TimeColumn
from exporter.errors import BadData
from exporter.postgres import Reader
from exporter.queries import literal
from exporter.sessions import NUMBERS, SessionTable, interval, orphaned

#: In place of the threshold where each row has its own: a shared time longer ago is none.
LONG_SILENCE = 30 * 86400.0


async def check_shared_values(
    reader: Reader, table: SessionTable, findings: FindingWriter
) -> AsyncIterator[Finding]:
    """Name them, with the lines that declare them as none. Raises SourceError."""
    source, start = table.source, table.started_at.sql
    times = {"started_at": table.started_at, "last_seen_at": table.last_seen_at}
    times["ended_at"] = table.ended_at
    for key, moment in times.items():
        if moment is None:
            continue
        time = moment.sql
        if key == "ended_at":  # what is none in comparison with the start needs no NULLIF
            is_none = f"{time} <= {start} AND NOT {orphaned.is_impossible(start, time)}"
            time = f"CASE WHEN ({is_none}) IS NOT TRUE THEN {time} END"
        statement = table.statement(
            "plausibility/shared_value",
            value=moment.raw,
            time=time,
            silence=interval(source.fixed_threshold or LONG_SILENCE),
            ahead=interval(source.future_tolerance),
        )
        try:
            found = await reader.rows(statement)
        except BadData:
            continue  # the evaluation of every expression reports it
        for value, count, rows in found:
            written = value if table.types[key] in NUMBERS else literal(value)
            column: TimeColumn = getattr(source, key)
            yield findings.warning(
                f"value of {key}",
                f"{count} of {rows} active rows have the value {value}; if it stands for none, "
                "write:",
                _declaration(key, f"NULLIF({moment.raw.strip()}, {written})", column.epoch),
            )


def _declaration(key: str, sql: str, epoch: str | None) -> str:
    if epoch is None:
        return f"{key}: |\n  {sql}"
    return f"{key}:\n  column: |\n    {sql}\n  epoch: {epoch}"
