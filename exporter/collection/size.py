"""Collector `size`: the estimated rows of the table, and missing indexes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exporter.config import Source
from exporter.metrics.catalog import INDEX_MISSING, ROWS_ESTIMATED, Sample
from exporter.postgres import Reader
from exporter.queries import fill, literal
from exporter.sessions import SessionTable
from exporter.sessions.indexes import coverage
from exporter.sessions.verdict import NO_EVIDENCE, Verdict

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
        self,
        reader: Reader,
        table: SessionTable,
        _previous: SizeValues | None,
        _verdict: Verdict = NO_EVIDENCE,
    ) -> SizeValues:
        (sized, *plans) = await reader.read(_size_query(table), *coverage.plan_statements(table))
        uses, size = coverage.uses_in(table, plans), sized.rows[0][0]
        lookups: dict[str, str | None] = {
            "indexes": coverage.used_statement(uses),
            "analyzed": None,
        }
        if table.relation.kind == "view":
            plan = size[0]["Plan"]
            lookups["analyzed"], size = _never_analyzed_query(plan), float(plan["Plan Rows"])
        statements = {key: query for key, query in lookups.items() if query is not None}
        results = await reader.read(*statements.values()) if statements else []
        found = dict(zip(statements, (result.rows for result in results), strict=True))
        is_known = not any(is_never for (is_never,) in found.get("analyzed", []))
        missing = coverage.missing_among(table, uses, found.get("indexes", []))
        return SizeValues(size if is_known else None, missing)

    def samples(self, _source: Source, values: SizeValues) -> Iterator[Sample]:
        yield from ROWS_ESTIMATED.samples(values.rows)
        for collector, is_missing in values.index_missing.items():
            yield Sample(INDEX_MISSING, (("collector", collector),), int(is_missing))


def _size_query(table: SessionTable) -> str:
    """An estimate from the catalog; of a view, the plan."""
    if table.relation.kind == "view":
        return fill("catalog/explain", statement=f"SELECT FROM {table.table}")
    return fill("collection/size", table=literal(table.table))


def _never_analyzed_query(plan: Mapping[str, Any]) -> str | None:
    """Whether a table below a view was never analyzed, so that the estimate has no basis."""
    below = sorted(set(coverage.relations(plan)))
    if not below:
        return None
    named = ", ".join(f"({literal(schema)}, {literal(name)})" for schema, name in below)
    return fill("catalog/never_analyzed", names=named)
