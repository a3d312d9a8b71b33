"""Lists the rows that `sessions_inconsistent` counts, by the same conditions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial

from exporter.collection import age_cells
from exporter.collection.active.grid import ENDS, Grid, row_columns, state_columns
from exporter.collection.active.kept_rows import InconsistentRow
from exporter.collection.daily import closed_rows
from exporter.config import Source
from exporter.errors import BadData
from exporter.postgres import Reader
from exporter.queries import join_lines, literal
from exporter.sessions import STATEMENT_TIME, SessionTable, name_failing_expression
from exporter.sessions.orphan_list import (
    LONGEST_ID,
    as_bytes,
    as_id,
    as_text,
    id_columns,
    named_columns,
    shown_columns,
)

CLOSED_WITHOUT_END, SEEN_AFTER_END = CLOSED_KINDS = ("closed_without_end", "seen_after_end")

#: A long alias, so that no name in an expression of the config can refer to it.
_ALIAS = "row_of_session_exporter"
_CELL, _INTEGRITY = f"{_ALIAS}_cell", f"{_ALIAS}_integrity"


@dataclass(frozen=True, slots=True)
class InconsistentRows:
    """The number of rows of the requested kinds, and some of them, oldest start first."""

    count: int
    rows: tuple[InconsistentRow, ...]


def kinds_of(source: Source) -> list[str]:
    """The kinds that are counted of a source, as samples of `sessions_inconsistent`."""
    kinds = ["undated", "future"]
    if source.ended_at is not None:
        kinds += filter(None, ENDS)
    if source.fixed_threshold is None:
        kinds.append("unbounded")
    kinds += source.integrity
    if source.daily is not None and (source.ended_at or source.duration) is not None:
        kinds.append(CLOSED_WITHOUT_END)
        # If no column holds the last sign of life, this kind is not counted.
        kinds += [SEEN_AFTER_END] if source.ended_at and source.last_seen_at else []
    return kinds


async def list_inconsistent(
    reader: Reader,
    table: SessionTable,
    *,
    kind: str | None,
    limit: int,
    among: Collection[str] | None = None,
    names_failing: bool = True,
) -> InconsistentRows:
    """Read the rows of a kind, or of all kinds: up to `limit` of them. Raises SourceError.

    `among` are all kinds; with `names_failing` a failing expression is searched for and named.
    """
    queries = await inconsistent_queries(reader, table, kind=kind, limit=limit, among=among)
    if not queries:
        return InconsistentRows(0, ())
    try:
        results = await reader.read(*queries.values())
    except BadData as error:
        key = await name_failing_expression(reader, table) if names_failing else None
        raise (BadData(f"{key}: {error}") if key else error) from None
    names, parts = [shown.name for shown in table.source.show], len(table.id)
    count, found = 0, list[InconsistentRow]()
    for result, listed in zip(results, queries, strict=True):
        count += result.rows[0][0] if result.rows else 0
        for _, matches, started, last_seen, ended, *texts in result.rows:
            of = tuple(each for each, matched in zip(listed, matches, strict=True) if matched)
            show = dict(zip(names, map(as_text, texts[parts:]), strict=True))
            row = InconsistentRow(of, as_id(texts[:parts]), started, last_seen, ended, show)
            found.append(row)
    return InconsistentRows(count, tuple(found[:limit]))


async def inconsistent_queries(
    reader: Reader,
    table: SessionTable,
    *,
    kind: str | None,
    limit: int,
    among: Collection[str] | None = None,
    for_people: bool = False,
) -> dict[tuple[str, ...], str]:
    """The statements that list rows, by the kinds that each distinguishes. Raises SourceError.

    `for_people` formats and names the columns for psql.
    """
    meant = kinds_of(table.source) if among is None else among
    known = [each for each in meant if kind in {None, each}]
    queries = dict[tuple[str, ...], str]()
    write = partial(_query, table, limit, for_people)
    active = {name: sql for name, sql in _active_kinds(table).items() if name in known}
    if active:
        placed = [f"{Grid.of(table.source).cell(table)} AS {_CELL}"]
        numbers = range(len(table.integrity))
        placed += [f"integrity_{number} AS {_INTEGRITY}_{number}" for number in numbers]
        own = table.orphaned_at
        threshold = [] if own is None else [f"{own} AS orphaned_at"]
        counted = [*state_columns(table), *threshold, *row_columns(table)]
        queries[tuple(active)] = write(active, placed, counted, table.rows)
    counted = closed_rows.columns(table)
    conditions = {CLOSED_WITHOUT_END: closed_rows.is_without_end(table)}
    if table.seen_after_end is not None:
        counted.append(f"({table.seen_after_end}) AS is_seen_after_end")
        conditions[SEEN_AFTER_END] = "is_seen_after_end"
    closed = {kind: f"{_ALIAS}_{kind}" for kind in conditions if kind in known}
    if closed:
        placed = [f"({conditions[kind]}) AS {name}" for kind, name in closed.items()]
        rows = await closed_rows.of_the_days(reader, table)
        queries[tuple(closed)] = write(closed, placed, counted, rows)
    return queries


def _active_kinds(table: SessionTable) -> dict[str, str]:
    """The kinds of active rows with their conditions: the coordinates of a cell, as counted."""
    grid = Grid.of(table.source)
    last_seen = age_cells.grid_coordinate(grid.sizes, _CELL, 2 + (table.last_seen_at is not None))
    kinds = {
        "undated": f"{last_seen} = {grid.seens.undated}",
        "future": f"{last_seen} = {grid.seens.future}",
    }
    if table.ended_at is not None:
        end = age_cells.grid_coordinate(grid.sizes, _CELL, 0)
        kinds |= {kind: f"{end} = {number}" for number, kind in enumerate(ENDS) if kind}
    if table.threshold is not None:
        state = age_cells.grid_coordinate(grid.sizes, _CELL, 1)
        kinds["unbounded"] = f"{grid.unbounded(state)} AND {last_seen} <> {grid.seens.undated}"
    for number, kind in enumerate(table.source.integrity):
        kinds[kind] = f"{_INTEGRITY}_{number} IS TRUE"
    return kinds


def _query(  # noqa: PLR0917 - the first three are the same for all
    table: SessionTable,
    limit: int,
    for_people: bool,
    kinds: Mapping[str, str],
    placed: list[str],
    counted: list[str],
    rows: str,
) -> str:
    ended = "NULL::timestamptz" if table.ended_at is None else table.ended_at.sql
    times = {"started": table.started_at.sql, "last_seen": table.last_seen, "ended": ended}
    if for_people:
        columns = named_columns(id_columns(table), times, shown_columns(table))
        names = [f"CASE WHEN {sql} THEN {literal(kind)} END" for kind, sql in kinds.items()]
        matches = f"pg_catalog.concat_ws(', '::text, {', '.join(names)}) AS kind"
    else:
        columns = [f"extract(epoch FROM ({each})::timestamptz)::float8" for each in times.values()]
        columns += [as_bytes(each, LONGEST_ID) for each in table.id]
        columns += map(as_bytes, table.show)
        matches = f"ARRAY[{', '.join(kinds.values())}]::bool[]"
    return table.statement(
        "lists/inconsistent",
        now=STATEMENT_TIME.now,
        kinds=matches,
        columns=join_lines(columns),
        placed=join_lines(placed),
        counted=join_lines(counted, indent=8),
        alias=_ALIAS,
        rows=rows,
        is_listed=" OR ".join(kinds.values()),
        order=table.started_at.sql,
        limit=str(limit),
    )
