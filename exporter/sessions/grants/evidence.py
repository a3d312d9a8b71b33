"""The rights of ROLE to read evidence in the database: a table of owners, and queries."""

from collections.abc import Iterator

from exporter.config import Config, Source
from exporter.config.fields.sql_lexer import fold
from exporter.postgres import Reader
from exporter.sessions import relation
from exporter.sessions.expressions.used_objects import (
    find_columns,
    find_functions,
    find_relations,
    find_schemas,
)
from exporter.sessions.grants import ROLE, Right, unread
from exporter.sessions.grants.owners import owner_rights
from exporter.sessions.grants.path import PathUse, has_view
from exporter.sessions.relation import Relation
from exporter.sessions.sql_names import names
from exporter.text import printable

#: A query has no table for its rows.
_NO_TABLE = Relation(0, "", "", "table", {})


async def evidence_rights(reader: Reader, config: Config, source: Source) -> list[Right]:
    """The rights of ROLE for owners and a list in the database of a source. Raises SourceError."""
    rights = await owner_rights(reader, config, source)
    texts = list(_queries(config, source).values())
    if not texts:
        return rights
    read = await _relations(reader, texts)
    functions = await find_functions(reader, texts)
    schemas = [
        *(schema for schema, _ in read),
        *(schema for schema, _, _ in functions),
        *await find_schemas(reader, _NO_TABLE, texts),
    ]
    return [
        *rights,
        *(Right("USAGE", schema) for schema in dict.fromkeys(schemas) if schema != "pg_catalog"),
        *(Right("SELECT", *each) for each in await find_columns(reader, read, texts)),
        *(
            Right("EXECUTE", schema, function=signature)
            for schema, signature, is_public in functions
            if not is_public
        ),
    ]


async def evidence_path_use(reader: Reader, config: Config, source: Source) -> PathUse:
    """The objects in the search path that owners and a list use. Raises SourceError."""
    texts = list(_queries(config, source).values())
    looked_up = set[str]().union(*map(names, texts))
    is_plain = True
    owners = config.owners.get(source.owners_name or "")
    if owners is not None and owners.table is not None:
        declared = owners.table.table
        if declared.schema_ is None:
            looked_up |= {declared.name, fold(declared.name)}
        texts += [each for each in (owners.table.id, owners.table.seen_at) if each is not None]
        looked_up = looked_up.union(*map(names, texts))
        is_plain = (await relation.find(reader, declared)).is_table
    if texts and is_plain:
        read = await _relations(reader, texts)
        is_plain = not await find_functions(reader, texts) and not await has_view(reader, read)
    return PathUse(frozenset(looked_up), is_whole=not is_plain)


def unread_evidence_grants(config: Config, source: Source) -> Iterator[str]:
    """The grants where the database cannot be read, with comments."""
    owners = config.owners.get(source.owners_name or "")
    if owners is not None and owners.table is not None:
        yield f"-- owners {printable(owners.name)}: all of the table may be read."
        yield from unread.table_grants(owners.table.table, ROLE)
    for what, text in _queries(config, source).items():
        yield (
            f"-- {printable(what)}: its query may read what the config does not tell; if it fails,"
            "\n-- grant the rest by hand, or print this over a connection. If these are tables:"
        )
        yield from unread.other_grants([text], ROLE)


async def _relations(reader: Reader, texts: list[str]) -> list[tuple[str, str]]:
    """Tables and views that are read, without PostgreSQL's own, which PUBLIC may read."""
    found, _ = await find_relations(reader, _NO_TABLE, texts)
    return [each for each in found if each[0] != "pg_catalog"]


def _queries(config: Config, source: Source) -> dict[str, str]:
    """The queries of the config that run in the database of a source, as subqueries."""
    owners = config.owners.get(source.owners_name or "")
    listed = config.lists.get(source.list or "")
    found = {
        f"owners {source.owners_name}": None if owners is None else owners.sql,
        f"list {source.list}": None if listed is None else listed.sql,
    }
    return {what: f"({text})" for what, text in found.items() if text is not None}
