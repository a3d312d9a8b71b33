"""The relations, functions and schemas that expressions use besides the columns of their row."""

from collections.abc import Iterator

from exporter.config.fields.sql_lexer import Token
from exporter.postgres import Reader
from exporter.queries import fill, literal
from exporter.sessions.relation import Relation
from exporter.sessions.sql_names import ALIAS, code, qualified, reads


async def find_relations(
    reader: Reader, table: Relation, texts: list[str]
) -> tuple[list[tuple[str, str]], bool]:
    """The tables and views that subqueries read besides the source's own.

    And whether they read that one too, by whole rows.
    """
    found = {each for text in texts for each in reads(text)}
    if not found:
        return [], False
    chains = sorted({each.chain for each in found})
    rows = await reader.rows(_look_up("catalog/relations", chains))
    own = (table.schema, table.name)
    is_read_whole = own in rows and any(
        each.is_whole and each.chain in {own, own[1:]} for each in found
    )
    return [(schema, name) for schema, name in rows if (schema, name) != own], is_read_whole


async def find_functions(reader: Reader, texts: list[str]) -> list[tuple[str, str, bool]]:
    """The functions that expressions may call: schema, signature, and whether PUBLIC may too."""
    chains = sorted({chain for text in texts for chain in _before_parenthesis(text)})
    if not chains:
        return []
    rows = await reader.rows(_look_up("catalog/functions", chains))
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


def _look_up(query: str, chains: list[tuple[str, ...]]) -> str:
    qualified = [f"({literal(c[0])}, {literal(c[1])})" for c in chains if len(c) == 2]
    plain = [literal(c[0]) for c in chains if len(c) == 1]
    return fill(
        query, qualified=", ".join(qualified) or "(NULL, NULL)", plain=", ".join(plain) or "NULL"
    )


def _before_parenthesis(text: str) -> Iterator[tuple[str, ...]]:
    """Possibly qualified names that are followed by a parenthesis."""
    pieces = [Token("other", ""), Token("other", ""), *code(text)]
    for schema, dot, name, after in zip(pieces, pieces[1:], pieces[2:], pieces[3:], strict=False):
        if after.text == "(" and name.kind in {"word", "quoted"}:
            is_qualified = dot.text == "." and schema.kind in {"word", "quoted"}
            yield (schema.value, name.value) if is_qualified else (name.value,)
