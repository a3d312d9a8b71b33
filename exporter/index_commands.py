"""The exact command for a missing index, or the sentence why there is none.

The exporter never creates an index; a DBA reads these commands and runs them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from exporter import indexes
from exporter.queries import fill, identifier, literal
from exporter.relation import Column, Reads
from exporter.sessions import SessionTable

# A btree entry must fit a third of a page, or the application's own INSERT fails: only columns
# that cannot grow are included (PostgreSQL documentation, CREATE INDEX, on INCLUDE).
_SHORT_TEXT = re.compile(r"character(?: varying)?\(\d{1,2}\)")
_QUOTED_OR_ALIAS = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\bs\.""")
_STRING = re.compile(r"'(?:[^']|'')*'")
_WORD = re.compile(r'"((?:[^"]|"")*)"|([^\W\d][\w$]*)')
_CALL = re.compile(r"\b([a-z_][a-z0-9_]*)\s*\(", re.IGNORECASE)
_NOT_IMMUTABLE = re.compile(
    r"\b(?:select|current_\w+|localtime\w*|session_user)\b|::\s*(?:timestamptz|date|time)\b",
    re.IGNORECASE,
)
_LONGEST_NAME = 63


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


async def propose(reader: Reads, table: SessionTable) -> list[Proposal]:
    """For each collector its commands, and whether an index serves it already."""
    missing = await indexes.missing(reader, table)
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
        commands = tuple(_commands(parts, collector, definition))
        proposals.append(Proposal(collector, not unserved, commands, remark))
    return proposals


async def _obstacle(reader: Reads, table: SessionTable) -> str | None:
    """Why no index can be offered: a view, or an expression that may change its mind."""
    if table.relation.kind not in {"table", "partitioned table", "materialized view"}:
        return (
            f"{table.table} is a {table.relation.kind}: an index belongs on the tables below it, "
            "on the column behind started_at"
        )
    texts = _STRING.sub("''", f"{table.started_at.raw} {table.rows}")
    unstable = _NOT_IMMUTABLE.findall(texts)
    if calls := {name.lower() for name in _CALL.findall(texts)}:
        names = ", ".join(literal(name) for name in sorted(calls))
        (result,) = await reader.read(fill("volatile", names=names))
        unstable += [f"{name}()" for (name,) in result.rows]
    if unstable:
        return (
            f"started_at, where or active uses {unstable[0]}, which may give another result for "
            "the same row, and only what is immutable can be part of an index"
        )
    return None


async def _parts(reader: Reads, table: SessionTable) -> list[_Part]:
    relation = table.relation
    if relation.kind != "partitioned table":
        return [_Part(relation.schema, relation.name, None, is_leaf=True)]
    (result,) = await reader.read(fill("partitions", oid=str(relation.oid)))
    return [
        _Part(schema, name, (above_schema, above) if above else None, is_leaf)
        for schema, name, above_schema, above, is_leaf in result.rows
    ]


def _commands(parts: list[_Part], collector: str, definition: str) -> Iterator[str]:
    """CONCURRENTLY, which a partitioned table cannot do: there one per partition, then attached."""
    suffix = f"_{collector}_idx"

    def index(name: str) -> str:
        return name[: _LONGEST_NAME - len(suffix)] + suffix

    for part in parts:
        how = "CREATE INDEX CONCURRENTLY" if part.is_leaf else "CREATE INDEX"
        only = "" if part.is_leaf else "ONLY "
        table = identifier(part.schema, part.name)
        yield f"{how} {identifier(index(part.name))}\n    ON {only}{table} {definition};"
    for part in reversed(parts):
        if part.parent is not None:
            above_schema, above = part.parent
            yield (
                f"ALTER INDEX {identifier(above_schema, index(above))}\n"
                f"    ATTACH PARTITION {identifier(part.schema, index(part.name))};"
            )


def _key(table: SessionTable) -> str:
    raw = _without_alias(table.started_at.raw)
    return raw if re.fullmatch(r'"(?:[^"]|"")*"', raw) else f"({raw})"


def _condition(table: SessionTable) -> str:
    declared = [table.active] if table.source.where is None else [table.exists, table.active]
    return " AND ".join(_without_alias(condition) for condition in declared)


def _include(table: SessionTable) -> tuple[str, str | None]:
    """INCLUDE what else the query reads, if none of it can grow: else the heap is read anyway."""
    texts = [*table.labels, *table.integrity]
    texts += [moment.raw for moment in (table.last_seen_at, table.ended_at) if moment is not None]
    start = set(columns_in(table, [table.started_at.raw]))
    read = [table.relation.columns[name] for name in columns_in(table, texts) if name not in start]
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


def columns_in(table: SessionTable, texts: list[str]) -> list[str]:
    """The columns that expressions mention, in the table's order.

    Words are compared with the real columns, so that what is found may be too much (a function
    named like a column) and never too little; a row used as a whole (`s`, `s.*`) is all columns.
    """
    mentioned: set[str] = set()
    for text in texts:
        code = _STRING.sub("''", text)
        if re.search(r'\bs\b(?!\s*\.\s*[\w"])', code):
            return list(table.relation.columns)
        for quoted, word in _WORD.findall(code):
            mentioned |= {quoted.replace('""', '"')} if quoted else {word.lower()}
    return [name for name in table.relation.columns if name in mentioned]


def _without_alias(sql: str) -> str:
    """Drop `s.`, which an index definition does not know, but not inside quotes."""
    plain = _QUOTED_OR_ALIAS.sub(lambda match: "" if match[0] == "s." else match[0], sql)
    return plain if "--" in plain else plain.replace("(\n", "(").replace("\n)", ")")
