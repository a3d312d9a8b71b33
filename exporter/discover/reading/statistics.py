"""Reads what PostgreSQL's statistics say of tables, without a look at their rows."""

from collections.abc import Iterable

from exporter.discover.facts import Activity, ColumnStatistics, Table
from exporter.postgres import Reader
from exporter.queries import array, fill


async def read_statistics(reader: Reader, tables: Iterable[Table], columns: Iterable[str]) -> None:
    """Add to the tables what is known of columns of these names. Raises SourceError."""
    by_oid = {each.oid: each for each in tables}
    names = sorted(set(columns))
    if not by_oid or not names:
        return
    oids = array(map(str, by_oid))
    of_columns, of_tables = await reader.read(
        fill("discover/column_statistics", oids=oids, columns=array(names)),
        fill("discover/activity", oids=oids),
    )
    for oid, name, nulls, distinct, values, shares in of_columns.rows:
        column = by_oid[oid].columns.get(name)
        if column is not None:
            common = tuple(zip(values or (), shares or (), strict=False))
            column.statistics = ColumnStatistics(nulls, distinct, common)
    for oid, *counts in of_tables.rows:
        by_oid[oid].activity = Activity(*counts)
