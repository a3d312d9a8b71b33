"""Reads pg_stat_statements: how the application itself moves the heartbeat, and ends a session.

PostgreSQL has replaced the constants. A statement is taken apart into names of columns, and its
text is never printed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from exporter.discover.facts import ServerFacts, TableFacts
from exporter.errors import SourceError
from exporter.postgres import Reader
from exporter.queries import fill, literal

_NAME = r'(?:"(?:[^"]|"")+"|[a-z_][\w$]*)'
_UPDATE = re.compile(
    rf"\s*update\s+(?:only\s+)?(?:({_NAME})\s*\.\s*)?({_NAME})(?:\s+(?:as\s+)?(?!set\b){_NAME})?"
    r"\s+set\s+(.*?)(?:\s+from\s.*?)?(?:\s+where\s+(.*?))?(?:\s+returning\s.*)?\s*;?\s*",
    re.IGNORECASE | re.DOTALL,
)
_ASSIGNED = re.compile(rf"(?:^|,)\s*(?:{_NAME}\s*\.\s*)?({_NAME})\s*=(?!=)", re.IGNORECASE)
_USED = re.compile(_NAME, re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class UpdateStatement:
    """An UPDATE of the application: what it sets and what it asks for, by names of columns."""

    schema: str | None
    table: str
    sets: tuple[str, ...]
    asks: frozenset[str]
    calls: int

    def is_of(self, table: TableFacts) -> bool:
        """Whether it updates this table; without a schema it may be one of the same name."""
        is_there = self.schema in {None, table.schema}
        return is_there and self.table == table.name and set(self.sets) <= table.columns.keys()


async def read_updates(
    reader: Reader, server: ServerFacts, tables: Iterable[TableFacts]
) -> list[UpdateStatement]:
    """The statements that update the tables, most frequent first; none where it cannot be read."""
    names = sorted({re.escape(each.name) for each in tables})
    if server.statements_schema is None or not names:
        return []
    pattern = rf"\y({'|'.join(names)})\y"
    statement = fill("discover/statements", schema=server.statements_schema, names=literal(pattern))
    try:
        rows = await reader.rows(statement)
    except SourceError:  # the role may not read it, or its library is not loaded
        return []
    parsed = (parse_update(query, calls) for query, calls in rows)
    return [each for each in parsed if each is not None]


def parse_update(query: str, calls: int) -> UpdateStatement | None:
    """None where it is no plain UPDATE of one table."""
    match = _UPDATE.fullmatch(query)
    if match is None:
        return None
    schema, table, assignments, condition = match.groups()
    sets = tuple(_plain(each) for each in _ASSIGNED.findall(_outside_parentheses(assignments)))
    asks = frozenset(_plain(each) for each in _USED.findall(condition or ""))
    if not sets:
        return None
    return UpdateStatement(_plain(schema) if schema else None, _plain(table), sets, asks, calls)


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def _outside_parentheses(text: str) -> str:
    """The text without what stands in parentheses: calls and subqueries have commas too."""
    kept, depth = [], 0
    for character in text:
        depth -= character == ")"
        if depth == 0:
            kept.append(character)
        depth += character == "("
    return "".join(kept)
