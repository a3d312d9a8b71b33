"""From the config to SQL: a source bound to its table for writing."""

import json

from exporter import sessions
from exporter.config import Source
from exporter.config.fields.sql_lexer import tokens
from exporter.errors import PermissionDenied, SchemaMismatch
from exporter.postgres import Reader
from exporter.queries import array, fill, identifier, literal
from exporter.recovery.rule.rule import Rule, own_end_or
from exporter.recovery.rule.session_id import SessionId
from exporter.recovery.rule.written_end import end_as
from exporter.sessions import TRANSACTION_TIME, SessionTable
from exporter.sessions.expressions.used_objects import require_all_rows
from exporter.sessions.orphaned import end_of_closed
from exporter.sessions.relation import Relation, is_bare_word

#: Words that are values, not columns.
_VALUES = {"true", "false", "null"}


async def bind_rule(reader: Reader, source: Source) -> Rule:
    """Bind a source to its table. Raises SourceError, such as SchemaMismatch."""
    table = await sessions.bind(reader, source)
    relation, recovery = table.relation, source.recovery
    if not relation.is_table:
        raise SchemaMismatch(
            f"recovery: {relation.sql} is a {relation.kind}; only tables can be recovered, so "
            "declare the table that it reads as a source"
        )
    await _require_visible_proof(reader, relation, source)
    return Rule(
        table=table,
        id=await _id(reader, table),
        end=own_end_or(table, await _end(reader, table)),
        changes=await _changes(reader, table),
        returning={each.name: _expression(relation, each.sql) for each in recovery.returning},
        alive=_condition(relation, recovery.evidence),
        exempt=_condition(relation, recovery.exempt),
    )


async def _require_visible_proof(reader: Reader, relation: Relation, source: Source) -> None:
    """Raise PermissionDenied if rows that protect a session from closing are hidden."""
    keys = ("evidence", "exempt")
    declared = {key: getattr(source.recovery, key) for key in keys}
    texts = [_named(relation, key, text) for key, text in declared.items() if text is not None]
    effect = "live sessions would be closed"
    try:
        await require_all_rows(reader, relation, texts, effect=effect)
    except PermissionDenied as error:
        raise PermissionDenied(f"recovery: {error}") from None


async def follow_table(reader: Reader, table: SessionTable) -> Rule:
    """The rule of a bound source whose sessions are tracked and not closed.

    Raises SourceError, and SchemaMismatch if its `id` is not columns with a unique index.
    """
    return Rule(
        table=table,
        id=await _id(reader, table),
        end=table.last_seen,
        changes={},
        returning={},
        alive=_condition(table.relation, table.source.recovery.evidence),
        exempt="false",
    )


async def _id(reader: Reader, table: SessionTable) -> SessionId:
    """The columns of the id, which have to be unique together."""
    declared, relation = table.source.id or "", table.relation
    words = (declared,) if isinstance(declared, str) else declared
    is_expression = isinstance(declared, str) and not is_bare_word(declared)
    columns = () if is_expression else tuple(map(relation.column, words))
    names = [each.name for each in columns]
    ((is_unique, others, may_be_shared),) = await reader.rows(
        fill(
            "recovery/rule/unique_id",
            oid=str(relation.oid),
            is_partitioned="true" if relation.kind == "partitioned table" else "false",
            names=array(names),
            mentioned=array(relation.columns_in(words) if is_expression else names),
        )
    )
    listed = ", ".join(each if is_bare_word(each) else json.dumps(each) for each in others or ())
    advice = f"; unique are {listed}, so write id: [{listed}]" if len(others or ()) > 1 else ""
    if is_expression:
        raise SchemaMismatch(
            "id: to find a session again, a column is needed, not an expression; name one with a "
            f"unique index, or a list of those that are unique together{advice}"
        )
    if not is_unique:
        found = ", ".join(map(identifier, names))
        need, has = "a column with a unique index is", "has none of its own"
        if len(names) > 1:
            need, has = "columns with a unique index are", "have none together"
        raise SchemaMismatch(
            f"id: to find a session again, {need} needed, and {found} {has}; create one, or name "
            f"another column{advice}"
        )
    return SessionId(columns, may_be_shared)


async def _end(reader: Reader, table: SessionTable) -> str:
    """The end that `end_at` gives a session, as timestamptz."""
    declared = table.source.recovery.end_at or "last_seen"
    if declared == "last_seen":
        return table.last_seen
    if declared == "now":
        return "pg_catalog.now()"
    text = _expression(table.relation, declared)
    types = await sessions.types_of(reader, table.relation, {"recovery.end_at": text})
    type_ = types["recovery.end_at"]
    if type_ == "timestamp without time zone" and table.source.timestamps_in is None:
        raise SchemaMismatch(
            "recovery.end_at: a timestamp without a time zone; set timestamps_in to its zone"
        )
    if not type_.startswith("timestamp"):
        raise SchemaMismatch(
            f"recovery.end_at: expected a timestamp, got {type_}; for a number that counts since "
            "1970 write to_timestamp() of its seconds"
        )
    # An end before the start counts as none, as for an end that the application writes.
    return end_of_closed(table.started_at.sql, f"({text})::timestamptz")


async def _changes(reader: Reader, table: SessionTable) -> dict[str, str]:
    """The new value of each column. A column under two spellings is an error."""
    recovery, changes = table.source.recovery, dict[str, str]()
    columns = {f"recovery.set.{word}": table.relation.column(word) for word in recovery.set}
    # A domain is its base type here. Nothing is read, so no right is needed.
    nulls = {key: f"NULL::{column.type}" for key, column in columns.items()}
    types = await sessions.types_of(reader, table.relation, nulls)
    spellings = dict[str, str]()
    for word, text in recovery.set.items():
        name = table.relation.column(word).name
        if name in spellings:
            raise SchemaMismatch(
                f"recovery.set: {spellings[name]} and {word} are one column, {name}; write it once"
            )
        spellings[name] = word
        changes[name] = _new_value(table, word, text, types[f"recovery.set.{word}"])
    if recovery.mark is not None:
        name, merged = _mark(table.relation, recovery.mark.column, recovery.mark.merge)
        if name in spellings:
            raise SchemaMismatch(
                f"recovery.mark.column: {recovery.mark.column} and {spellings[name]} in "
                f"recovery.set are one column, {name}; a column is written once"
            )
        changes[name] = merged
    return changes


def _new_value(table: SessionTable, word: str, text: str, type_: str) -> str:
    """The new value of a column of a type; `{end}` is the end in its type, unit and zone."""
    column = table.relation.column(word)
    try:
        value = _expression(table.relation, text)
    except SchemaMismatch as error:
        advice = "a text is written in single quotes, in a block"
        raise SchemaMismatch(f"recovery.set.{word}: {error}; {advice}") from None
    if any(token.kind == "string" and "{end}" in token.text for token in tokens(value)):
        raise SchemaMismatch(
            f"recovery.set.{word}: {{end}} is an expression, and in quotes it would be a text; "
            "write it outside of them, for example 'ended ' || {end}"
        )
    if "{end}" in value:
        try:
            end = end_as(table, column, type_, is_alone=value.strip() == "{end}")
        except SchemaMismatch as error:
            raise SchemaMismatch(f"recovery.set.{word}: {error}") from None
        value = value.replace("{end}", end)
    if table.ended_at is None or table.ended_at.column != column.name:
        return value
    kept = f"s.{identifier(column.name)}"
    return f"CASE WHEN {table.has_ended(TRANSACTION_TIME)} THEN {kept} ELSE ({value}) END"


def _mark(relation: Relation, word: str, merge: str) -> tuple[str, str]:
    """The marked column and its new value: safe for NULL, arrays and scalars."""
    column = relation.column(word)
    if column.base != "jsonb":
        raise SchemaMismatch(
            f"recovery.mark.column: expected a column of type jsonb, got {column.type} "
            f"({column.name}); write the note into a separate column, with `set`"
        )
    name = f"s.{identifier(column.name)}"
    # NULL || jsonb is NULL, and an array or a scalar would become an array of both.
    merged = (
        f"CASE pg_catalog.jsonb_typeof({name}) WHEN 'object'"
        f" THEN {name} OPERATOR(pg_catalog.||) {literal(merge)}::jsonb"
    )
    return column.name, f"{merged} ELSE coalesce({name}, {literal(merge)}::jsonb) END"


def _condition(relation: Relation, declared: str | None) -> str:
    if declared is None:
        return "false"
    return f"coalesce(({_expression(relation, declared)}), false)"


def _named(relation: Relation, key: str, text: str) -> str:
    """An expression; raises SchemaMismatch that names its key."""
    try:
        return _expression(relation, text)
    except SchemaMismatch as error:
        raise SchemaMismatch(f"recovery.{key}: {error}") from None


def _expression(relation: Relation, text: str) -> str:
    return f"\n{text}\n" if text.lower() in _VALUES else relation.expression(text)
