"""The exact command for a missing index, or the sentence why there is none.

The exporter never creates an index; a DBA reads these commands and runs them. An index holds as
little as it needs to serve, because the application pays for it with each of its writes: the start,
of the active rows alone where those are all that is read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from exporter.postgres import Reader
from exporter.queries import fill, fit_name, identifier
from exporter.sessions import SessionTable
from exporter.sessions.conditions import conjuncts, fixed_column
from exporter.sessions.indexes import coverage
from exporter.sessions.indexes.obstacles import Obstacles, find_obstacles
from exporter.sessions.relation import KINDS
from exporter.sessions.sql_names import without_alias

_COLUMN = re.compile(r'"(?:[^"]|"")*"')

#: Beside a command with an expression in it. Only PostgreSQL can tell, when it creates the index.
MUST_BE_IMMUTABLE = (
    "PostgreSQL refuses this if an expression is not immutable, such as a cast that depends on a "
    "setting"
)

#: Why a relation has no index for its rows.
_WITHOUT_INDEX = {
    "view": "an index belongs on the tables below it, on the column behind started_at",
    "foreign table": "an index belongs on the table on its server",
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a DBA is asked to run for one collector; no commands where none can be offered."""

    collector: str
    is_served: bool
    commands: tuple[str, ...]
    remark: str | None = None


@dataclass(frozen=True, slots=True)
class _Definition:
    """What comes after the name of the table; None where there is none, for these reasons."""

    sql: str | None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    """A table, or one of its partitions or children."""

    schema: str
    name: str
    parent: tuple[str, str] | None
    kind: str
    """As in pg_class: `r` is a table, `p` a partitioned and `f` a foreign one."""


async def propose(reader: Reader, table: SessionTable) -> list[Proposal]:
    """For each collector its commands, and whether an index serves it already."""
    missing = await coverage.missing(reader, table)
    kind = table.relation.kind
    if kind in _WITHOUT_INDEX:
        why = f"{table.table} is a {kind}: {_WITHOUT_INDEX[kind]}"
        return [Proposal(name, not unserved, (), why) for name, unserved in missing.items()]
    obstacles = await find_obstacles(reader, table, [table.started_at.raw, table.rows])
    parts = await _parts(reader, table)
    foreign = [
        f"{identifier(part.schema, part.name)} is a {KINDS['f']}: {_WITHOUT_INDEX[KINDS['f']]}"
        for part in parts
        if part.kind == "f"
    ]
    proposals = []
    for collector, unserved in missing.items():
        definition = (_of_active if collector == "active" else _of_start)(table, obstacles)
        # Two sources on one table want two indexes: the name says whose it is.
        source, name = table.source.name, table.relation.name
        purpose = collector if source == name else f"{source}_{collector}"
        sql = definition.sql
        commands = () if sql is None else tuple(_commands(parts, purpose, sql))
        remark = "; ".join([*definition.remarks, *foreign]) or None
        proposals.append(Proposal(collector, not unserved, commands, remark))
    return proposals


def _of_start(table: SessionTable, obstacles: Obstacles) -> _Definition:
    """The start of every row."""
    start = table.started_at.raw
    if obstacle := obstacles.of(start):
        return _Definition(None, (f"started_at {obstacle}",))
    return _Definition(f"({_key(start)})", _reminder([start]))


def _of_active(table: SessionTable, obstacles: Obstacles) -> _Definition:
    """A column of the active rows, without the conditions that an index cannot hold."""
    declared = {
        key: conjuncts(table.expressions[key])
        for key in ("where", "active")
        if key in table.expressions
    }
    held = {key: [each for each in declared[key] if not obstacles.of(each)] for key in declared}
    keys = [text for text in _possible_keys(table) if not obstacles.of(text)]
    if not keys:
        declared["started_at"] = [table.started_at.raw]
    problems = tuple(
        dict.fromkeys(
            f"{key} {obstacle}"
            for key, texts in declared.items()
            for text in texts
            if (obstacle := obstacles.of(text))
        )
    )
    if not keys or not held["active"]:
        return _Definition(None, problems)
    conditions = [each for key in held for each in held[key]]
    predicate = " AND ".join(f"({without_alias(each)})" for each in conditions)
    without = ("this index does without that",) if problems else ()
    remarks = (*problems, *without, *_reminder([keys[0], *conditions]))
    return _Definition(f"({_key(keys[0])}) WHERE {predicate}", remarks)


def _possible_keys(table: SessionTable) -> list[str]:
    """The start as a column, the times and numbers that it reads, the id; at last an expression.

    Any key finds the active rows, and only of a column it is certain that PostgreSQL accepts it.
    """
    relation, start = table.relation, table.started_at.raw
    read = relation.columns_in([start])
    is_column = fixed_column(start) is not None
    times = [name for name in read if is_column or relation.columns[name].counts_time]
    columns = [*times, *relation.columns_in([table.id or ""])]
    return [*(f"s.{identifier(name)}" for name in columns), start]


def _reminder(texts: list[str]) -> tuple[str, ...]:
    is_plain = all(_COLUMN.fullmatch(without_alias(text)) for text in texts)
    return () if is_plain else (MUST_BE_IMMUTABLE,)


def _key(text: str) -> str:
    key = without_alias(text)
    return key if _COLUMN.fullmatch(key) else f"({key})"


async def _parts(reader: Reader, table: SessionTable) -> list[_Part]:
    rows = await reader.rows(fill("indexes/partitions", oid=str(table.relation.oid)))
    return [
        _Part(schema, name, (above_schema, above) if above else None, kind)
        for schema, name, above_schema, above, kind in rows
    ]


def _commands(parts: list[_Part], purpose: str, definition: str) -> Iterator[str]:
    """CONCURRENTLY, which a partitioned table cannot do: there one per partition, then attached."""
    indexed = [part for part in parts if part.kind != "f"]
    for part in indexed:
        how, only = ("", "ONLY ") if part.kind == "p" else ("CONCURRENTLY ", "")
        index = identifier(_index_name(part.name, purpose))
        table = identifier(part.schema, part.name)
        yield f"CREATE INDEX {how}{index}\n    ON {only}{table} {definition};"
    for part in reversed(indexed):
        if part.parent is not None:
            above, index = (
                identifier(schema, _index_name(name, purpose))
                for schema, name in (part.parent, (part.schema, part.name))
            )
            yield f"ALTER INDEX {above}\n    ATTACH PARTITION {index};"


def _index_name(table: str, purpose: str) -> str:
    return fit_name(f"{table}_{purpose}", "_idx")
