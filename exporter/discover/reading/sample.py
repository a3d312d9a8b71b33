"""Reads a bounded sample of rows: times, states and flags, and never an id or a text of a user."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from exporter.discover.facts import ColumnFacts, TableFacts
from exporter.discover.roles.roles import Role
from exporter.postgres import Reader
from exporter.queries import fill, identifier, literal

#: Rows of a sample.
ROWS = 2000

#: Of a state, in characters: a longer one is none.
LONGEST_STATE = 64

#: What is read of each column with one of these roles.
_TIMES = (
    *(Role.START, Role.CREATION, Role.END, Role.OTHER_END, Role.DELETION, Role.SEEN, Role.UPDATED),
    *(Role.EXPIRY, Role.PLANNED),
)

#: A column of messages whose last one may have a time: a sign of life inside JSON.
MESSAGE_COLUMNS = frozenset({"messages", "events", "turns", "transcript", "history", "log"})


@dataclass(frozen=True, slots=True)
class RowSample:
    """Some rows, by column; times are seconds since 1970, or the number that is stored."""

    count: int = 0
    values: dict[str, Sequence[Any]] = field(default_factory=dict)
    is_whole: bool = False
    """Whether these are all rows of the table."""
    now: float = 0.0
    """Unix time at which they were read, by the database's clock."""
    message_times: Sequence[str] = ()
    """The columns of messages whose last one has a time."""

    def of(self, column: ColumnFacts | None) -> Sequence[Any]:
        """The values of a column; empty where it was not read."""
        return () if column is None else self.values.get(column.name, ())


async def read_sample(
    reader: Reader, table: TableFacts, roles: dict[Role, list[ColumnFacts]], *, most: int = ROWS
) -> RowSample:
    """Raises SourceError."""
    chosen: list[ColumnFacts] = []
    expressions: list[str] = []
    for role in (*_TIMES, Role.STATUS, Role.FLAG, Role.DURATION):
        for column in roles[role]:
            if column.is_readable:
                chosen.append(column)
                expressions.append(_expression(column, role))
    if not expressions:
        return RowSample()
    messages = [
        each
        for each in table.columns.values()
        if each.base_type == "jsonb" and each.name.lower() in MESSAGE_COLUMNS and each.is_readable
    ]
    expressions += [_has_message_time(each) for each in messages]
    rows = await reader.rows(
        fill(
            "discover/sample",
            columns=",\n    ".join(expressions),
            table=identifier(table.schema, table.name),
            order=_order(table),
            most=literal(str(most)),
        )
    )
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(expressions)
    return RowSample(
        count=len(rows),
        values={column.name: values for column, values in zip(chosen, columns, strict=False)},
        is_whole=len(rows) < most,
        now=reader.began_at,
        message_times=tuple(
            each.name
            for each, found in zip(messages, columns[len(chosen) :], strict=True)
            if sum(found) > len(found) / 2
        ),
    )


def stored(column: ColumnFacts) -> str:
    """A time as a number: of a timestamp the seconds since 1970, infinity too."""
    name = f"s.{identifier(column.name)}"
    if column.is_timestamp or column.base_type == "interval":
        return f"pg_catalog.date_part('epoch', {name})"
    return f"{name}::float8"


def _expression(column: ColumnFacts, role: Role) -> str:
    name = f"s.{identifier(column.name)}"
    if role is Role.STATUS:
        return f"pg_catalog.left({name}::pg_catalog.text, {LONGEST_STATE + 1}::int4)"
    return name if column.is_bool else stored(column)


def _has_message_time(column: ColumnFacts) -> str:
    name = f"s.{identifier(column.name)}"
    # An index that the array lacks, and an operator on what is no array, give NULL.
    last = (
        f"(({name} OPERATOR(pg_catalog.->) '-1'::int4) OPERATOR(pg_catalog.->>) 'timestamp'::text)"
    )
    return (
        f"coalesce({last} OPERATOR(pg_catalog.~) '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}'::text, false)"
    )


def _order(table: TableFacts) -> str:
    """By the key, newest first, where an index gives that order without a sort."""
    for index in table.indexes:
        names = [each for each in index.columns if each is not None]
        if index.is_primary and len(names) == len(index.columns) and not table.is_view:
            return "ORDER BY " + ", ".join(f"s.{identifier(each)} DESC" for each in names)
    return ""
