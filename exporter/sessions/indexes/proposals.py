"""The exact command for a missing index, or the reason why there is none.

The exporter never creates an index; a DBA reads these commands and runs them. An index holds as
little as possible, because it costs each write of the application: only the start, and only of the
active rows if no others are read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, count
from typing import NamedTuple

from exporter.postgres import Reader
from exporter.queries import fill, fit_name, identifier, literal
from exporter.sessions import SessionTable
from exporter.sessions.conditions import conditions_of, fixed_column
from exporter.sessions.indexes import coverage
from exporter.sessions.indexes.obstacles import Obstacles, find_obstacles
from exporter.sessions.relation import KINDS
from exporter.sessions.sql_names import code, without_alias
from exporter.text import some_of

_COLUMN = re.compile(r'"(?:[^"]|"")*"')

#: A comment beside a command with an expression. Only PostgreSQL knows, when it creates the index.
MUST_BE_IMMUTABLE = (
    "PostgreSQL refuses the index if an expression in it is not immutable, such as a cast that "
    "depends on a setting"
)

#: Why a relation has no index for its rows.
_WITHOUT_INDEX = {
    "view": "an index belongs on the tables below it, on the column behind started_at",
    "foreign table": "an index belongs on the table on its server",
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """The commands for one collector that a DBA should run; none if no index is possible."""

    collector: str
    is_served: bool
    commands: tuple[str, ...]
    remark: str | None = None


class _Part(NamedTuple):
    """A table, or one of its partitions or children."""

    schema: str
    name: str
    parent_schema: str | None
    parent: str | None
    kind: str
    """As in pg_class: `r` is a table, `p` a partitioned and `f` a foreign one."""


_Name = tuple[str, str]
#: The definition after the name of the table, or None if no index is possible; and remarks.
_Definition = tuple[str | None, list[str]]


async def propose(reader: Reader, table: SessionTable) -> list[Proposal]:
    """For each collector its commands, and whether it already has a usable index."""
    missing = await coverage.missing(reader, table)
    kind = table.relation.kind
    if kind in _WITHOUT_INDEX:
        why = f"{table.table} is a {kind}: {_WITHOUT_INDEX[kind]}"
        return [Proposal(name, not unserved, (), why) for name, unserved in missing.items()]
    obstacles = await find_obstacles(reader, table, [table.started_at.raw, table.rows])
    oid = str(table.relation.oid)
    parts = [_Part(*row) for row in await reader.rows(fill("indexes/partitions", oid=oid))]
    foreign = [
        f"{identifier(part.schema, part.name)} is a {KINDS['f']}: {_WITHOUT_INDEX[KINDS['f']]}"
        for part in parts
        if part.kind == "f"
    ]
    schemas = ", ".join(map(literal, sorted({part.schema for part in parts}))) or "NULL"
    rows = await reader.rows(fill("indexes/taken", schemas=schemas))
    taken = {(schema, name): is_broken for schema, name, is_broken in rows}
    proposals = []
    for collector, unserved in missing.items():
        definition, remarks = _DEFINITIONS[collector](table, obstacles)
        # Two sources on one table need two indexes: the name contains the source.
        source, name = table.source.name, table.relation.name
        purpose = collector if source == name else f"{source}_{collector}"
        broken = _broken(parts, purpose, taken) if unserved and definition else []
        names = _choose_names(parts, purpose, taken if unserved else {})
        commands = tuple(_commands(parts, names, definition)) if definition else ()
        remark = some_of([*remarks, *foreign, *broken], between="; ") or None
        proposals.append(Proposal(collector, not unserved, commands, remark))
    return proposals


def _broken(parts: list[_Part], purpose: str, taken: Mapping[_Name, bool]) -> list[str]:
    """A sentence for each index that was left by a command that failed."""
    names = ((part.schema, fit_name(f"{part.name}_{purpose}", "_idx")) for part in parts)
    return [
        f"{identifier(*name)} is not valid, as CREATE INDEX CONCURRENTLY leaves it when it "
        "fails: drop it with DROP INDEX CONCURRENTLY"
        for name in names
        if taken.get(name)
    ]


def _choose_names(parts: list[_Part], purpose: str, taken: dict[_Name, bool]) -> dict[_Name, str]:
    """A name for each part, with a number if it is taken, as PostgreSQL does itself.

    Names that other relations in the schema have are `taken`.
    """
    chosen = {}
    for part in parts:
        endings = chain(["_idx"], (f"_idx{number}" for number in count(1)))
        names = (fit_name(f"{part.name}_{purpose}", ending) for ending in endings)
        name = next(each for each in names if (part.schema, each) not in taken)
        taken[part.schema, name] = False
        chosen[part.schema, part.name] = name
    return chosen


def _of_start(table: SessionTable, obstacles: Obstacles) -> _Definition:
    """The start of every row."""
    start = table.started_at.raw
    if obstacle := obstacles.of(start):
        return None, [f"started_at {obstacle}"]
    return f"({_key(start)})", _reminder([start])


def _of_active(table: SessionTable, obstacles: Obstacles) -> _Definition:
    """A column of the active rows, without the conditions that an index cannot hold."""
    conditions = conditions_of(table)
    held = [
        (key, text)
        for key, text in conditions
        if not obstacles.of(text) and not _is_certain(table, text)
    ]
    index_key = next((k for k in _possible_keys(table, obstacles) if not obstacles.of(k)), None)
    wanted = conditions if index_key else [*conditions, ("started_at", table.started_at.raw)]
    found = [(key, obstacles.of(text)) for key, text in wanted]
    problems = [*dict.fromkeys(f"{key} {obstacle}" for key, obstacle in found if obstacle)]
    if index_key is None or table.deciding_key not in dict(held):
        return None, problems
    texts = [text for _, text in held]
    predicate = " AND ".join(f"({without_alias(text)})" for text in texts)
    without = ["this index does without that"] if problems else []
    remarks = [*problems, *without, *_reminder([index_key, *texts])]
    return f"({_key(index_key)}) WHERE {predicate}", remarks


def _is_certain(table: SessionTable, condition: str) -> bool:
    """Whether a constraint implies it: PostgreSQL 18 drops it from queries, not from indexes."""
    name, *rest = code(without_alias(condition))
    column = table.relation.columns.get(name.value)
    is_test = [token.text.lower() for token in rest] == ["is", "not", "null"]
    return is_test and column is not None and column.is_not_null


def _possible_keys(table: SessionTable, obstacles: Obstacles) -> list[str]:
    """The start as a column, the times and numbers that it reads, the id; last an expression.

    Any key finds the active rows, but only a column is certainly accepted by PostgreSQL. A value
    that does not fit into an index would make the application's writes fail.
    """
    relation, start = table.relation, table.started_at.raw
    read = relation.columns_in([start])
    is_column = fixed_column(start) is not None
    times = [name for name in read if is_column or relation.columns[name].counts_time]
    if obstacles.written & {*read}:
        times = []  # what is added to a time that is written is written with it
    ids = relation.columns_in(table.id)
    columns = [*times, *(name for name in ids if relation.columns[name].is_small)]
    return [*(f"s.{identifier(name)}" for name in columns), start]


def _reminder(texts: list[str]) -> list[str]:
    is_plain = all(_COLUMN.fullmatch(without_alias(text)) for text in texts)
    return [] if is_plain else [MUST_BE_IMMUTABLE]


def _key(text: str) -> str:
    key = without_alias(text)
    return key if _COLUMN.fullmatch(key) else f"({key})"


#: The key of the index of each collector.
_DEFINITIONS = {"active": _of_active, "daily": _of_start}


def _commands(parts: list[_Part], names: Mapping[_Name, str], definition: str) -> Iterator[str]:
    """CONCURRENTLY, which a partitioned table cannot do: there one per partition, then attached."""
    indexed = [part for part in parts if part.kind != "f"]
    for part in indexed:
        how, only = ("", "ONLY ") if part.kind == "p" else ("CONCURRENTLY ", "")
        index = identifier(names[part.schema, part.name])
        table = identifier(part.schema, part.name)
        yield f"CREATE INDEX {how}{index}\n    ON {only}{table} {definition};"
    for part in reversed(indexed):
        if part.parent_schema is not None and part.parent is not None:
            above = identifier(part.parent_schema, names[part.parent_schema, part.parent])
            index = identifier(part.schema, names[part.schema, part.name])
            yield f"ALTER INDEX {above}\n    ATTACH PARTITION {index};"
