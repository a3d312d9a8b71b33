"""The exact command for a missing index, or the sentence why there is none.

The exporter never creates an index; a DBA reads these commands and runs them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from exporter.postgres import Reader
from exporter.queries import fill, fit_name, identifier
from exporter.sessions import SessionTable
from exporter.sessions.indexes import coverage
from exporter.sessions.sql_names import uses_whole_row, without_alias

_COLUMN = re.compile(r'"(?:[^"]|"")*"')

# A btree entry must fit a third of a page, or the application's own INSERT fails: only columns
# that cannot grow are included (PostgreSQL documentation, CREATE INDEX, on INCLUDE).
_SHORT_TEXT = re.compile(r"character(?: varying)?\(\d{1,2}\)")

#: Beside a command with an expression in it. Only PostgreSQL can tell, when it creates the index.
MUST_BE_IMMUTABLE = (
    "PostgreSQL refuses this if an expression is not immutable, such as one with now(), a subquery "
    "or a cast that depends on a setting"
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a DBA is asked to run for one collector; no commands where none can be offered."""

    collector: str
    is_served: bool
    commands: tuple[str, ...]
    remark: str | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """A table, or one of the partitions of a partitioned one."""

    schema: str
    name: str
    parent: tuple[str, str] | None
    is_leaf: bool


async def propose(reader: Reader, table: SessionTable) -> list[Proposal]:
    """For each collector its commands, and whether an index serves it already."""
    missing = await coverage.missing(reader, table)
    obstacle = _obstacle(table)
    if obstacle:
        return [Proposal(name, not unserved, (), obstacle) for name, unserved in missing.items()]
    parts = await _parts(reader, table)
    proposals = []
    for collector, unserved in missing.items():
        definition, growing = f"({_key(table)})", None
        if collector == "active":
            include, growing = _include(table)
            definition += f"{include} WHERE {_condition(table)}"
        remarks = [growing, MUST_BE_IMMUTABLE if _has_expression(table, collector) else None]
        # Two sources on one table want two indexes: the name says whose it is.
        source, name = table.source.name, table.relation.name
        purpose = collector if source == name else f"{source}_{collector}"
        commands = tuple(_commands(parts, purpose, definition))
        remark = "; ".join(filter(None, remarks)) or None
        proposals.append(Proposal(collector, not unserved, commands, remark))
    return proposals


def _obstacle(table: SessionTable) -> str | None:
    """Why no index can be offered: a view, or the row as a whole, which an index cannot hold."""
    if table.relation.kind not in {"table", "partitioned table", "materialized view"}:
        return (
            f"{table.table} is a {table.relation.kind}: an index belongs on the tables below it, "
            "on the column behind started_at"
        )
    if any(map(uses_whole_row, (table.started_at.raw, table.rows))):
        return (
            "started_at, where or active uses the row s as a whole, which cannot be part of an "
            "index; name its columns"
        )
    return None


def _has_expression(table: SessionTable, collector: str) -> bool:
    texts = [table.started_at.raw]
    if collector == "active":
        texts += [table.expressions[key] for key in ("where", "active") if key in table.expressions]
    return not all(_COLUMN.fullmatch(text.removeprefix("s.")) for text in texts)


async def _parts(reader: Reader, table: SessionTable) -> list[_Part]:
    relation = table.relation
    if relation.kind != "partitioned table":
        return [_Part(relation.schema, relation.name, None, is_leaf=True)]
    rows = await reader.rows(fill("catalog/partitions", oid=str(relation.oid)))
    return [
        _Part(schema, name, (above_schema, above) if above else None, is_leaf)
        for schema, name, above_schema, above, is_leaf in rows
    ]


def _commands(parts: list[_Part], purpose: str, definition: str) -> Iterator[str]:
    """CONCURRENTLY, which a partitioned table cannot do: there one per partition, then attached."""
    for part in parts:
        how = "CREATE INDEX CONCURRENTLY" if part.is_leaf else "CREATE INDEX"
        only = "" if part.is_leaf else "ONLY "
        index, table = (
            fit_name(f"{part.name}_{purpose}", "_idx"),
            identifier(part.schema, part.name),
        )
        yield f"{how} {identifier(index)}\n    ON {only}{table} {definition};"
    for part in reversed(parts):
        if part.parent is not None:
            above, index = (
                identifier(schema, fit_name(f"{name}_{purpose}", "_idx"))
                for schema, name in (part.parent, (part.schema, part.name))
            )
            yield f"ALTER INDEX {above}\n    ATTACH PARTITION {index};"


def _key(table: SessionTable) -> str:
    raw = without_alias(table.started_at.raw)
    return raw if _COLUMN.fullmatch(raw) else f"({raw})"


def _condition(table: SessionTable) -> str:
    declared = [table.active] if table.source.where is None else [table.exists, table.active]
    return " AND ".join(without_alias(condition) for condition in declared)


def _include(table: SessionTable) -> tuple[str, str | None]:
    """INCLUDE for the other columns of the query and no remark, unless one of them can grow.

    Then the table is read anyway, and the remark says why.
    """
    texts = [*table.labels, *table.integrity]
    texts += [moment.raw for moment in (table.last_seen_at, table.ended_at) if moment is not None]
    start = set(table.relation.columns_in([table.started_at.raw]))
    read = [
        table.relation.columns[name]
        for name in table.relation.columns_in(texts)
        if name not in start
    ]
    if not read:
        return "", None
    growing = [
        column.name
        for column in read
        if column.length <= 0 and not column.is_enum and not _SHORT_TEXT.fullmatch(column.type)
    ]
    if growing:
        return "", (
            f"this index does not include {', '.join(growing)}: a long value there would make the "
            "application's own writes fail"
        )
    return f" INCLUDE ({', '.join(identifier(column.name) for column in read)})", None
