"""Lists orphaned sessions, with the columns that `show` names, and the keys that they block."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from exporter.errors import BadData
from exporter.postgres import Reader, Result, Row
from exporter.queries import identifier, join_lines
from exporter.sessions import (
    STATEMENT_TIME,
    SessionTable,
    evidence_settings,
    name_failing_expression,
)
from exporter.sessions.verdict import NO_EVIDENCE, Verdict

#: Maximum characters of a shown value: a column may contain anything.
LONGEST_TEXT = 200
#: Maximum characters of an id, which may be passed to a command: no PostgreSQL index holds a longer
#: one.
LONGEST_ID = 8_000

#: An id as it is shown: a text, or one for each column where the id has several.
IdText = str | tuple[str | None, ...] | None


@dataclass(frozen=True, slots=True)
class Orphan:
    """One orphaned session. Times are Unix timestamps, ages seconds by the database's clock."""

    id: IdText
    last_seen: float
    age: float | None
    silence: float
    show: Mapping[str, str | None]
    threshold: float | None = None
    """The row's own threshold in seconds, where each row has one; None if it is unusable."""
    cause: str | None = None
    """One of CAUSES; None where the source has neither owners nor a list."""
    owner: str | None = None
    """The owner that holds it; None if unknown, or if the source has neither owners nor a list."""


@dataclass(frozen=True, slots=True)
class OrphanList:
    """The orphans that have been orphaned longest, and how many there are in all."""

    orphaned_count: int
    orphans: tuple[Orphan, ...]


@dataclass(frozen=True, slots=True)
class BlockedKey:
    """One key at the limit of `limit_per` that orphans keep from starting a session."""

    key: str | None
    active: int
    orphaned: int
    last_seen: float
    """Last seen of its longest silent orphan, as a Unix timestamp."""
    silence: float
    """Seconds since then, by the database's clock."""


@dataclass(frozen=True, slots=True)
class BlockedKeyList:
    """The keys that have been blocked for longest, and how many there are in all."""

    blocked_count: int
    keys: tuple[BlockedKey, ...]


def orphan_count_query(table: SessionTable, *, older_than: float | None = None) -> str:
    """The statement that counts them; `older_than` in seconds replaces orphaned_after."""
    orphaned = table.orphaned(STATEMENT_TIME, older_than)
    return table.statement("lists/orphan_count", orphaned=orphaned)


def orphans_query(
    table: SessionTable,
    *,
    limit: int,
    older_than: float | None = None,
    for_people: bool = False,
) -> str:
    """The statement that lists orphans; `older_than` in seconds replaces orphaned_after.

    `for_people` formats and names the columns for psql.
    """
    last_seen, own, now = table.last_seen, table.orphaned_at, STATEMENT_TIME.now
    if for_people:
        times = {
            "last_seen": last_seen,
            "silent_for": f"{now} - {last_seen}",
            "age": f"{now} - {table.started_at.sql}",
        }
        if own is not None:
            times["threshold"] = f"{own} - {last_seen}"
        columns = named_columns(id_columns(table), times, shown_columns(table))
    else:
        now = f"extract(epoch FROM {now})::float8"
        columns = [
            f"extract(epoch FROM {last_seen})::float8",
            f"{now} - extract(epoch FROM {table.started_at.sql})::float8",
            now,
            *(as_bytes(each, LONGEST_ID) for each in table.id),
            *map(as_bytes, table.show),
        ]
        if table.own_seconds is not None:
            columns.append(table.own_seconds)
        if table.source.has_evidence:
            columns += [table.cause(STATEMENT_TIME, older_than), as_bytes(table.owner or "NULL")]
    return table.statement(
        "lists/orphans",
        columns=join_lines(columns),
        orphaned=table.orphaned(STATEMENT_TIME, older_than),
        order=table.last_seen_order if own is None or older_than is not None else own,
        limit=str(limit),
    )


def shown_columns(table: SessionTable) -> dict[str, str]:
    """The values of `show`, as SQL by name."""
    return {shown.name: text for shown, text in zip(table.source.show, table.show, strict=True)}


def id_columns(table: SessionTable) -> dict[str, str]:
    """The id as SQL by name: `id`, or its columns where it has several."""
    names = table.source.id if isinstance(table.source.id, tuple) else ("id",)
    return dict(zip(names, table.id or ("NULL",), strict=True))


def named_columns(*parts: Mapping[str, str]) -> list[str]:
    """Select items with names."""
    return [f"({text}) AS {identifier(name)}" for part in parts for name, text in part.items()]


async def list_orphans(
    reader: Reader,
    table: SessionTable,
    *,
    limit: int,
    older_than: float | None = None,
    verdict: Verdict = NO_EVIDENCE,
) -> OrphanList:
    """Read the full number of orphans, and then up to `limit` of them. Raises SourceError."""
    count = orphan_count_query(table, older_than=older_than)
    listing = orphans_query(table, limit=limit, older_than=older_than)
    counted, listed_rows = await _read(reader, table, verdict, count, listing)
    return OrphanList(counted.rows[0][0], tuple(_orphan(table, row) for row in listed_rows.rows))


async def read_orphans(
    reader: Reader, table: SessionTable, *, limit: int, verdict: Verdict = NO_EVIDENCE
) -> tuple[Orphan, ...]:
    """Read up to `limit` orphans without their number. Raises SourceError."""
    settings = tuple[str, ...]()
    if table.source.has_evidence:
        settings = await evidence_settings(verdict, table.encoding)
    *_, listed_rows = await reader.read(*settings, orphans_query(table, limit=limit))
    return tuple(_orphan(table, row) for row in listed_rows.rows)


def _orphan(table: SessionTable, row: Row) -> Orphan:
    """An orphan, from the columns of orphans_query()."""
    last_seen, age, now, *values = row
    names, parts = [shown.name for shown in table.source.show], len(table.id)
    texts, rest = values[: parts + len(names)], values[parts + len(names) :]
    cause, owner = (rest[-2], as_text(rest[-1])) if table.source.has_evidence else (None, None)
    return Orphan(
        as_id(texts[:parts]),
        last_seen,
        age,
        now - last_seen,
        dict(zip(names, map(as_text, texts[parts:]), strict=True)),
        None if table.threshold is None else rest[0],
        cause,
        owner,
    )


async def list_blocked_keys(
    reader: Reader,
    table: SessionTable,
    *,
    limit: int,
    older_than: float | None = None,
    verdict: Verdict = NO_EVIDENCE,
) -> BlockedKeyList:
    """Read up to `limit` keys that orphans block, and their full number. Raises SourceError.

    The table's source has to declare `limit_per`.
    """
    statement = table.statement(
        "collection/keys/blocked",
        now=STATEMENT_TIME.now,
        key=as_bytes("key", LONGEST_ID),
        keys=table.limited_keys(older_than),
        max=table.max_per_key,
        limit=str(limit),
    )
    (found,) = await _read(reader, table, verdict, statement)
    keys = tuple(
        BlockedKey(as_text(key), active, orphaned, last_seen, now - last_seen)
        for _, now, last_seen, active, orphaned, key in found.rows
    )
    return BlockedKeyList(found.rows[0][0] if found.rows else 0, keys)


async def _read(
    reader: Reader, table: SessionTable, verdict: Verdict, *statements: str
) -> list[Result]:
    """Read, and name the expression that fails on a value. Raises SourceError."""
    settings = tuple[str, ...]()
    if table.source.has_evidence:
        settings = await evidence_settings(verdict, table.encoding)
    try:
        return (await reader.read(*settings, *statements))[len(settings) :]
    except BadData as error:
        key = await name_failing_expression(reader, table)
        raise (BadData(f"{key}: {error}") if key else error) from None


def as_id(values: Iterable[bytes | None]) -> IdText:
    """The id of a row; None where the source declares none."""
    texts = tuple(map(as_text, values))
    return texts if len(texts) > 1 else next(iter(texts), None)


def as_bytes(text: str, most: int = LONGEST_TEXT) -> str:
    """The first characters of a value, in UTF-8 or as the bytes of a SQL_ASCII database.

    Such a database stores any bytes as text, and refuses to send bytes that are not UTF-8.
    """
    return (
        f"pg_catalog.convert_to(pg_catalog.left(({text})::text, {most}), CASE "
        "pg_catalog.getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END)"
    )


def as_text(value: bytes | None) -> str | None:
    """The result of as_bytes() as text."""
    return None if value is None else value.decode(errors="backslashreplace")
