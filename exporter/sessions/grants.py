"""The rights that collection and recovery need, as SQL for a DBA: least of all."""

from collections.abc import Iterator, Sequence

from exporter import sessions
from exporter.config import Source
from exporter.postgres import Reader
from exporter.queries import fill, identifier, literal
from exporter.sessions.relation import Relation
from exporter.sessions.sql_names import ALIAS, Token, code, qualified
from exporter.sessions.subqueries import reads
from exporter.text import printable

ROLE = "session_exporter"
RECOVERY_ROLE = "session_exporter_recovery"
#: With whose rights the functions of `sql function` work.
DEFINER_ROLE = "session_exporter_definer"

#: What a condition on the version of a row reads; a right on all columns does not hold for these.
_SYSTEM_COLUMNS = ("xmin", "ctid", "tableoid")

_OWN_SCHEMA = "GRANT USAGE ON SCHEMA session_exporter TO {role};"
#: Recovery writes down what it does, notes what came of it, and forgets what is old.
_AUDIT = "GRANT SELECT, INSERT, UPDATE, DELETE ON session_exporter.recovery TO {role};"
_PAUSE = "GRANT SELECT, INSERT, DELETE ON session_exporter.pause TO {role};"
#: Who only looks, where a function closes what was found.
_HEEDS = (
    "GRANT SELECT ON session_exporter.recovery TO {role};",
    "GRANT SELECT ON session_exporter.pause TO {role};",
)
#: Telling the webhook is no function's work.
_TELLS = (
    "GRANT SELECT, UPDATE (next_attempt_at, attempts, notified_at)\n"
    "    ON session_exporter.recovery TO {role};"
)


async def database_name(reader: Reader) -> str:
    """The name by which GRANT CONNECT knows the database."""
    (result,) = await reader.read(fill("catalog/current_database"))
    return str(result.rows[0][0])


async def grants(reader: Reader, source: Source) -> list[str]:
    """The rights for one source: its schema, the columns it mentions, and what expressions use.

    That is tables and views in subqueries, functions outside PostgreSQL's own schema, and the
    schemas of types and operators.

    Read from the catalog alone, so that a role which has no rights yet can ask for them.
    """
    table, expressions = await sessions.declared(reader, source)
    if source.recovery.call is None:
        return await _reading(reader, table, list(expressions.values()), ROLE)
    # It is this role then that looks for what there is to recover.
    texts = [*expressions.values(), *_recovery_texts(source)]
    return [
        *await _reading(reader, table, texts, ROLE, also=_SYSTEM_COLUMNS),
        *_to(ROLE, _OWN_SCHEMA, *_HEEDS),
    ]


async def recovery_grants(reader: Reader, source: Source, *, role: str) -> list[str]:
    """The rights to recover one source: to see what collection sees and more, and to write."""
    table, expressions = await sessions.declared(reader, source)
    recovery = source.recovery
    written = [table.column(word).name for word in recovery.set]
    if recovery.mark is not None:
        written.append(table.column(recovery.mark.column).name)
    texts = [*expressions.values(), *_recovery_texts(source), *map(identifier, written)]
    columns = ", ".join(map(identifier, written))
    own, seen = [_OWN_SCHEMA, _AUDIT], list(_SYSTEM_COLUMNS)
    if role == DEFINER_ROLE:
        seen.append("xmax")  # who has locked a row
        own.append(_HEEDS[1])
    else:
        own.append(_PAUSE)
    return [
        *await _reading(reader, table, texts, role, also=seen),
        f"GRANT UPDATE ({columns})\n    ON {table.sql} TO {role};",
        *_to(role, *own),
    ]


def calling_grants(source: Source) -> list[str]:
    """The rights of who recovers one source by a function: none on any table of an application."""
    printing = f"session-exporter sql function {printable(source.name)}"
    own = [_OWN_SCHEMA, _PAUSE, *([_TELLS] if source.recovery.webhook is not None else [])]
    return [*_to(RECOVERY_ROLE, *own), f"-- EXECUTE on the function comes with: {printing}"]


def _recovery_texts(source: Source) -> list[str]:
    """Every expression of a source's recovery."""
    recovery = source.recovery
    mark = [recovery.mark.column] if recovery.mark is not None else []
    return [
        *recovery.set,
        *mark,
        *(text.replace("{end}", "NULL") for text in recovery.set.values()),
        *(each.sql for each in recovery.returning),
        *filter(None, (recovery.end_at, recovery.evidence, recovery.exempt, recovery.server)),
    ]


def _to(role: str, *rights: str) -> list[str]:
    return [right.replace("{role}", role) for right in rights]


async def _reading(
    reader: Reader, table: Relation, texts: list[str], role: str, also: Sequence[str] = ()
) -> list[str]:
    """What it takes to evaluate expressions over a table. `also` are system columns."""
    columns = table.columns_in(texts)
    others, is_read_whole = await other_relations(reader, table, texts)
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


async def other_relations(
    reader: Reader, table: Relation, texts: list[str]
) -> tuple[list[tuple[str, str]], bool]:
    """The tables and views that subqueries read besides the source's own.

    And whether they read that one too, by whole rows.
    """
    found = {each for text in texts for each in reads(text)}
    if not found:
        return [], False
    (result,) = await reader.read(
        _looking_up("catalog/relations", sorted({each.chain for each in found}))
    )
    own = (table.schema, table.name)
    is_read_whole = own in result.rows and any(
        each.is_whole and each.chain in {own, own[1:]} for each in found
    )
    return [(schema, name) for schema, name in result.rows if (schema, name) != own], is_read_whole


async def _functions(reader: Reader, texts: list[str]) -> list[tuple[str, str, bool]]:
    """The functions that expressions may call: schema, signature, and whether everybody may."""
    chains = sorted({chain for text in texts for chain in _before_parenthesis(text)})
    if not chains:
        return []
    (result,) = await reader.read(_looking_up("catalog/functions", chains))
    return [(schema, signature, is_public) for schema, signature, is_public in result.rows]


async def _schemas(reader: Reader, table: Relation, texts: list[str]) -> list[str]:
    """The schemas that expressions name, for a type or an operator too.

    A column of the row is not in a schema that happens to have the row's name.
    """
    columns = {(ALIAS, column) for column in table.columns} | {(ALIAS, "*")}
    found = {first for text in texts for first, _ in qualified(text) - columns}
    if not found:
        return []
    listed = ", ".join(map(literal, sorted(found)))
    (result,) = await reader.read(fill("catalog/schemas", names=listed))
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
