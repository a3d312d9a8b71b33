"""The rights that collection needs, as SQL for a DBA: least of all, and read-only."""

import re
from collections.abc import Iterator

from exporter.index_commands import columns_in
from exporter.queries import fill, identifier
from exporter.relation import Reads
from exporter.sessions import SessionTable

ROLE = "session_exporter"


async def database_name(reader: Reads) -> str:
    """The name by which GRANT CONNECT knows the database."""
    (result,) = await reader.read(fill("current_database"))
    return str(result.rows[0][0])


async def grants(reader: Reads, table: SessionTable) -> list[str]:
    """The rights for one source: its schema, the columns it mentions, and tables in subqueries."""
    texts = list(table.expressions.values())
    columns = columns_in(table, texts)
    is_all = len(columns) == len(table.relation.columns)
    what = "SELECT" if is_all else f"SELECT ({', '.join(map(identifier, columns))})"
    others = await _other_tables(reader, table, texts)
    schemas = dict.fromkeys([table.relation.schema, *(schema for schema, _ in others)])
    return [
        *(f"GRANT USAGE ON SCHEMA {identifier(schema)} TO {ROLE};" for schema in schemas),
        f"GRANT {what}\n    ON {table.table} TO {ROLE};",
        *(f"GRANT SELECT ON {identifier(*other)} TO {ROLE};" for other in others),
    ]


async def _other_tables(
    reader: Reads, table: SessionTable, texts: list[str]
) -> list[tuple[str, str]]:
    """The tables that subqueries read, as PostgreSQL itself plans them."""
    if table.relation.kind == "view" or not any("select" in text.lower() for text in texts):
        return []
    everything = fill(
        "describe", expressions=",\n".join(f"({text})" for text in texts), table=table.table
    )
    (plan,) = await reader.read(fill("explain_verbose", statement=everything))
    return list(dict.fromkeys(_relations(plan.rows[0][0][0]["Plan"])))


def _relations(plan: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Every relation but ours and its partitions, whose aliases are s, s_1, s_2 and so on."""
    is_ours = re.fullmatch(r"s(_\d+)?", str(plan.get("Alias", "")))
    if "Relation Name" in plan and not is_ours:
        yield str(plan["Schema"]), str(plan["Relation Name"])
    children = plan.get("Plans", [])
    assert isinstance(children, list)  # noqa: S101 - EXPLAIN's own format
    for child in children:
        yield from _relations(child)
