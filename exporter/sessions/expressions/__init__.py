"""Binds a source to the table that it names: its expressions, and their types.

Bare words become quoted columns, and PostgreSQL is asked for the type of every expression, so that
a naive timestamp without a zone, a condition that is no boolean or a misspelt column is reported in
a sentence and never becomes a wrong number.
"""

from collections.abc import Iterator

from exporter.config import RowThreshold, Source, TimeColumn
from exporter.errors import BadData, SchemaMismatch, SourceError
from exporter.postgres import Reader
from exporter.queries import fill, identifier, literal
from exporter.sessions import relation
from exporter.sessions.conditions import chooses_among, stored_column
from exporter.sessions.expressions.fit import TIMES, check_types, require_groupable
from exporter.sessions.expressions.result_types import WHOLE_NUMBERS, types_of, with_names
from exporter.sessions.expressions.used_objects import require_all_rows, require_no_effects
from exporter.sessions.moments import UNITS, Moment, interval
from exporter.sessions.orphaned import end_of_closed
from exporter.sessions.relation import Relation
from exporter.sessions.session_table import SessionTable
from exporter.text import some_of

#: Zones in which no local time occurs twice, so that naive timestamps compare like instants.
_WITHOUT_CLOCK_CHANGES = {"UTC", "Etc/UTC", "GMT", "Etc/GMT", "Zulu", "Etc/Zulu"}


async def declared(reader: Reader, source: Source) -> tuple[Relation, dict[str, str]]:
    """A source's table and its expressions by config key, read from the catalog, without rights."""
    found = await relation.find(reader, source.table)
    expressions = {key: _expression(text, found, key) for key, text in declared_texts(source)}
    return found, expressions | _id_columns(source, found)


async def bind(reader: Reader, source: Source) -> SessionTable:
    """Bind a source to its table. Raises SchemaMismatch where it does not fit, or SourceError."""
    found, expressions = await declared(reader, source)
    if reads_foreign := await _reads_foreign(reader, found):
        _isolate_foreign_reads(reader)
    await require_no_effects(reader, found)
    types = await types_of(reader, found, expressions)
    try:
        check_types(source, types)
    except SchemaMismatch:
        check_types(source, await with_names(reader, types))
        raise
    if "limit_per.key" in expressions:
        key = "limit_per.key"
        await require_groupable(reader, found, expressions[key], types[key])
    await require_all_rows(reader, found, expressions.values())

    times = {each.name for each in found.columns.values() if each.counts_time and not each.virtual}

    def moment(key: str, column: TimeColumn) -> Moment:
        stored = stored_column(expressions[key])
        return Moment(
            raw=expressions[key],
            unit=None if column.epoch is None else UNITS[column.epoch],
            is_whole=types[key] in WHOLE_NUMBERS,
            has_zone_for_sure=source.timestamps_in is not None,
            is_naive=types[key] == "timestamp without time zone",
            has_clock_changes=source.timestamps_in not in _WITHOUT_CLOCK_CHANGES,
            column=stored,
            is_among_columns=stored is not None or chooses_among(expressions[key], times),
        )

    columns = {key: getattr(source, key) for key in TIMES}
    moments = {key: moment(key, column) for key, column in columns.items() if column is not None}
    started_at, ended_at = moments["started_at"], moments.get("ended_at")
    exists = expressions.get("where", "true")
    active = expressions["active"]
    return SessionTable(
        source=source,
        relation=found,
        expressions=expressions,
        types=types,
        rows=f"({exists}) AND ({active})",
        exists=f"({exists})",
        active=f"({active})",
        started_at=started_at,
        last_seen_at=moments.get("last_seen_at"),
        ended_at=ended_at,
        duration=_duration(expressions.get("duration"), started_at, ended_at),
        labels=tuple(
            _label(expressions[f"labels.{name}"], label.values)
            for name, label in source.labels.items()
        ),
        integrity=tuple(expressions[f"integrity.{name}"] for name in source.integrity),
        limit_key=expressions.get("limit_per.key"),
        id=tuple(text for key, text in expressions.items() if key == "id" or key.startswith("id.")),
        show=tuple(expressions[f"show.{shown.name}"] for shown in source.show),
        threshold=_threshold(expressions.get("orphaned_after")),
        owner=f"({expressions['owner']})::text" if source.owner is not None else None,
        encoding=await _encoding(reader) if source.has_evidence else "UTF8",
        reads_foreign=reads_foreign,
    )


def isolate_foreign_reads(reader: Reader, table: SessionTable | None) -> None:
    """Make readers of foreign tables wait for each other, and share no message.

    If servers of foreign tables never answer, they hold one connection, and not all.
    """
    if table is not None and table.reads_foreign:
        _isolate_foreign_reads(reader)


def _isolate_foreign_reads(reader: Reader) -> None:
    reader.user, reader.shares_messages = "foreign tables", False


async def _reads_foreign(reader: Reader, found: Relation) -> bool:
    """Whether its table is a foreign table, or above one."""
    if found.kind not in {"view", "partitioned table"}:
        return found.kind == "foreign table"
    return bool(await reader.value(fill("catalog/reads_foreign", oid=str(found.oid))))


async def _encoding(reader: Reader) -> str:
    return str(await reader.value(fill("collection/orphaned/encoding")))


def declared_texts(source: Source) -> Iterator[tuple[str, str]]:
    """The SQL that a source declares about its rows, by config key."""
    keys = ("where", "active", *TIMES, "duration")
    named: dict[str, str | TimeColumn | None] = {key: getattr(source, key) for key in keys}
    if isinstance(source.id, str):
        named["id"] = source.id
    if isinstance(source.orphaned_after, RowThreshold):
        named["orphaned_after"] = source.orphaned_after.sql
    named |= {} if source.owner is None else {"owner": source.owner.of}
    named |= {f"labels.{name}": label.value for name, label in source.labels.items()}
    named |= {f"integrity.{name}": text for name, text in source.integrity.items()}
    named |= {} if source.limit_per is None else {"limit_per.key": source.limit_per.key}
    named |= {f"show.{shown.name}": shown.sql for shown in source.show}
    for key, value in named.items():
        if value is not None:
            yield key, value.sql if isinstance(value, TimeColumn) else value


def _id_columns(source: Source, found: Relation) -> dict[str, str]:
    """The columns of an id that has several, by their config keys."""
    if source.id is None or isinstance(source.id, str):
        return {}
    try:
        columns = [found.column(name) for name in source.id]
    except SchemaMismatch as error:
        raise SchemaMismatch(f"id: {error}") from None
    for n, each in enumerate(columns):
        if each in columns[:n]:
            raise SchemaMismatch(f"id: {some_of(source.id)} name the column {each.name} twice")
    return {f"id.{each.name}": f"s.{identifier(each.name)}" for each in columns}


def _expression(text: str, found: Relation, key: str) -> str:
    try:
        return found.expression(text)
    except SchemaMismatch as error:
        raise SchemaMismatch(f"{key}: {error}") from None


async def name_failing_expression(reader: Reader, table: SessionTable) -> str | None:
    """The config key of the expression that fails on a value of some row; None: none does.

    PostgreSQL does not report the expression of a bad value, so each expression is tried alone.
    """
    attempts = [("where", "true", table.exists)] if table.source.where is not None else []
    attempts += [("active", "true", table.rows)]
    attempts += [
        (key, text, table.rows)
        for key, text in table.expressions.items()
        if key not in {"where", "active"}
    ]
    if table.source.daily is not None:
        # The daily statistics read these expressions from rows that are not active too.
        window = f"(pg_catalog.now() - {interval((table.source.daily.days + 1) * 86400)})"
        rows = f"{table.exists} AND {table.started_at.from_(window)}"
        read_daily = {"active", "started_at", "ended_at", "duration"}
        attempts += [
            (key, text, rows)
            for key, text in table.expressions.items()
            if key in read_daily or key.startswith("labels.")
        ]
    for key, text, rows in attempts:
        try:
            await reader.read(table.statement("collection/evaluate", expression=text, rows=rows))
        except BadData:
            return key
        except SourceError:
            return None
    return None


def _threshold(declared: str | None) -> str | None:
    """Force the type interval: a domain over interval becomes one, and any other type fails.

    For a domain, any role can create an operator that matches better than that of pg_catalog.
    """
    return None if declared is None else f"coalesce(({declared}), NULL::interval)"


def _duration(declared: str | None, started_at: Moment, ended_at: Moment | None) -> str | None:
    """Seconds; without a declared duration the end of a closed row minus its start."""
    if declared is not None:
        return f"({declared})::float8"
    if ended_at is None:
        return None
    start, end = started_at.sql, ended_at.sql
    return f"pg_catalog.date_part('epoch', {end_of_closed(start, end)} - {start})"


def _label(expression: str, values: tuple[str, ...]) -> str:
    """Number the declared values, so that no other value is transferred or becomes a label."""
    whens = " ".join(f"WHEN {literal(value)} THEN {n}" for n, value in enumerate(values))
    return f"CASE ({expression})::text {whens} ELSE {len(values)} END"
