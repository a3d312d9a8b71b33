"""The search path of ROLE: only the schemas that the config uses.

RECOVERY_ROLE keeps its path: closing a session runs triggers of the application, which look up
names in it. So the path is also kept if ROLE itself closes sessions.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from exporter import sessions
from exporter.config import Source
from exporter.config.fields.sql_lexer import fold
from exporter.postgres import Reader
from exporter.queries import array, fill, identifier, literal
from exporter.sessions.expressions.used_objects import find_functions, find_relations
from exporter.sessions.grants import ROLE, Right, by_statements, recovery_texts
from exporter.sessions.sql_names import names
from exporter.text import printable

_FIRST, _LAST = "pg_catalog", "pg_temp"


@dataclass(frozen=True, slots=True)
class PathUse:
    """What a source may look up in the search path."""

    names: frozenset[str]
    is_whole: bool
    """Whether any name may be used: a function or a view looks up names that no expression has."""


async def path_use(reader: Reader, source: Source) -> PathUse:
    """The objects that the table and expressions of a source use. Raises SourceError."""
    table, expressions = await sessions.declared(reader, source)
    texts = list(expressions.values())
    found = set[str]()
    if source.table.schema_ is None:
        found |= {source.table.name, fold(source.table.name)}
    if not by_statements(source):
        texts += recovery_texts(source)
        called = source.recovery.call
        found |= set() if called is None else {called.name, fold(called.name)}
    found = found.union(*map(names, texts))
    others, _ = await find_relations(reader, table, texts)
    functions = await find_functions(reader, texts)
    recovery = source.recovery
    closes = recovery.is_declared and by_statements(source) and recovery.dsn is None
    is_plain = table.is_table and not functions and not await has_view(reader, others)
    return PathUse(frozenset(found), is_whole=closes or not is_plain)


async def has_view(reader: Reader, relations: Iterable[tuple[str, str]]) -> bool:
    """Whether one of these is a view, which uses names that are not in the config."""
    listed = ", ".join(f"({literal(schema)}, {literal(name)})" for schema, name in relations)
    return bool(listed) and bool(await reader.value(fill("roles/has_view", names=listed)))


@dataclass(frozen=True, slots=True)
class Path:
    """The path that ROLE should have in a database, and the commands to set it."""

    schemas: tuple[str, ...]
    """The schemas besides PostgreSQL's own; the role needs USAGE on each."""
    command: str
    """The command that sets it, or a comment with the reason to keep the present one."""
    is_set: bool

    @property
    def rights(self) -> list[Right]:
        """A schema that a role may not use is ignored in its path, as if it did not exist."""
        return [Right("USAGE", schema) for schema in self.schemas]


async def find_path(reader: Reader, database: str, uses: Iterable[PathUse]) -> Path:
    """The path in this database for all its sources. Raises SourceError.

    A path that was set by others is replaced only over a connection of ROLE. It is kept, with a
    comment, if this connection may resolve names differently from that role.
    """
    uses = list(uses)
    statement = fill(
        "roles/printed/search_path",
        role=literal(ROLE),
        whole="true" if any(each.is_whole for each in uses) else "false",
        names=array(sorted(set[str]().union(*(each.names for each in uses)))),
    )
    ((is_role, own, quoted, schemas),) = await reader.rows(statement)
    wanted = ", ".join([_FIRST, *quoted, _LAST])
    command = f"ALTER ROLE {ROLE} IN DATABASE {identifier(database)} SET search_path = {wanted};"
    is_set = own == wanted
    if not (is_set or own is None or is_role or _is_extended(own, quoted)):
        why = "over a connection as that role, `sql role` prints a safe one"
        remark = f"-- {ROLE} has a search_path of its own, {printable(own)}, which is left: {why}."
        return Path((), remark, is_set=True)
    return Path(tuple(schemas), command, is_set)


def _is_extended(own: str, schemas: Iterable[str]) -> bool:
    """Whether a path was printed by this program, and has no schema besides these."""
    first, *others = own.split(", ")
    return first == _FIRST and others[-1:] == [_LAST] and {*others[:-1]} <= {*schemas}
