"""The rights of each role, which `sql role` prints, `check --live` compares and the demo grants."""

from collections.abc import Iterable
from dataclasses import dataclass

from exporter import sessions
from exporter.config import Source
from exporter.postgres import Reader
from exporter.queries import fill, identifier
from exporter.sessions.expressions.used_objects import (
    find_columns,
    find_functions,
    find_relations,
    find_schemas,
    grant_to,
    hides_rows,
)
from exporter.sessions.relation import Relation, is_bare_word
from exporter.sessions.sql_names import SYSTEM_COLUMNS, names

#: Collects; where a function closes sessions, it also finds them.
ROLE = "session_exporter"
#: Closes sessions, by its own statements or by calling the functions of `sql function`.
RECOVERY_ROLE = "session_exporter_recovery"
#: Its members are persons: it may end pauses and stops, and do all that RECOVERY_ROLE may.
OPERATOR_ROLE = "session_exporter_operator"
#: Owns the functions of `sql function`, which run with its rights.
DEFINER_ROLE = "session_exporter_definer"

_SCHEMA = "session_exporter"
#: The table of everything that recovery has written.
AUDIT = f"{_SCHEMA}.recovery"
#: A condition on the version of a row reads these; SELECT on each column does not include them.
_SYSTEM_COLUMNS = ("xmin", "ctid", "tableoid")


@dataclass(frozen=True, slots=True)
class Right:
    """One privilege on a schema, on a table or on some of its columns, or on a function."""

    privilege: str
    schema: str
    table: str | None = None
    columns: tuple[str, ...] = ()
    function: str = ""
    """The signature as SQL; then `schema` and `table` are unused."""

    @property
    def is_of_audit(self) -> bool:
        return self.schema == _SCHEMA

    @property
    def target(self) -> str:
        if self.function:
            return f"FUNCTION {self.function}"
        path = [self.schema] if self.table is None else [self.schema, self.table]
        name = ".".join(map(self._quoted, path))
        return f"SCHEMA {name}" if self.table is None else name

    def grant(self, role: str) -> str:
        """The command that grants it to a role, whose name is an SQL identifier."""
        return f"GRANT {self._what} TO {role};"

    def revoke(self, role: str) -> str:
        """The command that revokes it from a role, and from no other."""
        return f"REVOKE {self._what} FROM {role};"

    @property
    def _what(self) -> str:
        columns = f" ({', '.join(map(self._quoted, self.columns))})" if self.columns else ""
        return f"{self.privilege}{columns} ON {self.target}"

    def _quoted(self, name: str) -> str:
        # The names of our own schema need no quotes, and are more readable without.
        return name if self.schema == _SCHEMA else identifier(name)


#: A row's own time and role are the defaults of their columns, which no role may write.
_INSERTED = (
    *("run", "source", "relation", "session", "trigger", "reason", "evidence"),
    *("before", "after", "row_version", "next_attempt_at"),
)
_RUN = ("run", "source", "rule")
#: Deletes old rows, and no others.
_PRUNE = Right("EXECUTE", _SCHEMA, function=f"{_SCHEMA}.prune(text, interval, bigint[])")
#: The columns of the audit that ROLE reads to count the sessions that recovery has closed.
RECOVERED_COLUMNS = ("relation", "session", "at", "undone_at", "contradicted_at")
#: What ROLE reads of it to count what was lost and closed before it was counted.
LOST_COLUMNS = ("source", "session", "at", "undone_at", "evidence")
_OBSERVED = ("until", "judged", "orphans", "returns")
_DELIVERY = ("next_attempt_at", "attempts", "notified_at")
_STOP = ("source", "at", "brake", "why")

#: All rights to write to tables of the audit that roles other than OPERATOR_ROLE need: undo can
#: trust all other columns, and only a person can end pauses and stops.
AUDIT_WRITES = {
    ("recovery", "INSERT"): _INSERTED,
    ("recovery", "UPDATE"): ("undone_at", "undo_reason", "contradicted_at", *_DELIVERY),
    ("run", "INSERT"): _RUN,
    ("run", "UPDATE"): (),
    ("pause", "INSERT"): ("source", "reason"),
    ("pause", "UPDATE"): (),
    ("stop", "INSERT"): _STOP,
    ("stop", "UPDATE"): (),
}

#: The further rights of OPERATOR_ROLE.
OPERATOR_RIGHTS = (
    Right("UPDATE", _SCHEMA, "pause", ("resumed_at", "resumed_by", "resume_reason")),
    Right(
        "UPDATE", _SCHEMA, "stop", ("resumed_at", "resumed_by", "held", "wave", "rule", "reason")
    ),
)


def by_statements(source: Source) -> bool:
    """Whether sessions are closed by statements of recovery, and not by functions."""
    return source.recovery.call is None


def audit_rights(source: Source, *, role: str) -> list[Right]:
    """The rights on the audit's schema that one of the three roles needs for a source."""
    recovery, closes = source.recovery, role == RECOVERY_ROLE
    # Whether sessions are found and counted with the connection of collection.
    reads = recovery.is_declared and (recovery.call is not None or recovery.dsn is None)
    uses = reads or role != ROLE
    counts = role == ROLE and (source.daily is not None or recovery.is_declared)
    counted = dict.fromkeys(
        (RECOVERED_COLUMNS if source.daily is not None else ())
        + (LOST_COLUMNS if recovery.is_declared else ())
    )
    # The functions do all of their work in each mode.
    writes = role == DEFINER_ROLE or (closes and by_statements(source))
    maintains = role == DEFINER_ROLE or (writes and recovery.mode == "auto")
    delivers = closes and recovery.webhook is not None
    rights = (
        (uses or counts, "USAGE", None, ()),
        (counts and not reads, "SELECT", "recovery", tuple(counted)),
        (reads if role == ROLE else writes or delivers, "SELECT", "recovery", ()),
        (reads if role == ROLE else writes, "SELECT", "run", ()),
        (writes, "INSERT", "recovery", _INSERTED),
        (writes, "INSERT", "run", _RUN),
        (writes, "UPDATE", "recovery", ("undone_at", "undo_reason")),
        (maintains, "UPDATE", "recovery", ("contradicted_at",)),
        (delivers, "UPDATE", "recovery", _DELIVERY),
        (uses, "SELECT", "pause", ()),
        (closes, "INSERT", "pause", ("source", "reason")),
        (uses, "SELECT", "stop", ()),
        (closes, "INSERT", "stop", _STOP),
        (uses, "SELECT", "observation", ()),
        (closes, "INSERT", "observation", ("source", "rule", "since", *_OBSERVED)),
        (closes, "UPDATE", "observation", ("since", *_OBSERVED)),
    )
    granted = [
        Right(what, _SCHEMA, table, columns) for needed, what, table, columns in rights if needed
    ]
    return [*granted, *([_PRUNE] if maintains else [])]


async def closing_rights(reader: Reader, source: Source, *, role: str) -> list[Right]:
    """The rights of a role to close sessions, besides those to read what expressions mention.

    ROLE only finds them if RECOVERY_ROLE calls a function; then RECOVERY_ROLE has no right on a
    table of an application.
    """
    audit = audit_rights(source, role=role)
    if role == RECOVERY_ROLE and not by_statements(source):
        return audit
    table, _ = await sessions.declared(reader, source)
    if not table.is_table:
        return audit  # a view has no system columns, and its rows are never closed
    rights = [Right("SELECT", table.schema, table.name, _SYSTEM_COLUMNS)]
    recovery = source.recovery
    written = [*recovery.set, *([recovery.mark.column] if recovery.mark is not None else [])]
    if role != ROLE:
        columns = tuple(table.column(word).name for word in written)
        rights.append(Right("UPDATE", table.schema, table.name, columns))
    ids = source.id if isinstance(source.id, tuple) else filter(None, [source.id])
    # Values of these are cast to the types of their columns, which may be in another schema.
    named = {table.column(word).type_schema for word in (*written, *filter(is_bare_word, ids))}
    used = sorted(filter(None, named - {table.schema}))
    return [*(Right("USAGE", schema) for schema in used), *rights, *audit]


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

    These are tables and views in subqueries, functions outside of PostgreSQL's own schema, and the
    schemas of types and operators. Read only from the catalog, which needs no rights.
    """
    granted = grants_of(await collection_rights(reader, source), ROLE)
    is_member = await needs_membership(reader, source, role=ROLE)
    return [*granted, *([grant_to(ROLE)] if is_member else [])]


async def needs_membership(reader: Reader, source: Source, *, role: str) -> bool:
    """Whether rows are hidden from a role that is not a member of MEMBERSHIP."""
    if role == RECOVERY_ROLE and not by_statements(source):
        return False
    table, expressions = await sessions.declared(reader, source)
    proofs = [] if role == ROLE and by_statements(source) else _proofs(source)
    return await hides_rows(reader, table, [*expressions.values(), *proofs])


async def collection_rights(reader: Reader, source: Source) -> list[Right]:
    """All rights that ROLE needs for a source; on the audit only if it exists."""
    table, expressions = await sessions.declared(reader, source)
    texts, rights = list(expressions.values()), list[Right]()
    if not by_statements(source):
        texts += recovery_texts(source)
        rights = await closing_rights(reader, source, role=ROLE)
    elif await reader.value(fill("recovery/audit/exists")):
        rights = audit_rights(source, role=ROLE)
    return [*await reading_rights(reader, table, texts), *rights]


async def recovery_grants(reader: Reader, source: Source, *, role: str) -> list[str]:
    """The grants to recover one source, for the role that closes or for the functions' owner.

    Rights on the audit from an older release or config are revoked from the role that closes.
    """
    granted = grants_of(await recovery_rights(reader, source, role=role), role)
    granted += [grant_to(role)] if await needs_membership(reader, source, role=role) else []
    if role != RECOVERY_ROLE:
        return granted
    return [revoke_audit(role), *granted, *remarks(source)]


def revoke_audit(role: str) -> str:
    """The command that takes from a role all rights on the tables of the audit."""
    return f"REVOKE ALL ON ALL TABLES IN SCHEMA {_SCHEMA} FROM {role};"


def remarks(source: Source) -> list[str]:
    """A comment beside the rights of RECOVERY_ROLE."""
    printing = "-- EXECUTE on the functions is granted by: session-exporter sql function SOURCE"
    return [] if by_statements(source) else [printing]


async def recovery_rights(reader: Reader, source: Source, *, role: str) -> list[Right]:
    """All rights that the closing role, or the functions' owner, needs to recover a source."""
    closing = await closing_rights(reader, source, role=role)
    if role == RECOVERY_ROLE and not by_statements(source):
        return closing
    table, expressions = await sessions.declared(reader, source)
    texts = [*expressions.values(), *recovery_texts(source)]
    return [*await reading_rights(reader, table, texts), *closing]


def operator_grants() -> list[str]:
    """The grants of OPERATOR_ROLE, which is a member of RECOVERY_ROLE."""
    return [revoke_audit(OPERATOR_ROLE), *grants_of(OPERATOR_RIGHTS, OPERATOR_ROLE)]


def _proofs(source: Source) -> list[str]:
    """The expressions that protect a session from closing, except single columns."""
    recovery = source.recovery
    declared = (recovery.evidence, recovery.exempt)
    return [text for text in declared if text is not None and not is_bare_word(text)]


def recovery_texts(source: Source) -> list[str]:
    """Every expression of a source's recovery, and the columns that it writes."""
    recovery = source.recovery
    mark = [recovery.mark.column] if recovery.mark is not None else []
    return [
        *recovery.set,
        *mark,
        *(text.replace("{end}", "NULL") for text in recovery.set.values()),
        *(each.sql for each in recovery.returning),
        *filter(None, (recovery.end_at, recovery.evidence, recovery.exempt)),
    ]


async def reading_rights(reader: Reader, table: Relation, texts: list[str]) -> list[Right]:
    """The rights to evaluate expressions over a table."""
    columns = table.columns_in(texts)
    if table.is_table:
        columns += sorted(set[str]().union(*map(names, texts)) & SYSTEM_COLUMNS)
    others, is_read_whole = await find_relations(reader, table, texts)
    # Each by its name, or a column that is added later could be read too. All columns are needed
    # only for whole rows.
    if is_read_whole or any(map(table.uses_row, texts)):
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
        *(Right("SELECT", *each) for each in await find_columns(reader, others, texts)),
        *(
            Right("EXECUTE", schema, function=signature)
            for schema, signature, is_public in functions
            if not is_public
        ),
    ]
