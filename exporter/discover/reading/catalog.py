"""Reads the catalog: all tables with their columns in pages, and all that it has of a few."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from exporter.discover.facts import (
    Activity,
    ColumnFacts,
    ForeignKey,
    IndexFacts,
    ServerFacts,
    TableFacts,
)
from exporter.errors import Locked
from exporter.postgres import Reader, Result
from exporter.queries import array, fill, literal

#: Tables of one statement: of 20 columns each it takes 20 to 50 ms.
PAGE = 2000

#: Of pg_constraint.contype.
CHECK = "c"


async def read_server(reader: Reader) -> ServerFacts:
    """Raises SourceError."""
    (row,) = await reader.rows(fill("discover/server"))
    return ServerFacts(*row)


async def read_tables(reader: Reader, *, page: int = PAGE) -> list[TableFacts]:
    """All tables and views of applications, with their columns. Raises SourceError."""
    after = 0
    found: list[TableFacts] = []
    types: dict[int, _Type] = {}
    while True:
        rows = await reader.rows(
            fill("discover/relations", after=literal(str(after)), most=literal(str(page)))
        )
        tables = {row[0]: TableFacts(*row) for row in rows}
        await _add_columns(reader, tables, types)
        found += tables.values()
        if len(rows) < page:
            return found
        after = rows[-1][0]


class _Type(NamedTuple):
    """A type by its name; of a domain the type below it."""

    name: str
    is_enum: bool
    not_null: bool


async def _add_columns(
    reader: Reader, tables: Mapping[int, TableFacts], types: dict[int, _Type]
) -> None:
    """Add the columns of tables, by name and type; `types` keeps those that are known."""
    if not tables:
        return
    rows = await reader.rows(fill("discover/attributes", oids=array(map(str, tables))))
    if unknown := {row[2] for row in rows} - types.keys():
        read = await reader.rows(fill("discover/types", oids=array(map(str, unknown))))
        types |= {oid: _Type(*values) for oid, *values in read}
    for oid, name, type_, not_null in rows:
        found = types[type_]
        column = ColumnFacts(name, found.name, found.is_enum, not_null or found.not_null)
        tables[oid].columns[name] = column


async def complete(reader: Reader, tables: Iterable[TableFacts]) -> list[TableFacts]:
    """Add columns' types, indexes, constraints and so on, in one round trip.

    Returns the tables that are locked, of which nothing is added: to read of row-level security and
    of default values PostgreSQL opens the table. Raises SourceError.
    """
    by_oid = {each.oid: each for each in tables}
    if not by_oid:
        return []
    try:
        await _add_rest(reader, by_oid)
    except Locked:
        locked = [each for each in by_oid.values() if await _is_locked(reader, each)]
        for each in locked:
            del by_oid[each.oid]
        return [*locked, *await complete(reader, by_oid.values())]
    return []


async def _is_locked(reader: Reader, table: TableFacts) -> bool:
    try:
        await _read_rest(reader, [table.oid])
    except Locked:
        return True
    return False


async def _read_rest(reader: Reader, oids: Iterable[int]) -> Sequence[Result]:
    names = ("tables", "columns", "indexes", "constraints")
    chosen = array(map(str, oids))
    return await reader.read(*(fill(f"discover/{name}", oids=chosen) for name in names))


async def _add_rest(reader: Reader, by_oid: Mapping[int, TableFacts]) -> None:
    read = await _read_rest(reader, by_oid)
    of_tables, of_columns, of_indexes, of_constraints = (each.rows for each in read)
    for oid, comment, is_usable, is_secured, triggers, partitions, *counts in of_tables:
        table = by_oid[oid]
        table.comment, table.is_usable, table.has_row_security = comment, is_usable, is_secured
        table.triggers, table.partitions = triggers, partitions
        table.activity = Activity(*counts)
    for oid, name, declared, default, labels, comment, is_readable in of_columns:
        column = by_oid[oid].columns.get(name)
        if column is not None:
            column.declared_type, column.default, column.labels = declared, default, labels
            column.comment, column.is_readable = comment, is_readable
    for oid, is_primary, is_unique, columns, predicate in of_indexes:
        by_oid[oid].indexes.append(IndexFacts(is_primary, is_unique, columns, predicate))
    for oid, kind, text, columns, referenced in of_constraints:
        if kind == CHECK:
            by_oid[oid].checks.append(text)
            continue
        key = ForeignKey(oid, columns, referenced)
        if oid in by_oid:
            by_oid[oid].references.append(key)
        if referenced in by_oid:
            by_oid[referenced].referenced_by.append(key)
