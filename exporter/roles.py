"""The rights that collection needs, as SQL for a DBA: least of all, and read-only."""

from collections.abc import Iterator

from exporter.queries import fill, identifier, literal
from exporter.relation import Reads
from exporter.sessions import SessionTable
from exporter.sql_text import code, names

ROLE = "session_exporter"


async def database_name(reader: Reads) -> str:
    """The name by which GRANT CONNECT knows the database."""
    (result,) = await reader.read(fill("current_database"))
    return str(result.rows[0][0])


async def grants(reader: Reads, table: SessionTable) -> list[str]:
    """The rights for one source: its schema, the columns it mentions, and tables in subqueries."""
    texts = list(table.expressions.values())
    columns = table.relation.columns_in(texts)
    is_all = len(columns) == len(table.relation.columns)
    what = "SELECT" if is_all else f"SELECT ({', '.join(map(identifier, columns))})"
    others = await _other_relations(reader, table, texts)
    schemas = dict.fromkeys([table.relation.schema, *(schema for schema, _ in others)])
    return [
        *(f"GRANT USAGE ON SCHEMA {identifier(schema)} TO {ROLE};" for schema in schemas),
        f"GRANT {what}\n    ON {table.table} TO {ROLE};",
        *(f"GRANT SELECT ON {identifier(*other)} TO {ROLE};" for other in others),
    ]


async def _other_relations(
    reader: Reads, table: SessionTable, texts: list[str]
) -> list[tuple[str, str]]:
    """The tables and views that subqueries read: what follows FROM, JOIN or a comma and is one."""
    candidates = sorted({name for text in texts for name in _after_from(text)})
    if not candidates:
        return []
    listed = ", ".join(literal(name) for name in candidates)
    (result,) = await reader.read(fill("relations", names=listed))
    ours = (table.relation.schema, table.relation.name)
    return [(schema, name) for schema, name in result.rows if (schema, name) != ours]


def _after_from(text: str) -> Iterator[str]:
    """Possibly qualified names after FROM, JOIN or a comma, quoted as PostgreSQL reads them."""
    pieces = code(text)
    if "select" not in names(text):
        return
    for n, token in enumerate(pieces):
        if token.value in {"from", "join", "only", "lateral"} or token.text == ",":
            chain = []
            for name, separator in zip(
                pieces[n + 1 :: 2], [*pieces[n + 2 :: 2], None], strict=False
            ):
                if name.kind not in {"word", "quoted"}:
                    break
                chain.append(identifier(name.value))
                if separator is None or separator.text != ".":
                    break
            if chain:
                yield ".".join(chain)
