"""The relations, functions and schemas that expressions use besides the columns of their row."""

from exporter.postgres import Reader
from exporter.queries import fill, literal
from exporter.sessions.relation import Relation
from exporter.sessions.sql_names import ALIAS, chains, qualified, reads


async def find_relations(
    reader: Reader, table: Relation, texts: list[str]
) -> tuple[list[tuple[str, str]], bool]:
    """The tables and views that subqueries read besides the source's own.

    And whether they read that one too, by whole rows.
    """
    found = {each for text in texts for each in reads(text)}
    if not found:
        return [], False
    rows = await reader.rows(_look_up("catalog/relations", {each.chain for each in found}))
    own = (table.schema, table.name)
    is_read_whole = own in rows and any(
        each.is_whole and each.chain in {own, own[1:]} for each in found
    )
    return [(schema, name) for schema, name in rows if (schema, name) != own], is_read_whole


async def find_functions(reader: Reader, texts: list[str]) -> list[tuple[str, str, bool]]:
    """The functions that expressions may call: schema, signature, and whether PUBLIC may too."""
    called = {
        chain.names[-2:] for text in texts for chain in chains(text) if chain.after.text == "("
    }
    if not called:
        return []
    rows = await reader.rows(_look_up("catalog/functions", called))
    return [(schema, signature, is_public) for schema, signature, is_public in rows]


async def find_schemas(reader: Reader, table: Relation, texts: list[str]) -> list[str]:
    """The schemas that expressions name, for a type or an operator too.

    A column of the row is not in a schema that happens to have the row's name.
    """
    columns = {(ALIAS, column) for column in table.columns} | {(ALIAS, "*")}
    found = {first for text in texts for first, _ in qualified(text) - columns}
    if not found:
        return []
    names = ", ".join(map(literal, sorted(found)))
    return [schema for (schema,) in await reader.rows(fill("catalog/schemas", names=names))]


def _look_up(query: str, names: set[tuple[str, ...]]) -> str:
    qualified = [f"({literal(n[0])}, {literal(n[1])})" for n in sorted(names) if len(n) == 2]
    plain = [literal(n[0]) for n in sorted(names) if len(n) == 1]
    return fill(
        query, qualified=", ".join(qualified) or "(NULL, NULL)", plain=", ".join(plain) or "NULL"
    )
