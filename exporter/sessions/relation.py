"""Relation: a declared table as the catalog has it, with its real name, kind and columns."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from exporter.config import TableName
from exporter.errors import SchemaMismatch
from exporter.postgres import Reader
from exporter.queries import fill, identifier, literal
from exporter.sessions.sql_names import names, uses_whole_row

#: pg_class.relkind in words.
KINDS = {
    "r": "table",
    "p": "partitioned table",
    "v": "view",
    "m": "materialized view",
    "f": "foreign table",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `length` is in bytes, -1 for a type without a fixed length."""

    name: str
    type: str
    length: int
    is_enum: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, partitioned table or view as the catalog has it."""

    oid: int
    schema: str
    name: str
    kind: str
    columns: Mapping[str, Column]

    @property
    def sql(self) -> str:
        return identifier(self.schema, self.name)

    def column(self, word: str) -> Column:
        """The column that a bare word means: in that spelling, else in lower case.

        Raises SchemaMismatch with the nearest names.
        """
        found = self.columns.get(word) or self.columns.get(word.lower())
        if found is None:
            near = difflib.get_close_matches(word, self.columns, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(self.columns)}"
            raise SchemaMismatch(f"{self.schema}.{self.name} has no column {word}; {hint}")
        return found

    def columns_in(self, texts: Iterable[str]) -> list[str]:
        """The columns that expressions mention, in the table's order.

        Words are compared with the real columns, so that too many may be found (a function named
        like a column) and never too few; the row as a whole (`s`, `s.*`) means all of them.
        """
        texts = list(texts)
        if any(map(uses_whole_row, texts)):
            return list(self.columns)
        mentioned = set[str]().union(*map(names, texts))
        return [name for name in self.columns if name in mentioned]


async def find(reader: Reader, table: TableName) -> Relation:
    """Look up a declared table in the catalog. Raises SchemaMismatch where there is none."""
    if table.schema_ is None:
        in_schema = "pg_table_is_visible(c.oid)"
    else:
        in_schema = named("n.nspname", table.schema_, quoted=table.schema_quoted)
    statement = fill(
        "catalog/relation",
        in_schema=in_schema,
        named=named("c.relname", table.name, quoted=table.name_quoted),
        exact=f"(c.relname = {literal(table.name)})",
        exact_schema=f"(n.nspname = {literal(table.schema_ or '')})",
    )
    rows = await reader.rows(statement)
    if not rows:
        raise SchemaMismatch(
            f"there is no table or view {table} in this database; check `table` and, without a "
            "schema in it, the role's search_path"
        )
    oid, schema, name, kind = rows[0][:4]
    columns = {row[4]: Column(*row[4:]) for row in rows if row[4] is not None}
    return Relation(oid, schema, name, KINDS[kind], columns)


def named(column: str, name: str, *, quoted: bool) -> str:
    """The condition that a name in the catalog is the declared one, as written or in lower case."""
    spellings = dict.fromkeys([name] if quoted else [name, name.lower()])
    return f"{column} IN ({', '.join(map(literal, spellings))})"
