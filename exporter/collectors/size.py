"""Collector `size`: how big the table is, and whether indexes serve the other collectors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporter import indexes
from exporter.config import Source
from exporter.metrics import INDEX_MISSING, ROWS_ESTIMATED, Sample
from exporter.queries import fill
from exporter.relation import Reads
from exporter.sessions import SessionTable

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
        self, reader: Reads, table: SessionTable, previous: SizeValues | None
    ) -> SizeValues:
        """Estimate the rows and look for the indexes. Nothing is carried over."""
        del previous
        if table.relation.kind == "view":
            statement = fill("explain", statement=f"SELECT FROM {table.table}")
            (plan,) = await reader.read(statement)
            rows: float | None = plan.rows[0][0][0]["Plan"]["Plan Rows"]
        else:
            (size,) = await reader.read(fill("size", oid=str(table.relation.oid)))
            rows = size.rows[0][0]
        return SizeValues(rows, await indexes.missing(reader, table))

    def samples(self, source: Source, values: SizeValues) -> Iterator[Sample]:
        """The metrics of a snapshot."""
        del source
        if values.rows is not None:
            yield Sample(ROWS_ESTIMATED, (), values.rows)
        for collector, is_missing in values.index_missing.items():
            yield Sample(INDEX_MISSING, (("collector", collector),), int(is_missing))
