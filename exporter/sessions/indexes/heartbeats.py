"""The columns that a heartbeat writes, and the indexes that make heartbeats more expensive.

An update is a HOT update, which writes no index at all, only if no index of the table holds a
column that it changes (PostgreSQL documentation, "Heap-Only Tuples"). Otherwise it writes all of
them, whether they hold the column or not.
"""

from exporter.postgres import Reader
from exporter.queries import fill, identifier, literal
from exporter.sessions.conditions import conditions_of, fixed_column
from exporter.sessions.session_table import SessionTable
from exporter.sessions.sql_names import chains, code
from exporter.text import some_of

#: The cost of one such index compared with none, measured by benchmarks/heartbeats.py.
COST = "half of the updates per second, three times the WAL"


def written_columns(table: SessionTable) -> set[str]:
    """The columns that a sign of life writes while a session is active.

    It is the column of `last_seen_at`. If that is an expression, the start, the id, columns that
    the conditions fix, and columns that a subquery joins by are excluded; and if others remain,
    names and states, which only select the time. Further columns may change, but that cannot be
    known.
    """
    if table.last_seen_at is None or not table.relation.is_table:
        return set()
    columns, last_seen = table.relation.columns, table.last_seen_at.raw
    mentioned = {
        name
        for chain in chains(last_seen)
        for name in chain.columns
        if name in columns
        and (not chain.is_in_subquery or (chain.is_row and columns[name].is_moment))
    }
    if table.relation.uses_row(last_seen):
        mentioned = {*columns}
    read = {source for name in mentioned for source in columns[name].generated_from or (name,)}
    if fixed_column(last_seen) not in read:
        conditions = [condition for _, condition in conditions_of(table)]
        constant = [*conditions, table.started_at.raw, *table.id]
        read -= {fixed_column(text) for text in constant}
    cast = _cast_columns(last_seen)
    times = {name for name in read if name in cast or not columns[name].names_something}
    written = times or read
    return written | {
        each.name
        for each in columns.values()
        if written & {*each.generated_from} and not each.names_something
    }


def _cast_columns(sql: str) -> set[str]:
    """The names that are cast: `seen::timestamptz`, `(s.seen)::timestamptz`."""
    pieces = [token for token in code(sql) if token.text not in {"(", ")"}]
    return {
        name.value
        for name, *colons in zip(pieces, pieces[1:], pieces[2:], strict=False)
        if [each.text for each in colons] == [":", ":"]
    }


async def find_indexes(reader: Reader, table: SessionTable) -> list[str]:
    """The existing indexes, also the application's own, that hold a column which heartbeats write.

    Each with these columns: `"public"."held" (seen)`.
    """
    columns = ", ".join(map(literal, sorted(written_columns(table)))) or "NULL"
    oid = str(table.relation.oid)
    rows = await reader.rows(fill("indexes/holding", oid=oid, columns=columns))
    return [f"{identifier(schema, name)} ({some_of(held)})" for schema, name, held in rows]
