"""What closing an orphaned session means for one source: its config as SQL on the real table.

The row is `s`, and the end that is chosen for it is `e.session_exporter_end`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from exporter import sessions
from exporter.config import Config, DatabaseSettings, Source
from exporter.config.fields.sql_lexer import tokens
from exporter.errors import BadData, PermissionDenied, SchemaMismatch
from exporter.postgres import Reader
from exporter.queries import fill, identifier, listed, literal
from exporter.sessions import Moment, SessionTable
from exporter.sessions.relation import Relation

#: No column of anybody's is called this, so that a bare word in an expression is never ambiguous.
END = "session_exporter_end"

_WORD = re.compile(r"[^\W\d][\w$]*")
#: Words that are SQL by themselves and no column.
_VALUES = {"true", "false", "null"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One source bound to its table for writing. Every text is SQL about the row `s`."""

    table: SessionTable
    id: str
    id_type: str
    end: str
    """When the session ended, as timestamptz."""
    changes: Mapping[str, str]
    """The new value of each column that is written, in the order of the config."""
    returning: Mapping[str, str]
    alive: str
    """Whether further evidence proves it alive; never NULL."""
    exempt: str
    """Whether it is protected; never NULL."""

    @property
    def relation(self) -> Relation:
        """The table itself."""
        return self.table.relation

    @property
    def recoverable(self) -> str:
        """The whole condition: orphaned by the clock and by all evidence, and not protected."""
        return (
            f"{self.table.rows} AND {self.table.orphaned()} AND NOT {self.alive} "
            f"AND NOT {self.exempt}"
        )

    @property
    def is_backlog(self) -> str:
        """Whether an orphan is too old to be recovered without somebody's word; never NULL."""
        return f"coalesce({self.table.orphaned(self.table.source.recovery.max_age)}, false)"

    @property
    def columns_written(self) -> str:
        """The columns that are written, with their values now, as jsonb."""
        return _object({name: f"s.{identifier(name)}" for name in self.changes})

    @property
    def reported(self) -> str:
        """What `returning` declares, as jsonb."""
        return _object(self.returning)

    @property
    def evidence(self) -> str:
        """What is known of a session when it is closed, as jsonb."""
        silence = f"extract(epoch FROM now() - {self.table.last_seen})"
        return _object({"last_seen": self.table.last_seen, "silence_seconds": silence})

    @property
    def still_alive(self) -> str:
        """Of a row that was closed: whether the evidence proves it alive as it is now, as jsonb.

        So does evidence that looks at what closing writes, and then nothing follows from it later.
        """
        is_declared = self.table.source.recovery.evidence is not None
        return _object({"alive": self.alive} if is_declared else {})

    @property
    def described(self) -> dict[str, object]:
        """By which rule a session is closed, for the audit."""
        source = self.table.source
        return {
            "orphaned_after_seconds": source.orphaned_after,
            "end_at": source.recovery.end_at or "last_seen",
            "evidence": source.recovery.evidence,
            "exempt": source.recovery.exempt,
        }


def _object(values: Mapping[str, str]) -> str:
    pairs = (f"{literal(name)}, ({text})" for name, text in values.items())
    return f"jsonb_build_object({', '.join(pairs)})"


def connection_settings(config: Config, source: Source, database: str) -> DatabaseSettings:
    """How recovery connects: as a role of its own where it is given one."""
    return own_settings(config.databases[database], source)


def own_settings(settings: DatabaseSettings, source: Source) -> DatabaseSettings:
    """The same, from how collection connects."""
    if source.recovery.dsn is None:
        return settings
    return settings.model_copy(update={"dsn": source.recovery.dsn, "password_file": None})


def reading_settings(settings: DatabaseSettings, source: Source) -> DatabaseSettings:
    """How recovery looks for sessions: where a function closes them, as collection does.

    The role that may call it has no right to see them.
    """
    return own_settings(settings, source) if source.recovery.call is None else settings


async def bind_rule(reader: Reader, source: Source) -> Rule:
    """Bind a source for recovery. Raises SchemaMismatch with a sentence for what does not fit."""
    table = await sessions.bind(reader, source)
    relation, recovery = table.relation, source.recovery
    if relation.kind not in {"table", "partitioned table"}:
        raise SchemaMismatch(
            f"recovery: {relation.sql} is a {relation.kind}; only tables can be recovered, so "
            "declare the table below it as a source"
        )
    id_ = await _id(reader, table)
    end = own_end_or(table, await _end(reader, table))
    changes = _changes(table)
    return Rule(
        table=table,
        id=f"s.{identifier(id_)}",
        id_type=relation.columns[id_].type,
        end=end,
        changes=changes,
        returning={each.name: _expression(relation, each.sql) for each in recovery.returning},
        alive=_condition(relation, recovery.evidence),
        exempt=_condition(relation, recovery.exempt),
    )


async def policies(reader: Reader, relation: Relation) -> str:
    """The policies that may keep this role from updating a row, where row-level security holds.

    Raises PermissionDenied where none lets it update any: PostgreSQL would find nothing, and say
    nothing.
    """
    (result,) = await reader.read(fill("recovery/rule/policies", oid=str(relation.oid)))
    is_active, may_update, limiting = result.rows[0]
    if is_active and not may_update:
        raise PermissionDenied(
            f"row-level security lets this role update no row of {relation.sql}; a policy FOR "
            "UPDATE has to"
        )
    return str(limiting or "") if is_active else ""


async def prove(reader: Reader, rule: Rule, *, writes: bool = True) -> None:
    """Have PostgreSQL plan the change of each column, without making it.

    A role that does not write may not even plan it: for that one (`writes` is False), only whether
    each new value can be computed is asked.
    Raises SchemaMismatch, BadData or PermissionDenied that names the key of the config.
    """
    relation = rule.relation
    if writes:
        await policies(reader, relation)
    attempts = {f"recovery.set.{name}": (name, text) for name, text in rule.changes.items()}
    for key, (name, text) in attempts.items():
        end = f"(SELECT now()::timestamptz AS {END})"
        statement = fill(
            "recovery/rule/check_change",
            table=rule.table.table,
            column=identifier(name),
            value=text,
            end=end,
        )
        if not writes:
            row = f"{end} AS e, {rule.table.table}"
            statement = fill("catalog/describe", expressions=f"({text})", table=row)
        try:
            await reader.read(statement)
        except (SchemaMismatch, BadData) as error:
            raise type(error)(f"{key}: {error}{_hint(relation, name)}") from None
    conditions = {"evidence": rule.alive, "exempt": rule.exempt}
    values = {f"returning.{name}": text for name, text in rule.returning.items()}
    for key, text in {"end_at": rule.end, **conditions, **values}.items():
        try:
            await reader.read(
                fill("catalog/describe", expressions=f"({text})", table=rule.table.table)
            )
        except (SchemaMismatch, BadData) as error:
            raise type(error)(f"recovery.{key}: {error}") from None


def _hint(relation: Relation, column: str) -> str:
    if relation.columns[column].is_enum:
        return (
            f"; the column is of the enum {relation.columns[column].type}: is it one of its values?"
        )
    return f"; the column is of type {relation.columns[column].type}"


async def _id(reader: Reader, table: SessionTable) -> str:
    """The column that names a session, which has to be unique."""
    declared = table.source.id or ""
    if not _WORD.fullmatch(declared):
        raise SchemaMismatch("id: recovery needs a column, not an expression")
    column = table.relation.column(declared)
    statement = fill(
        "recovery/rule/unique_id", oid=str(table.relation.oid), column=literal(column.name)
    )
    (result,) = await reader.read(statement)
    if not result.rows[0][0]:
        raise SchemaMismatch(
            f"id: recovery needs a column with a unique index, and {column.name} has none"
        )
    return column.name


async def _end(reader: Reader, table: SessionTable) -> str:
    """The end of a recovered session as timestamptz."""
    declared = table.source.recovery.end_at or "last_seen"
    if declared == "last_seen":
        return table.last_seen
    if declared == "now":
        return "now()"
    text = _expression(table.relation, declared)
    try:
        types = await sessions.types_of(reader, table.relation, {"recovery.end_at": text})
    except (SchemaMismatch, BadData) as error:
        raise type(error)(str(error)) from None
    type_ = types["recovery.end_at"]
    if type_ == "timestamp without time zone" and table.source.timestamps_in is None:
        raise SchemaMismatch(
            "recovery.end_at: a timestamp without a time zone; set timestamps_in to its zone"
        )
    if not type_.startswith("timestamp"):
        raise SchemaMismatch(f"recovery.end_at: expected a timestamp, got {type_}")
    return f"({text})::timestamptz"


def _changes(table: SessionTable) -> dict[str, str]:
    """The new value of each column, each of which is written once, however it is spelt."""
    recovery, changes = table.source.recovery, dict[str, str]()
    spellings = dict[str, str]()
    for word, text in recovery.set.items():
        name = table.relation.column(word).name
        if name in spellings:
            raise SchemaMismatch(
                f"recovery.set: {spellings[name]} and {word} are one column, {name}; write it once"
            )
        spellings[name] = word
        changes[name] = _new_value(table, word, text)
    if recovery.mark is not None:
        marked = _mark(table.relation, recovery.mark.column, recovery.mark.merge)
        for name in marked.keys() & spellings.keys():
            raise SchemaMismatch(
                f"recovery.mark.column: {recovery.mark.column} and {spellings[name]} in "
                f"recovery.set are one column, {name}; a column is written once"
            )
        changes |= marked
    return changes


def _new_value(table: SessionTable, word: str, text: str) -> str:
    """What a column becomes; `{end}` is the end in the column's own type and zone."""
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
    value = value.replace("{end}", _typed(table, column.type))
    name = f"s.{identifier(column.name)}"
    if table.ended_at is None or table.ended_at.raw != name:
        return value
    return f"CASE WHEN {_has_ended(table.ended_at)} THEN {name} ELSE ({value}) END"


def own_end_or(table: SessionTable, end: str) -> str:
    """The end that the application has written, where it has; else the one that is chosen."""
    ended_at = table.ended_at
    if ended_at is None:
        return end
    return f"CASE WHEN {_has_ended(ended_at)} THEN {ended_at.sql} ELSE ({end}) END"


def _has_ended(ended_at: Moment) -> str:
    """An end that is still to come is a plan and no end."""
    return f"{ended_at.sql} <= now()"


def _typed(table: SessionTable, type_: str) -> str:
    """The end in a column's type; for a type that is no time, as the start is stored."""
    plain, end = re.sub(r"\(\d+\)", "", type_), f"e.{END}"
    if plain.startswith("timestamp with time zone"):
        return end
    if plain.startswith(("timestamp", "date")):
        return f"({end})::{plain}"
    start: Moment = table.started_at
    if start.unit is not None:
        units = f"(extract(epoch FROM {end}) * {start.unit:.0f})"
        return f"{units}::bigint" if start.is_whole else units
    return f"({end})::timestamp" if start.is_naive else end


def _mark(relation: Relation, word: str, merge: str) -> dict[str, str]:
    """The change of the marked column: safe for NULL, arrays and scalars."""
    column = relation.column(word)
    if column.type != "jsonb":
        raise SchemaMismatch(
            f"recovery.mark.column: expected a column of type jsonb, got {column.type} "
            f"({column.name}); put what is to be noted into a column of its own, with `set`"
        )
    name = f"s.{identifier(column.name)}"
    # NULL || jsonb is NULL, and an array or a scalar would become an array of both.
    merged = f"CASE jsonb_typeof({name}) WHEN 'object' THEN {name} || {literal(merge)}::jsonb"
    return {column.name: f"{merged} ELSE coalesce({name}, {literal(merge)}::jsonb) END"}


def _condition(relation: Relation, declared: str | None) -> str:
    if declared is None:
        return "false"
    return f"coalesce(({_expression(relation, declared)}), false)"


def _expression(relation: Relation, text: str) -> str:
    """A bare word is a column; anything else is taken as it is, on lines of its own."""
    if _WORD.fullmatch(text) and text.lower() not in _VALUES:
        return f"s.{identifier(relation.column(text).name)}"
    return f"\n{text}\n"


def assignments(rule: Rule) -> str:
    """What follows SET."""
    return listed([f"{identifier(name)} = ({text})" for name, text in rule.changes.items()])
