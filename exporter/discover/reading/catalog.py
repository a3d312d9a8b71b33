"""Reads the catalog: all tables with their columns in pages, and all that is known of a few."""

from collections.abc import Callable, Iterable, Sequence

from exporter.discover.facts import Column, ForeignKey, IndexFacts, ServerFacts, Table
from exporter.postgres import Reader
from exporter.queries import array, fill

#: Tables of one statement: of 20 columns each it takes 20 to 50 ms.
PAGE = 1000

#: Of pg_constraint.contype.
CHECK = "c"


async def read_server(reader: Reader) -> ServerFacts:
    """Raises SourceError."""
    (row,) = await reader.rows(fill("discover/server"))
    return ServerFacts(*row)


async def read_tables(
    reader: Reader, is_wanted: Callable[[Table], bool], *, page: int = PAGE
) -> tuple[list[Table], int]:
    """The tables that may be looked at more closely, and how many there are. Raises SourceError."""
    after, count = 0, 0
    wanted: list[Table] = []
    while True:
        rows = await reader.rows(fill("discover/relations", after=f"'{after}'", most=f"'{page}'"))
        for oid, schema, name, kind, estimate, pages, *columns in rows:
            count += 1
            table = Table(oid, schema, name, kind, estimate, pages, _columns(*columns))
            if is_wanted(table):
                wanted.append(table)
        if len(rows) < page:
            return wanted, count
        after = rows[-1][0]


def _columns(
    names: Sequence[str], types: Sequence[str], kinds: Sequence[str], not_null: Sequence[bool]
) -> dict[str, Column]:
    return {
        name: Column(name, type_, kind == "e", is_not_null)
        for name, type_, kind, is_not_null in zip(names, types, kinds, not_null, strict=True)
    }


async def complete(reader: Reader, tables: Iterable[Table]) -> None:
    """Add columns' types, indexes, constraints and so on, in one round trip. Raises SourceError."""
    by_oid = {each.oid: each for each in tables}
    if not by_oid:
        return
    names = ("tables", "columns", "indexes", "constraints")
    oids = array(map(str, by_oid))
    read = await reader.read(*(fill(f"discover/{name}", oids=oids) for name in names))
    of_tables, of_columns, of_indexes, of_constraints = (each.rows for each in read)
    for oid, comment, is_usable, is_secured, triggers, partitions in of_tables:
        table = by_oid[oid]
        table.comment, table.is_usable, table.has_row_security = comment, is_usable, is_secured
        table.triggers, table.partitions = triggers, partitions
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
