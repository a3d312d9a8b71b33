"""Why an index cannot or should not hold an expression, as far as is known beforehand."""

from collections.abc import Iterator
from dataclasses import dataclass

from exporter.postgres import Reader
from exporter.queries import fill, literal
from exporter.sessions.indexes.heartbeats import written_columns
from exporter.sessions.session_table import SessionTable
from exporter.sessions.sql_names import SYSTEM_COLUMNS, chains, names
from exporter.text import some_of

#: Words of SQL whose value depends on the time or the session.
_MUTABLE = {"current_timestamp", "current_time", "current_date", "localtime", "localtimestamp"}
_MUTABLE |= {"current_user", "session_user", "user", "current_role", "current_catalog"}
_MUTABLE |= {"current_schema"}


@dataclass(frozen=True, slots=True)
class Obstacles:
    """The obstacles to indexing the expressions of one table."""

    table: SessionTable
    written: frozenset[str]
    mutable: frozenset[str]
    """Functions that they call and that are never immutable."""

    def of(self, text: str) -> str | None:
        """The obstacle for an expression, with its config key; None if none is known.

        Only PostgreSQL knows for certain whether a cast or an operator is immutable.
        """
        return next(self._of(text), None)

    def _of(self, text: str) -> Iterator[str]:
        columns = self.table.relation.columns
        read = self.table.relation.columns_in([text])
        words = {chain.names[0] for chain in chains(text) if not chain.is_quoted}
        if self.table.relation.uses_row(text):
            yield "uses the row s as a whole, which cannot be part of an index; name its columns"
        for name in read:
            if columns[name].virtual:
                yield (
                    f"reads {name}, a virtual generated column, which PostgreSQL cannot index; "
                    f"write its expression instead: {columns[name].virtual}"
                )
        if words & {"select", "table"}:
            yield "has a subquery, which cannot be part of an index"
        functions = {f"{name}()" for name in _called(text) & self.mutable}
        if mutable := functions | (words & _MUTABLE):
            yield f"uses {some_of(sorted(mutable))}, which is not immutable as an index demands"
        if system := (names(text) & SYSTEM_COLUMNS) - {*columns}:
            yield f"reads {some_of(sorted(system))}, and PostgreSQL indexes no system column"
        if written := [name for name in read if name in self.written]:
            yield (
                f"reads {some_of(written)}, which each sign of life writes: an index with it "
                "would slow down these updates"
            )
        if not read:
            yield "reads no column, so that an index would find no fewer rows"


async def find_obstacles(reader: Reader, table: SessionTable, texts: list[str]) -> Obstacles:
    """Ask PostgreSQL which functions of these expressions are never immutable."""
    functions = set[str]().union(*map(_called, texts))
    listed = ", ".join(map(literal, sorted(functions))) or "NULL"
    rows = await reader.rows(fill("indexes/mutable_functions", names=listed))
    return Obstacles(table, frozenset(written_columns(table)), frozenset(name for (name,) in rows))


def _called(sql: str) -> set[str]:
    """The names before a parenthesis: every function that is called, and other words."""
    return {chain.names[-1] for chain in chains(sql) if chain.after.text == "("}
