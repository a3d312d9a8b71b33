"""The values of the collector `active` for a source without a table, from its list."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from exporter.collection.active import ActiveValues, Counts, KeyCounts, lost
from exporter.collection.age_cells import AgeCells, Histogram
from exporter.config import ListedSource
from exporter.evidence.answers import ListedSession
from exporter.sessions import CAUSES


@dataclass(frozen=True, slots=True)
class ListedRow:
    """One listed session. Times are Unix timestamps, ages seconds; None: the list has no time."""

    id: str
    key: str | None
    started_at: float | None
    last_seen: float | None
    """Its newest sign of life, which may be its start."""
    age: float | None
    silence: float | None
    cause: str | None
    """Why it is orphaned, one of CAUSES; None: it is not orphaned."""


def rows_of(
    source: ListedSource,
    sessions: Mapping[str, ListedSession],
    now: float,
    *,
    older_than: float | None = None,
) -> list[ListedRow]:
    """Judge each session of a list at a Unix time; `older_than` replaces orphaned_after."""
    threshold = source.orphaned_after if older_than is None else older_than
    rows = []
    for session, listed in sessions.items():
        started, seen = listed.started_at, listed.last_seen_at
        last_seen = max((each for each in (started, seen) if each is not None), default=None)
        silence = None if last_seen is None else now - last_seen
        cause = None
        if silence is not None and silence > threshold:
            cause = "age" if seen is None else "stale_in_list"
        age = None if started is None else now - started
        rows.append(ListedRow(session, listed.key, started, last_seen, age, silence, cause))
    return rows


def listed_values(
    source: ListedSource,
    sessions: Mapping[str, ListedSession],
    now: float,
    before: ActiveValues | None = None,
) -> ActiveValues:
    """Count the sessions of a complete list at a Unix time, like the active rows of a table.

    `before` are the values of the previous answer.
    """
    rows = rows_of(source, sessions, now)
    cells = AgeCells.of(
        source.orphaned_after, source.overlong_after, future_tolerance=source.future_tolerance
    )
    orphans = [row for row in rows if row.cause is not None]
    seen_ahead = [None if row.silence is None else -row.silence for row in rows]
    undated = seen_ahead.count(None)
    future = sum(
        ahead is not None and cells.is_future(cells.cell_of(ahead)) for ahead in seen_ahead
    )
    has_sign_of_life = any(each.last_seen_at is not None for each in sessions.values())
    return ActiveValues(
        now=now if rows else None,
        total=Counts(len(rows), len(orphans), sum(_is_overlong(source, row) for row in rows)),
        by_label={},
        age=_histogram(cells, [row.age for row in rows]),
        silence=(
            _histogram(cells, [row.silence for row in rows])
            if has_sign_of_life or source.of.last_seen_at is not None
            else None
        ),
        oldest_start=_oldest(row.started_at for row in rows),
        oldest_orphan_last_seen=_oldest(row.last_seen for row in orphans),
        excess=math.fsum(
            row.silence - source.orphaned_after for row in orphans if row.silence is not None
        ),
        inconsistent={"undated": undated, "future": future},
        keys=None if source.limit_per is None else _keys(rows, source.limit_per.max),
        by_cause={cause: sum(row.cause == cause for row in orphans) for cause in CAUSES},
        losses=lost.count_listed(
            None if before is None else before.losses,
            now,
            source.future_tolerance,
            (row.last_seen + source.orphaned_after for row in orphans if row.last_seen is not None),
        ),
        newest_start=_newest_start(source, rows, now, before),
    )


def _newest_start(
    source: ListedSource, rows: Iterable[ListedRow], now: float, before: ActiveValues | None
) -> float | None:
    """The newest start, also of a session that has left the list; future starts are ignored."""
    starts = [row.started_at for row in rows]
    if before is not None:
        starts.append(before.newest_start)
    latest = now + source.future_tolerance
    return max((each for each in starts if each is not None and each <= latest), default=None)


def _is_overlong(source: ListedSource, row: ListedRow) -> bool:
    if source.overlong_after is None or row.age is None or row.cause is not None:
        return False
    return row.age > source.overlong_after


def _oldest(times: Iterable[float | None]) -> float | None:
    return min((each for each in times if each is not None), default=None)


def _histogram(cells: AgeCells, ages: list[float | None]) -> Histogram:
    return Histogram.of(
        cells, ((cells.cell_of(None if age is None else -age), 1, age) for age in ages)
    )


def _keys(rows: list[ListedRow], limit: int) -> KeyCounts:
    active = sessions_by_key(rows)
    full = [mine for mine in active.values() if len(mine) >= limit]
    return KeyCounts(len(full), sum(is_blocked(mine, limit) for mine in full))


def sessions_by_key(rows: Iterable[ListedRow]) -> Mapping[str, list[ListedRow]]:
    """The sessions of each known key."""
    found = defaultdict[str, list[ListedRow]](list)
    for row in rows:
        if row.key is not None:
            found[row.key].append(row)
    return found


def is_blocked(sessions: Sequence[ListedRow], limit: int) -> bool:
    """Whether a key with these sessions cannot start another one because of its orphans."""
    return len(sessions) >= limit > sum(each.cause is None for each in sessions)
