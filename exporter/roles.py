"""The rights that collection and recovery need, as SQL for a DBA: least of all."""

from collections.abc import Iterator

from exporter import sessions
from exporter.config import Source
from exporter.queries import fill, identifier, literal
from exporter.relation import Reads, Relation
from exporter.sql_text import ALIAS, Token, code, qualified
from exporter.subqueries import reads

ROLE = "session_exporter"
RECOVERY_ROLE = "session_exporter_recovery"

#: What a condition on the version of a row reads; a right on all columns does not hold for these.
_SYSTEM_COLUMNS = ("xmin", "ctid", "tableoid")

#: What recovery does with its own tables: it writes down, notes, forgets what is old, and heeds.
_OWN_TABLES = (
    "GRANT USAGE ON SCHEMA session_exporter TO {role};",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON session_exporter.recovery TO {role};",
    "GRANT SELECT, INSERT, DELETE ON session_exporter.pause TO {role};",
)


async def database_name(reader: Reads) -> str:
    """The name by which GRANT CONNECT knows the database."""
    (result,) = await reader.read(fill("current_database"))
    return str(result.rows[0][0])


async def grants(reader: Reads, source: Source) -> list[str]:
    """The rights for one source: its schema, the columns it mentions, and what expressions use.

    That is tables and views in subqueries, functions outside PostgreSQL's own schema, and the
    schemas of types and operators.

    Read from the catalog alone, so that a role which has no rights yet can ask for them.
    """
    table, expressions = await sessions.declared(reader, source)
    return await _reading(reader, table, list(expressions.values()), ROLE)


async def recovery_grants(reader: Reads, source: Source) -> list[str]:
    """The rights to recover one source: to see what collection sees and more, and to write."""
    table, expressions = await sessions.declared(reader, source)
    recovery = source.recovery
    written = [table.column(word).name for word in recovery.set]
    if recovery.mark is not None:
        written.append(table.column(recovery.mark.column).name)
    texts = [
        *expressions.values(),
        *(text.replace("{end}", "NULL") for text in recovery.set.values()),
        *(each.sql for each in recovery.returning),
        *filter(None, (recovery.end_at, recovery.evidence, recovery.exempt, recovery.server)),
        *map(identifier, written),
    ]
    columns = ", ".join(map(identifier, written))
    return [
        *await _reading(reader, table, texts, RECOVERY_ROLE, also=_SYSTEM_COLUMNS),
        f"GRANT UPDATE ({columns})\n    ON {table.sql} TO {RECOVERY_ROLE};",
        *(right.replace("{role}", RECOVERY_ROLE) for right in _OWN_TABLES),
    ]


async def _reading(
    reader: Reads, table: Relation, texts: list[str], role: str, also: tuple[str, ...] = ()
) -> list[str]:
    """What it takes to evaluate expressions over a table. `also` are system columns."""
    columns = table.columns_in(texts)
    others, is_read_whole = await _other_relations(reader, table, texts)
    is_all = is_read_whole or len(columns) == len(table.columns)
    named = ", ".join(map(identifier, [*columns, *also]))
    what = "SELECT" if is_all else f"SELECT ({named})"
    functions = await _functions(reader, texts)
    schemas = dict.fromkeys(
        [
            table.schema,
            *(schema for schema, _ in others),
            *(schema for schema, _, _ in functions),
            *await _schemas(reader, table, texts),
        ]
    )
    return [
        *(f"GRANT USAGE ON SCHEMA {identifier(schema)} TO {role};" for schema in schemas),
        f"GRANT {what}\n    ON {table.sql} TO {role};",
        *(f"GRANT SELECT ON {identifier(*other)} TO {role};" for other in others),
        *(
            f"GRANT EXECUTE ON FUNCTION {signature} TO {role};"
            for _, signature, is_public in functions
            if not is_public
        ),
    ]


async def _other_relations(
    reader: Reads, table: Relation, texts: list[str]
) -> tuple[list[tuple[str, str]], bool]:
    """The tables and views that subqueries read besides the source's own.

    And whether they read that one too, by whole rows.
    """
    found = {each for text in texts for each in reads(text)}
    if not found:
        return [], False
    (result,) = await reader.read(_looking_up("relations", sorted({each.chain for each in found})))
    own = (table.schema, table.name)
    is_read_whole = own in result.rows and any(
        each.is_whole and each.chain in {own, own[1:]} for each in found
    )
    return [(schema, name) for schema, name in result.rows if (schema, name) != own], is_read_whole


async def _functions(reader: Reads, texts: list[str]) -> list[tuple[str, str, bool]]:
    """The functions that expressions may call: schema, signature, and whether everybody may."""
    chains = sorted({chain for text in texts for chain in _before_parenthesis(text)})
    if not chains:
        return []
    (result,) = await reader.read(_looking_up("functions", chains))
    return [(schema, signature, is_public) for schema, signature, is_public in result.rows]


async def _schemas(reader: Reads, table: Relation, texts: list[str]) -> list[str]:
    """The schemas that expressions name, for a type or an operator too.

    A column of the row is not in a schema that happens to have the row's name.
    """
    columns = {(ALIAS, column) for column in table.columns} | {(ALIAS, "*")}
    found = {first for text in texts for first, _ in qualified(text) - columns}
    if not found:
        return []
    listed = ", ".join(map(literal, sorted(found)))
    (result,) = await reader.read(fill("schemas", names=listed))
    return [schema for (schema,) in result.rows]


def _looking_up(query: str, chains: list[tuple[str, ...]]) -> str:
    qualified = [f"({literal(c[0])}, {literal(c[1])})" for c in chains if len(c) == 2]
    plain = [literal(c[0]) for c in chains if len(c) == 1]
    return fill(
        query,
        qualified=", ".join(qualified) or "(NULL, NULL)",
        plain=", ".join(plain) or "NULL",
    )


def _before_parenthesis(text: str) -> Iterator[tuple[str, ...]]:
    """Possibly qualified names that are followed by a parenthesis."""
    pieces = [Token("other", ""), Token("other", ""), *code(text)]
    for schema, dot, name, after in zip(pieces, pieces[1:], pieces[2:], pieces[3:], strict=False):
        if after.text == "(" and name.kind in {"word", "quoted"}:
            is_qualified = dot.text == "." and schema.kind in {"word", "quoted"}
            yield (schema.value, name.value) if is_qualified else (name.value,)
