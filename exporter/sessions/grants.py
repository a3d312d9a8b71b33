"""The rights of each role, which `sql role` prints, `check --live` compares and the demo grants."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from exporter import sessions
from exporter.config import Source
from exporter.postgres import Reader
from exporter.queries import fill, identifier
from exporter.sessions.relation import Relation
from exporter.sessions.used_objects import find_functions, find_relations, find_schemas

#: Collects; where a function closes sessions, it also finds them.
ROLE = "session_exporter"
#: Closes sessions, by statements of its own or by calling the functions of `sql function`.
RECOVERY_ROLE = "session_exporter_recovery"
#: Owns the functions of `sql function`, which run with its rights.
DEFINER_ROLE = "session_exporter_definer"

_SCHEMA = "session_exporter"
#: A condition on the version of a row reads these; SELECT on each column does not include them.
_SYSTEM_COLUMNS = ("xmin", "ctid", "tableoid")
#: In the printed functions: which transaction has locked a row.
_LOCK_COLUMN = "xmax"


@dataclass(frozen=True, slots=True)
class Right:
    """One privilege on a schema, on a table or on some of its columns, or on a function."""

    privilege: str
    schema: str
    table: str | None = None
    columns: tuple[str, ...] = ()
    function: str = ""
    """The signature as SQL; then `schema` and `table` say nothing."""

    @property
    def target(self) -> str:
        """What it is a right on, as GRANT names it."""
        if self.function:
            return f"FUNCTION {self.function}"
        path = [self.schema] if self.table is None else [self.schema, self.table]
        name = ".".join(map(self._quoted, path))
        return f"SCHEMA {name}" if self.table is None else name

    def grant(self, role: str) -> str:
        """The command that grants it to a role, whose name is an SQL identifier."""
        columns = f" ({', '.join(map(self._quoted, self.columns))})" if self.columns else ""
        return f"GRANT {self.privilege}{columns} ON {self.target} TO {role};"

    def _quoted(self, name: str) -> str:
        # The names of our own schema need no quotes, and read better without.
        return name if self.schema == _SCHEMA else identifier(name)


Condition = Callable[[Source], bool]


def _always(_source: Source) -> bool:
    return True


def _by_statements(source: Source) -> bool:
    return source.recovery.call is None


def _maintains(source: Source) -> bool:
    """Whether the daemon maintains the audit by statements of its own."""
    return _by_statements(source) and source.recovery.mode == "auto"


def _delivers(source: Source) -> bool:
    return source.recovery.webhook is not None


def _writes_or_delivers(source: Source) -> bool:
    return _by_statements(source) or _delivers(source)


def _reads(source: Source) -> bool:
    """Whether sessions are found and counted with the connection of collection."""
    recovery = source.recovery
    return recovery.is_declared and (recovery.call is not None or recovery.dsn is None)


@dataclass(frozen=True, slots=True)
class AuditRight:
    """A right on the audit's schema, and for which sources each role needs it."""

    privilege: str
    table: str | None
    needed_by: Mapping[str, Condition]
    columns: tuple[str, ...] = ()

    @property
    def right(self) -> Right:
        """The right without its conditions."""
        return Right(self.privilege, _SCHEMA, self.table, self.columns)


#: A row's own time and role are the defaults of their columns, which no role may write.
_INSERTED = (
    *("run", "source", "relation", "session", "trigger", "rule", "evidence", "before", "after"),
    *("row_version", "next_attempt_at"),
)
_DELIVERY = ("next_attempt_at", "attempts", "notified_at")

_EVERY_ROLE = {ROLE: _reads, RECOVERY_ROLE: _always, DEFINER_ROLE: _always}
_READERS = {ROLE: _reads, RECOVERY_ROLE: _writes_or_delivers, DEFINER_ROLE: _always}
#: The functions do all of their work in each mode.
_WRITERS = {RECOVERY_ROLE: _by_statements, DEFINER_ROLE: _always}
_MAINTAINERS = {RECOVERY_ROLE: _maintains, DEFINER_ROLE: _always}

AUDIT_RIGHTS = (
    AuditRight("USAGE", None, _EVERY_ROLE),
    AuditRight("SELECT", "recovery", _READERS),
    AuditRight("INSERT", "recovery", _WRITERS, _INSERTED),
    AuditRight("UPDATE", "recovery", _WRITERS, ("undone_at",)),
    AuditRight("UPDATE", "recovery", _MAINTAINERS, ("contradicted_at",)),
    AuditRight("DELETE", "recovery", _MAINTAINERS),
    AuditRight("UPDATE", "recovery", {RECOVERY_ROLE: _delivers}, _DELIVERY),
    AuditRight("SELECT", "pause", _EVERY_ROLE),
    AuditRight("INSERT", "pause", {RECOVERY_ROLE: _always}, ("source", "reason")),
    AuditRight("DELETE", "pause", {RECOVERY_ROLE: _always}),
)


def audit_rights(source: Source, *, role: str) -> list[Right]:
    """The rights on the audit's schema that one of the three roles needs for a source."""
    return [
        each.right
        for each in AUDIT_RIGHTS
        if role in each.needed_by and each.needed_by[role](source)
    ]


async def closing_rights(reader: Reader, source: Source, *, role: str) -> list[Right]:
    """The rights of a role to close sessions, besides those to read what expressions mention.

    ROLE only finds them, for a function that RECOVERY_ROLE calls; that one has no right on a table
    of an application then.
    """
    audit = audit_rights(source, role=role)
    if role == RECOVERY_ROLE and not _by_statements(source):
        return audit
    table, _ = await sessions.declared(reader, source)
    seen = (*_SYSTEM_COLUMNS, _LOCK_COLUMN) if role == DEFINER_ROLE else _SYSTEM_COLUMNS
    rights = [Right("SELECT", table.schema, table.name, seen)]
    if role != ROLE:
        recovery = source.recovery
        written = [*recovery.set, *([recovery.mark.column] if recovery.mark is not None else [])]
        columns = tuple(table.column(word).name for word in written)
        rights.append(Right("UPDATE", table.schema, table.name, columns))
    return [*rights, *audit]


def grants_of(rights: Iterable[Right], role: str) -> list[str]:
    """The commands that grant these rights to a role, whose name is an SQL identifier.

    A privilege on all of a table includes the same one on its columns.
    """
    rights = list(dict.fromkeys(rights))
    whole = {(each.privilege, each.schema, each.table) for each in rights if not each.columns}
    return [
        each.grant(role)
        for each in rights
        if not (each.columns and (each.privilege, each.schema, each.table) in whole)
    ]


async def database_name(reader: Reader) -> str:
    """The name by which GRANT CONNECT knows the database."""
    return str(await reader.value(fill("catalog/current_database")))


async def grants(reader: Reader, source: Source) -> list[str]:
    """The grants for collection of one source: its schema, its columns, and what expressions use.

    That is tables and views in subqueries, functions outside PostgreSQL's own schema, and the
    schemas of types and operators. Read from the catalog alone, which takes no rights.
    """
    table, expressions = await sessions.declared(reader, source)
    texts, rights = list(expressions.values()), list[Right]()
    if not _by_statements(source):
        texts += _recovery_texts(source)
        rights = await closing_rights(reader, source, role=ROLE)
    elif await reader.value(fill("recovery/audit/exists")):
        rights = audit_rights(source, role=ROLE)
    return grants_of([*await _reading_rights(reader, table, texts), *rights], ROLE)


async def recovery_grants(reader: Reader, source: Source, *, role: str) -> list[str]:
    """The grants to recover one source, for the role that closes or for the functions' owner."""
    closing = await closing_rights(reader, source, role=role)
    if role == RECOVERY_ROLE and not _by_statements(source):
        printing = "-- EXECUTE on the functions is granted by: session-exporter sql function SOURCE"
        return [*grants_of(closing, role), printing]
    table, expressions = await sessions.declared(reader, source)
    texts = [*expressions.values(), *_recovery_texts(source)]
    return grants_of([*await _reading_rights(reader, table, texts), *closing], role)


def _recovery_texts(source: Source) -> list[str]:
    """Every expression of a source's recovery, and the columns that it writes."""
    recovery = source.recovery
    mark = [recovery.mark.column] if recovery.mark is not None else []
    return [
        *recovery.set,
        *mark,
        *(text.replace("{end}", "NULL") for text in recovery.set.values()),
        *(each.sql for each in recovery.returning),
        *filter(None, (recovery.end_at, recovery.evidence, recovery.exempt, recovery.server)),
    ]


async def _reading_rights(reader: Reader, table: Relation, texts: list[str]) -> list[Right]:
    """What it takes to evaluate expressions over a table."""
    columns = table.columns_in(texts)
    others, is_read_whole = await find_relations(reader, table, texts)
    if is_read_whole or len(columns) == len(table.columns):
        columns = []
    functions = await find_functions(reader, texts)
    schemas = [
        table.schema,
        *(schema for schema, _ in others),
        *(schema for schema, _, _ in functions),
        *await find_schemas(reader, table, texts),
    ]
    return [
        *(Right("USAGE", schema) for schema in schemas),
        Right("SELECT", table.schema, table.name, tuple(columns)),
        *(Right("SELECT", *other) for other in others),
        *(
            Right("EXECUTE", schema, function=signature)
            for schema, signature, is_public in functions
            if not is_public
        ),
    ]
