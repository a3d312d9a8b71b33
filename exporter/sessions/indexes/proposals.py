"""The exact command for a missing index, or the sentence why there is none.

The exporter never creates an index; a DBA reads these commands and runs them. An index holds as
little as it needs to serve, because the application pays for it with each of its writes: the start,
of the active rows alone where those are all that is read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, count

from exporter.postgres import Reader
from exporter.queries import fill, fit_name, identifier, literal
from exporter.sessions import SessionTable
from exporter.sessions.conditions import conjuncts, fixed_column
from exporter.sessions.indexes import coverage
from exporter.sessions.indexes.obstacles import Obstacles, find_obstacles
from exporter.sessions.relation import KINDS
from exporter.sessions.sql_names import code, without_alias

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


class _Names:
    """The names of indexes, which are those of no other relation in their schema."""

    def __init__(self, taken: Mapping[tuple[str, str], bool] | None = None) -> None:
        """`taken` says of schemas and names whether each is an index that is not valid."""
        self._taken = dict(taken or {})

    def choose(self, parts: list[_Part], purpose: str) -> dict[tuple[str, str], str]:
        """A name for each part, with a number where one is taken, as PostgreSQL does itself."""
        chosen = {}
        for part in parts:
            endings = chain(["_idx"], (f"_idx{number}" for number in count(1)))
            names = (fit_name(f"{part.name}_{purpose}", ending) for ending in endings)
            name = next(each for each in names if (part.schema, each) not in self._taken)
            self._taken[part.schema, name] = False
            chosen[part.schema, part.name] = name
        return chosen

    def broken(self, parts: list[_Part], purpose: str) -> list[str]:
        """A sentence for each index that was left by a command that failed."""
        names = ((part.schema, fit_name(f"{part.name}_{purpose}", "_idx")) for part in parts)
        return [
            f"{identifier(*name)} is not valid, as CREATE INDEX CONCURRENTLY leaves it when it "
            "fails: drop it with DROP INDEX CONCURRENTLY"
            for name in names
            if self._taken.get(name)
        ]


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
    names = await _find_names(reader, parts)
    proposals = []
    for collector, unserved in missing.items():
        definition = (_of_active if collector == "active" else _of_start)(table, obstacles)
        # Two sources on one table want two indexes: the name says whose it is.
        source, name = table.source.name, table.relation.name
        purpose = collector if source == name else f"{source}_{collector}"
        sql = definition.sql
        named = names.choose(parts, purpose) if unserved else _Names().choose(parts, purpose)
        commands = () if sql is None else tuple(_commands(parts, named, sql))
        broken = names.broken(parts, purpose) if unserved and commands else []
        remark = "; ".join([*definition.remarks, *foreign, *broken]) or None
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
    held = {
        key: [
            each
            for each in declared[key]
            if not obstacles.of(each) and not _is_certain(table, each)
        ]
        for key in declared
    }
    keys = [text for text in _possible_keys(table, obstacles) if not obstacles.of(text)]
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


def _is_certain(table: SessionTable, condition: str) -> bool:
    """Whether a constraint says so: PostgreSQL 18 drops it from a query, and not from an index."""
    name, *rest = code(without_alias(condition))
    column = table.relation.columns.get(name.value)
    is_test = [token.text.lower() for token in rest] == ["is", "not", "null"]
    return is_test and column is not None and column.is_not_null


def _possible_keys(table: SessionTable, obstacles: Obstacles) -> list[str]:
    """The start as a column, the times and numbers that it reads, the id; at last an expression.

    Any key finds the active rows, and only of a column it is certain that PostgreSQL accepts it;
    and a value that does not fit in an index makes the application's own writes fail.
    """
    relation, start = table.relation, table.started_at.raw
    read = relation.columns_in([start])
    is_column = fixed_column(start) is not None
    times = [name for name in read if is_column or relation.columns[name].counts_time]
    if obstacles.written & {*read}:
        times = []  # what is added to a time that is written is written with it
    ids = relation.columns_in([table.id or ""])
    columns = [*times, *(name for name in ids if relation.columns[name].is_small)]
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


async def _find_names(reader: Reader, parts: list[_Part]) -> _Names:
    schemas = ", ".join(literal(name) for name in sorted({part.schema for part in parts}))
    rows = await reader.rows(fill("indexes/taken", schemas=schemas or "NULL"))
    return _Names({(schema, name): is_broken for schema, name, is_broken in rows})


def _commands(
    parts: list[_Part], names: Mapping[tuple[str, str], str], definition: str
) -> Iterator[str]:
    """CONCURRENTLY, which a partitioned table cannot do: there one per partition, then attached."""
    indexed = [part for part in parts if part.kind != "f"]
    for part in indexed:
        how, only = ("", "ONLY ") if part.kind == "p" else ("CONCURRENTLY ", "")
        index = identifier(names[part.schema, part.name])
        table = identifier(part.schema, part.name)
        yield f"CREATE INDEX {how}{index}\n    ON {only}{table} {definition};"
    for part in reversed(indexed):
        if part.parent is not None:
            above, index = (
                identifier(schema, names[schema, name])
                for schema, name in (part.parent, (part.schema, part.name))
            )
            yield f"ALTER INDEX {above}\n    ATTACH PARTITION {index};"
