"""Reads what PostgreSQL's statistics say of tables, without a look at their rows."""

from collections.abc import Iterable

from exporter.discover.facts import ColumnStatistics, TableFacts
from exporter.postgres import Reader
from exporter.queries import array, fill


async def read_statistics(
    reader: Reader, tables: Iterable[TableFacts], columns: Iterable[str]
) -> None:
    """Add to the tables what is known of columns of these names. Raises SourceError."""
    by_oid = {each.oid: each for each in tables}
    names = sorted(set(columns))
    if not by_oid or not names:
        return
    rows = await reader.rows(
        fill(
            "discover/column_statistics",
            oids=array(map(str, by_oid)),
            columns=array(names),
        )
    )
    for oid, name, nulls, distinct, values, shares in rows:
        column = by_oid[oid].columns.get(name)
        if column is not None:
            common = tuple(zip(values or (), shares or (), strict=False))
            column.statistics = ColumnStatistics(nulls, distinct, common)
