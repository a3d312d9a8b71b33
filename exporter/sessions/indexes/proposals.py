"""The exact command for a missing index, or the sentence why there is none.

The exporter never creates an index; a DBA reads these commands and runs them.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from exporter.postgres import Reader
from exporter.queries import fill, identifier
from exporter.sessions import SessionTable
from exporter.sessions.indexes import coverage
from exporter.sessions.indexes.immutability import instability
from exporter.sessions.relation import Column
from exporter.sessions.sql_names import without_alias

# A btree entry must fit a third of a page, or the application's own INSERT fails: only columns
# that cannot grow are included (PostgreSQL documentation, CREATE INDEX, on INCLUDE).
_SHORT_TEXT = re.compile(r"character(?: varying)?\(\d{1,2}\)")
_LONGEST_NAME = 63  # bytes


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
    obstacle = await _obstacle(reader, table)
    if obstacle:
        return [Proposal(name, not unserved, (), obstacle) for name, unserved in missing.items()]
    parts = await _parts(reader, table)
    proposals = []
    for collector, unserved in missing.items():
        definition, remark = f"({_key(table)})", None
        if collector == "active":
            include, remark = _include(table)
            definition += f"{include} WHERE {_condition(table)}"
        # Two sources on one table want two indexes: the name says whose it is.
        source, name = table.source.name, table.relation.name
        purpose = collector if source == name else f"{source}_{collector}"
        commands = tuple(_commands(parts, purpose, definition))
        proposals.append(Proposal(collector, not unserved, commands, remark))
    return proposals


async def _obstacle(reader: Reader, table: SessionTable) -> str | None:
    """Why no index can be offered: a view, or an expression that may change its mind."""
    if table.relation.kind not in {"table", "partitioned table", "materialized view"}:
        return (
            f"{table.table} is a {table.relation.kind}: an index belongs on the tables below it, "
            "on the column behind started_at"
        )
    reason = await instability(reader, table.relation, [table.started_at.raw, table.rows])
    if reason is None:
        return None
    return (
        f"started_at, where or active uses {reason}, which may give another result for the same "
        "row, and only what is immutable can be part of an index"
    )


async def _parts(reader: Reader, table: SessionTable) -> list[_Part]:
    relation = table.relation
    if relation.kind != "partitioned table":
        return [_Part(relation.schema, relation.name, None, is_leaf=True)]
    (result,) = await reader.read(fill("catalog/partitions", oid=str(relation.oid)))
    return [
        _Part(schema, name, (above_schema, above) if above else None, is_leaf)
        for schema, name, above_schema, above, is_leaf in result.rows
    ]


def _commands(parts: list[_Part], purpose: str, definition: str) -> Iterator[str]:
    """CONCURRENTLY, which a partitioned table cannot do: there one per partition, then attached."""
    for part in parts:
        how = "CREATE INDEX CONCURRENTLY" if part.is_leaf else "CREATE INDEX"
        only = "" if part.is_leaf else "ONLY "
        table, index = identifier(part.schema, part.name), _index_name(part.name, purpose)
        yield f"{how} {identifier(index)}\n    ON {only}{table} {definition};"
    for part in reversed(parts):
        if part.parent is not None:
            above_schema, above = part.parent
            yield (
                f"ALTER INDEX {identifier(above_schema, _index_name(above, purpose))}\n    "
                f"ATTACH PARTITION {identifier(part.schema, _index_name(part.name, purpose))};"
            )


def _index_name(table: str, purpose: str) -> str:
    """<table>_<purpose>_idx; one that is too long is cut and made unique by a digest."""
    name = f"{table}_{purpose}_idx"
    encoded = name.encode()
    if len(encoded) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:8]
    room = _LONGEST_NAME - len(f"_{digest}_idx")
    return f"{encoded[:room].decode(errors='ignore')}_{digest}_idx"


def _key(table: SessionTable) -> str:
    raw = without_alias(table.started_at.raw)
    return raw if re.fullmatch(r'"(?:[^"]|"")*"', raw) else f"({raw})"


def _condition(table: SessionTable) -> str:
    declared = [table.active] if table.source.where is None else [table.exists, table.active]
    return " AND ".join(without_alias(condition) for condition in declared)


def _include(table: SessionTable) -> tuple[str, str | None]:
    """INCLUDE what else the query reads, if none of it can grow: else the heap is read anyway."""
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
    growing = [column.name for column in read if not _is_bounded(column)]
    if growing:
        return "", (
            f"this index does not include {', '.join(growing)}: a long value there would make the "
            "application's own writes fail"
        )
    return f" INCLUDE ({', '.join(identifier(column.name) for column in read)})", None


def _is_bounded(column: Column) -> bool:
    return column.length > 0 or column.is_enum or bool(_SHORT_TEXT.fullmatch(column.type))
