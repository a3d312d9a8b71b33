"""The relations, functions and schemas that a source uses besides the columns of its row."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from exporter.errors import PermissionDenied, SchemaMismatch, SourceError
from exporter.postgres import Reader
from exporter.queries import fill, identifier, literal
from exporter.sessions.relation import Relation
from exporter.sessions.sql_names import ALIAS, SYSTEM_COLUMNS, chains, names, qualified, reads
from exporter.text import some_of

#: The role whose members see all sessions (PostgreSQL documentation, "Predefined Roles").
MEMBERSHIP = "pg_read_all_stats"

#: The functions behind pg_stat_activity, pg_stat_replication and similar views, also below another
#: view: for sessions of other roles, most columns are NULL (src/backend/utils/adt/pgstatfuncs.c,
#: walsender.c).
_HIDING = {
    "pg_stat_get_activity",
    "pg_stat_get_backend_idset",
    "pg_stat_get_progress_info",
    "pg_stat_get_wal_senders",
    "pg_stat_get_wal_receiver",
    "pg_stat_get_subscription",
    "pg_stat_statements",
}


#: Functions that write, lock, send or end something even in a read-only transaction. Most volatile
#: functions do not: random(), clock_timestamp(), currval(); lo_get() and pg_sleep() only take time.
#: Functions of the application are not checked; PostgreSQL prevents them from writing.
_EFFECTS = (
    "^(nextval|setval|set_config|pg_notify|txid_current|pg_current_xact_id"
    "|pg_(try_)?advisory_.*|dblink.*"
    "|lo_(creat|create|from_bytea|put|unlink|truncate|truncate64|import|export)|lowrite"
    "|pg_(cancel|terminate)_backend|pg_reload_conf|pg_rotate_logfile|pg_promote|pg_switch_wal"
    "|pg_create_.*|pg_drop_.*|pg_copy_.*|pg_(wal_replay|backup)_.*|pg_file_.*"
    "|pg_stat_reset.*|pg_stat_statements_reset|pg_logical_emit_message|pg_logical_slot_get_.*|pg_replication_(origin|slot)_.*)$"
)


async def require_no_effects(reader: Reader, table: Relation) -> None:
    """Raise SchemaMismatch if reading a view writes, locks or sends something.

    PostgreSQL refuses some of these only when there is a row, and locks and messages never.
    """
    if table.kind != "view":
        return
    statement = fill("catalog/effects", oid=str(table.oid), names=literal(_EFFECTS))
    called = [
        f"{schema}.{view} calls {name}()" for schema, view, name in await reader.rows(statement)
    ]
    if called:
        raise SchemaMismatch(
            f"{some_of(called)}: each collection would write, lock or send something; leave it out "
            "of the view, or declare another one"
        )


async def find_relations(
    reader: Reader, table: Relation, texts: list[str]
) -> tuple[list[tuple[str, str]], bool]:
    """The tables and views that subqueries read besides the source's own.

    And whether they also read the source's own table by whole rows.
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


async def find_columns(
    reader: Reader, tables: Iterable[tuple[str, str]], texts: Sequence[str]
) -> list[tuple[str, str, tuple[str, ...]]]:
    """Which columns of these tables and views the texts read; none where they read whole rows.

    The catalog says which columns there are, and not which one a name means: one is found wherever
    its name occurs, so that too many may be found and never too few.
    """
    listed = ", ".join(f"({literal(schema)}, {literal(name)})" for schema, name in tables)
    if not listed:
        return []
    rows = await reader.rows(fill("roles/columns", tables=listed))
    whole = {each.chain for text in texts for each in reads(text) if each.is_whole}
    mentioned = set[str]().union(*map(names, texts))
    found = []
    for schema, name, is_table, columns in rows:
        read = [each for each in columns if each in mentioned]
        if is_table:
            read += sorted(SYSTEM_COLUMNS & mentioned)
        if not {(schema, name), (name,)}.isdisjoint(whole):
            read = []
        elif not read:
            read = columns[:1]  # to count rows takes a right on any column
        found.append((schema, name, tuple(read)))
    return found


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


async def require_all_rows(
    reader: Reader,
    table: Relation,
    texts: Iterable[str],
    *,
    effect: str = "every count would be too low",
) -> None:
    """Raise PermissionDenied if rows are hidden from the role because it lacks MEMBERSHIP."""
    texts = list(texts)
    if not await hides_rows(reader, table, texts):
        return
    is_member, role = (await reader.rows(fill("roles/membership")))[0]
    if not is_member:
        what = table.sql if table.kind == "view" else "what a subquery reads"
        raise PermissionDenied(
            f"{what} shows most of other roles' sessions only to members of {MEMBERSHIP}, so "
            f"{effect}; ask a DBA to run: {grant_to(identifier(role))}"
        )


async def hides_rows(reader: Reader, table: Relation, texts: Iterable[str]) -> bool:
    """Whether such a view is read, by the plan of PostgreSQL.

    Only checked where possible: for a view, and for expressions that read other relations, which
    may be views on such a view.
    """
    texts = list(texts)
    if table.kind != "view" and not any(any(True for _ in reads(text)) for text in texts):
        return False
    items = [f"({text})" for text in texts]
    statement = fill("catalog/describe", expressions=",\n".join(items), table=table.sql)
    try:
        (explained,) = await reader.value(fill("catalog/explain", statement=statement))
    except SourceError:
        return False  # it is reported by who reads it
    return not _HIDING.isdisjoint(_functions(explained["Plan"]))


def grant_to(role: str) -> str:
    """The command that makes a role a member; its name is an SQL identifier."""
    return f"GRANT {MEMBERSHIP} TO {role};"


def _functions(plan: Mapping[str, Any]) -> Iterator[str]:
    if "Function Name" in plan:
        yield plan["Function Name"]
    for child in plan.get("Plans", []):
        yield from _functions(child)
