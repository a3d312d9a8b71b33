"""The rights for a source whose table cannot be read: from the config alone, and therefore broader.

Only the catalog tells which columns an expression uses. If every expression is the name of a column
they are certain; otherwise the right to read the whole table is granted, with a comment.
"""

from collections.abc import Iterable, Iterator

from exporter.config import Source, TableName
from exporter.config.fields.sql_lexer import fold
from exporter.queries import fill, identifier, literal
from exporter.sessions.expressions import declared_texts
from exporter.sessions.grants import (
    AUDIT,
    RECOVERY_ROLE,
    ROLE,
    Right,
    audit_rights,
    by_statements,
    grants_of,
    recovery_texts,
    remarks,
    revoke_audit,
)
from exporter.sessions.relation import ALWAYS, is_bare_word
from exporter.sessions.sql_names import ALIAS, chains, code, reads
from exporter.text import printable

#: The schema of a table without a schema, for a role without its own search_path.
_DEFAULT_SCHEMA = "public"


def collection_grants(source: Source) -> list[str]:
    """The grants for ROLE, with comments; those on the audit are in recovery_grants()."""
    texts = _texts(source)
    if by_statements(source):
        return [*_reading(source, texts, ROLE), *_audit_if_there(source)]
    return [*_reading(source, [*texts, *recovery_texts(source)], ROLE, with_versions=True)]


def _audit_if_there(source: Source) -> Iterator[str]:
    """The rights on an audit that another config may have: it tells what was recovered."""
    granted = [] if source.recovery.is_declared else audit_rights(source, role=ROLE)
    if granted:
        yield fill(
            "roles/printed/grant_if_table",
            named=literal(AUDIT),
            grants="\n        ".join(grants_of(granted, ROLE)),
        )


def recovery_grants(source: Source) -> list[str]:
    """The grants for RECOVERY_ROLE, and those of ROLE on the audit, with comments."""
    granted = [revoke_audit(RECOVERY_ROLE)]
    if by_statements(source):
        texts = [*_texts(source), *recovery_texts(source)]
        granted += _reading(source, texts, RECOVERY_ROLE, with_versions=True)
        recovery = source.recovery
        mark = [recovery.mark.column] if recovery.mark is not None else []
        schema, name = _table(source.table)
        written = Right("UPDATE", schema, name, (*recovery.set, *mark))
        granted += [*_spelled(source, written.columns), written.grant(RECOVERY_ROLE)]
    for role in (RECOVERY_ROLE, ROLE):
        granted += grants_of(audit_rights(source, role=role), role)
    return [*granted, *remarks(source)]


def _texts(source: Source) -> list[str]:
    """The values that are read of each row: expressions, and the names of the columns of an id."""
    id_ = source.id if isinstance(source.id, tuple) else ()
    return [*(text for _, text in declared_texts(source)), *id_]


def _table(table: TableName) -> tuple[str, str]:
    schema = _DEFAULT_SCHEMA if table.schema_ is None else table.schema_
    return schema, table.name


def _reading(
    source: Source, texts: list[str], role: str, *, with_versions: bool = False
) -> Iterator[str]:
    """The rights to evaluate expressions over the table.

    The version of a row is in system columns, which a view does not have; the right to read the
    whole table includes them.
    """
    schema, name = _table(source.table)
    table, about = source.table, f"-- {printable(source.name)}:"
    if table.schema_ is None:
        yield f"{about} `table` names no schema: public is meant here."
    spellings = [(table.schema_, table.schema_quoted), (table.name, table.name_quoted)]
    yield from _spelled(source, [word for word, is_quoted in spellings if word and not is_quoted])
    columns = _columns(texts)
    if columns is None or with_versions:
        yield (
            f"{about} all of the table may be read, because the config does not tell the columns;\n"
            "-- over a connection to the database, `sql role` prints the columns that are needed."
        )
        columns = []
    yield Right("USAGE", schema).grant(role)
    yield Right("SELECT", schema, name, tuple(columns)).grant(role)
    granted = list(other_grants(texts, role))
    if granted:
        yield f"{about} what an expression reads besides, if these are tables:"
    yield from granted


def table_grants(table: TableName, role: str) -> Iterator[str]:
    """The rights to read all of a table that is named in the config."""
    schema, name = _table(table)
    yield Right("USAGE", schema).grant(role)
    yield Right("SELECT", schema, name).grant(role)


def other_grants(texts: Iterable[str], role: str) -> Iterator[str]:
    """The rights to read what subqueries name, if these are tables."""
    for chain in dict.fromkeys(each for text in texts for each in _others(text)):
        if chain[0] == "pg_catalog":
            continue  # PUBLIC may read it, and a DBA may not be its owner
        granted = [Right("USAGE", chain[0]).grant(role)] if len(chain) > 1 else []
        granted.append(f"GRANT SELECT ON {identifier(*chain)} TO {role};")
        named = literal(identifier(*chain))
        yield fill("roles/printed/grant_if_table", named=named, grants="\n        ".join(granted))


def _columns(texts: Iterable[str]) -> list[str] | None:
    """The columns that are read if each expression is certainly the name of a column; else None."""
    found = dict[str, None]()
    for text in texts:
        if text.lower() == ALWAYS:
            continue
        pieces = code(text)
        is_quoted = len(pieces) == 1 and pieces[0].kind == "quoted" and pieces[0].value != ALIAS
        if not is_quoted and not (is_bare_word(text) and fold(text) == text):
            return None
        found[pieces[0].value or text] = None
    return list(found)


def _spelled(source: Source, words: Iterable[str]) -> Iterator[str]:
    """A comment if the catalog could have a name in lower case instead."""
    unsure = [word for word in words if is_bare_word(word) and fold(word) != word]
    if unsure:
        listed = ", ".join(map(printable, unsure))
        yield f"-- {printable(source.name)}: {listed} is taken as it is spelled in the config."


def _others(text: str) -> Iterator[tuple[str, ...]]:
    """The other tables that an expression may read, by name."""
    called = {chain.names for chain in chains(text) if chain.after.text == "("}
    for each in reads(text):
        chain = each.chain
        is_table = len(chain) <= 2 and chain[0] != ALIAS and chain[-1] != "*"
        if is_table and chain not in called and not any("$$" in name for name in chain):
            yield chain
