"""Collector `size`: how many rows the table has, and whether indexes serve the collectors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporter.config import Source
from exporter.metrics.catalog import INDEX_MISSING, ROWS_ESTIMATED, Sample
from exporter.postgres import Reader
from exporter.queries import fill, literal
from exporter.sessions import SessionTable
from exporter.sessions.indexes import coverage

#: Tables grow slowly, and indexes change rarely.
EVERY_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class SizeValues:
    """`rows` is None while the planner has no estimate; `index_missing` is by collector."""

    rows: float | None
    index_missing: Mapping[str, bool]


class Size:
    """Estimates from the catalog and from plans, every five minutes."""

    name = "size"

    def every(self, _source: Source) -> float | None:
        return EVERY_SECONDS

    def timeout(self, _source: Source) -> float | None:
        return None

    async def collect(
        self, reader: Reader, table: SessionTable, _previous: SizeValues | None
    ) -> SizeValues:
        if table.relation.kind == "view":
            rows = await _rows_of_view(reader, table)
        else:
            rows = await reader.value(fill("collection/size", table=literal(table.table)))
        return SizeValues(rows, await coverage.missing(reader, table))

    def samples(self, _source: Source, values: SizeValues) -> Iterator[Sample]:
        yield from ROWS_ESTIMATED.samples(values.rows)
        for collector, is_missing in values.index_missing.items():
            yield Sample(INDEX_MISSING, (("collector", collector),), int(is_missing))


async def _rows_of_view(reader: Reader, table: SessionTable) -> float | None:
    """The planner's estimate for a view; None while a table below it was never analyzed."""
    statement = fill("catalog/explain", statement=f"SELECT FROM {table.table}")
    plan = (await reader.value(statement))[0]["Plan"]
    below = sorted(set(coverage.relations(plan)))
    if below:
        named = ", ".join(f"({literal(schema)}, {literal(name)})" for schema, name in below)
        if await reader.value(fill("catalog/never_analyzed", names=named)):
            return None
    return float(plan["Plan Rows"])
