"""Collector `size`: how big the table is, and whether indexes serve the other collectors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporter.config import Source
from exporter.metrics.catalog import INDEX_MISSING, ROWS_ESTIMATED, Sample
from exporter.postgres import Reader
from exporter.queries import fill, literal
from exporter.sessions import SessionTable
from exporter.sessions.indexes import coverage

EVERY_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class SizeValues:
    """`rows` is None while the planner knows nothing; `index_missing` goes by collector."""

    rows: float | None
    index_missing: Mapping[str, bool]


class Size:
    """The planner's knowledge, read from the catalog and from plans, every five minutes."""

    name = "size"

    def every(self, source: Source) -> float | None:  # noqa: ARG002 - the shape of all collectors
        """A fixed interval in seconds: tables grow slowly, and indexes do not come and go."""
        return EVERY_SECONDS

    def timeout(self, source: Source) -> float | None:  # noqa: ARG002 - the shape of all collectors
        """The database's own statement_timeout."""
        return None

    async def collect(
        self, reader: Reader, table: SessionTable, previous: SizeValues | None
    ) -> SizeValues:
        """Estimate the rows and look for the indexes. Nothing is carried over."""
        del previous
        if table.relation.kind == "view":
            rows = await _rows_of_view(reader, table)
        else:
            (size,) = await reader.read(fill("collection/size", table=literal(table.table)))
            rows = size.rows[0][0]
        return SizeValues(rows, await coverage.missing(reader, table))

    def samples(self, source: Source, values: SizeValues) -> Iterator[Sample]:
        """The metrics of a snapshot."""
        del source
        if values.rows is not None:
            yield Sample(ROWS_ESTIMATED, (), values.rows)
        for collector, is_missing in values.index_missing.items():
            yield Sample(INDEX_MISSING, (("collector", collector),), int(is_missing))


async def _rows_of_view(reader: Reader, table: SessionTable) -> float | None:
    """What the planner expects of a view; None while it guesses about a table below it."""
    statement = fill("catalog/explain", statement=f"SELECT FROM {table.table}")
    (explained,) = await reader.read(statement)
    plan = explained.rows[0][0][0]["Plan"]
    below = sorted(set(coverage.relations(plan)))
    if below:
        named = ", ".join(f"({literal(schema)}, {literal(name)})" for schema, name in below)
        (guessed,) = await reader.read(fill("catalog/never_analyzed", names=named))
        if guessed.rows[0][0]:
            return None
    return float(plan["Plan Rows"])
